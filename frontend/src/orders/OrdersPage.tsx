import { useState } from "react";
import { Outlet } from "react-router";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { NewOrder } from "./NewOrder";
import { OrdersTable } from "./OrdersTable";

/** The orders, with a place to make new ones; an order that is looked at lies over them. */
export function OrdersPage() {
  const [composing, setComposing] = useState(() => matchMedia("(min-width: 80rem)").matches);
  return (
    <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
      {composing && (
        <aside
          aria-label="New order"
          className="border-b border-line bg-surface lg:order-2 lg:w-100 lg:shrink-0 lg:overflow-y-auto lg:border-b-0 lg:border-l"
        >
          <NewOrder onClose={() => setComposing(false)} />
        </aside>
      )}
      <section aria-label="Orders" className="flex min-h-0 min-w-0 flex-1 flex-col">
        <OrdersTable>
          {!composing && (
            <Button kind="primary" onClick={() => setComposing(true)}>
              <Icon name="plus" size={14} />
              New order
            </Button>
          )}
        </OrdersTable>
      </section>
      <Outlet />
    </div>
  );
}
