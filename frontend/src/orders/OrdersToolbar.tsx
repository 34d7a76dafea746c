import { type ReactNode, useCallback } from "react";
import { CONTROL } from "../ui/Field";
import { asWords } from "../ui/format";
import { SearchField } from "../ui/SearchField";
import { useTyped } from "../ui/useTyped";
import type { Filter } from "./queries";
import { type OrderStatus, STATUSES } from "./status";

interface Props {
  filter: Filter;
  onChange: (change: Partial<Filter>) => void;
  total: string;
  children?: ReactNode;
}

export function OrdersToolbar({ filter, onChange, total, children }: Props) {
  const look = useCallback((q: string) => onChange({ q }), [onChange]);
  const [typed, setTyped] = useTyped(filter.q, look);
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-surface px-4 py-2">
      <h1 className="text-sm font-semibold">Orders</h1>
      <span className="mr-auto text-muted">{total}</span>
      <SearchField
        label="Search orders"
        placeholder="Customer, product or order id"
        maxLength={100}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
        className="order-last w-full sm:order-none sm:w-64"
      />
      <select
        aria-label="Status"
        value={filter.status ?? ""}
        onChange={({ target }) =>
          onChange({ status: (target.value || null) as OrderStatus | null })
        }
        className={CONTROL}
      >
        <option value="">All statuses</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {asWords(status)}
          </option>
        ))}
      </select>
      {children}
    </div>
  );
}
