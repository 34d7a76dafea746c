import { type ReactNode, useEffect, useState } from "react";
import { asWords } from "../ui/format";
import { Icon } from "../ui/Icon";
import type { Filter } from "./queries";
import { type OrderStatus, STATUSES } from "./status";

const TYPING = 250; // ms without a key until what was typed is looked for

interface Props {
  filter: Filter;
  onChange: (change: Partial<Filter>) => void;
  total: string;
  children?: ReactNode;
}

export function OrdersToolbar({ filter, onChange, total, children }: Props) {
  const [typed, setTyped] = useState(filter.q);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another filter changes the text
  useEffect(() => {
    if (filter.q !== typed.trim()) setTyped(filter.q);
  }, [filter.q]);
  useEffect(() => {
    const q = typed.trim();
    if (q === filter.q) return;
    const timer = setTimeout(() => onChange({ q }), TYPING);
    return () => clearTimeout(timer);
  }, [typed, filter.q, onChange]);

  return (
    <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-surface px-4 py-2">
      <h1 className="text-sm font-semibold">Orders</h1>
      <span className="mr-auto text-muted">{total}</span>
      <div className="order-last w-full sm:order-none sm:w-64">
        <label className="relative block">
          <span className="sr-only">Search orders</span>
          <span className="pointer-events-none absolute inset-y-0 left-2.5 flex items-center text-faint">
            <Icon name="search" size={14} />
          </span>
          <input
            type="search"
            value={typed}
            maxLength={100}
            placeholder="Customer, product or order id"
            onChange={(event) => setTyped(event.target.value)}
            className="h-8 w-full rounded-md border border-line-strong bg-surface pr-2 pl-8"
          />
        </label>
      </div>
      <select
        aria-label="Status"
        value={filter.status ?? ""}
        onChange={({ target }) =>
          onChange({ status: (target.value || null) as OrderStatus | null })
        }
        className="h-8 rounded-md border border-line-strong bg-surface px-2"
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
