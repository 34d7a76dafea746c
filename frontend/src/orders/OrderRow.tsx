import { memo, useState } from "react";
import { Link } from "react-router";
import { asMoney, shortId } from "../ui/format";
import { LinkRow } from "../ui/Table";
import { Time } from "../ui/Time";
import type { Order } from "./queries";
import { StatusBadge } from "./StatusBadge";
import { later } from "./status";
import { useTold } from "./told";

interface Props {
  order: Order;
  /** The filter in the address, which a link to the order keeps. */
  search: string;
  selected: boolean;
}

/** A row that follows its order by itself, so that an event draws one row anew and not all. */
export const OrderRow = memo(function OrderRow({ order, search, selected }: Props) {
  const told = useTold(order.id);
  const status = told ? later(told.status, order.status) : order.status;
  // A page of orders that have just moved does not flicker when it is turned to.
  const [before] = useState(status);
  const updated = told && status !== order.status ? told.at : order.updated_at;
  const to = `/orders/${order.id}${search}`;
  return (
    <LinkRow selected={selected}>
      <td className="w-px whitespace-nowrap">
        <Link
          to={to}
          title={order.id}
          className="rounded font-mono text-xs font-medium text-ink group-hover:text-accent"
        >
          {shortId(order.id)}
        </Link>
        <span className="block max-w-32 truncate text-xs text-muted md:hidden">
          <bdi>{order.customer_id}</bdi>
        </span>
      </td>
      <td className="hidden max-w-60 md:table-cell">
        <span className="block truncate">
          <bdi>{order.customer_id}</bdi>
        </span>
        <span className="block truncate text-xs leading-4 text-muted">
          <bdi>{order.customer_email}</bdi>
        </span>
      </td>
      <td className="hidden max-w-64 truncate text-muted xl:table-cell">{items(order)}</td>
      <td className="text-right font-medium">{asMoney(order.total)}</td>
      <td key={status} className={status === before ? "" : "arrive"}>
        <span title={order.failure_reason ?? told?.reason ?? undefined}>
          <StatusBadge status={status} />
        </span>
        <Time
          at={order.created_at}
          className="block text-xs leading-4 whitespace-nowrap text-muted sm:hidden"
        />
      </td>
      <td className="hidden whitespace-nowrap text-muted sm:table-cell">
        <Time at={order.created_at} />
      </td>
      <td className="hidden whitespace-nowrap text-muted sm:table-cell">
        <Time at={updated} />
      </td>
    </LinkRow>
  );
});

function items({ items: [first, ...rest] }: Order): string {
  if (!first) return "";
  const line = `${first.quantity} × ${first.name}`;
  return rest.length > 0 ? `${line} + ${rest.length} more` : line;
}
