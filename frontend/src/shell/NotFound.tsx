import { Link } from "react-router";
import { Empty } from "../ui/states";

export function NotFound() {
  return (
    <Empty title="There is no such page">
      <Link to="/orders" className="font-medium text-accent hover:text-accent-strong">
        Go to the orders
      </Link>
    </Empty>
  );
}
