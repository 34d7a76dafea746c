import { Badge } from "../ui/Badge";
import type { Tone } from "../ui/tones";
import type { OrderStatus } from "./status";

const TONES: Record<OrderStatus, Tone> = {
  pending: "calm",
  processing: "info",
  reserved: "info",
  paid: "accent",
  preparing: "accent",
  shipped: "warn",
  completed: "good",
  failed: "bad",
  cancelled: "calm",
};

export function StatusBadge({ status }: { status: OrderStatus }) {
  const struck = status === "cancelled" ? "line-through decoration-1" : "";
  return (
    <Badge tone={TONES[status]} className={`capitalize ${struck}`}>
      {status}
    </Badge>
  );
}
