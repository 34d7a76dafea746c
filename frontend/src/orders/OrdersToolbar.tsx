import { type ReactNode, useCallback } from "react";
import { CONTROL } from "../ui/Field";
import { asWords } from "../ui/format";
import { SearchField } from "../ui/SearchField";
import { Toolbar } from "../ui/Toolbar";
import { useTyped } from "../ui/useTyped";
import type { Filter } from "./filter";
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
    <Toolbar title="Orders" note={total}>
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
    </Toolbar>
  );
}
