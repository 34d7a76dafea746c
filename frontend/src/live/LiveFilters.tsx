import { useCallback } from "react";
import { CONTROL } from "../ui/Field";
import { asWords } from "../ui/format";
import { useTyped } from "../ui/useTyped";
import type { LiveFilter } from "./filter";
import { SERVICES, TYPES } from "./protocol";

interface Props {
  filter: LiveFilter;
  onChange: (change: Partial<LiveFilter>) => void;
}

export function LiveFilters({ filter, onChange }: Props) {
  const look = useCallback((order: string) => onChange({ order }), [onChange]);
  const [typed, setTyped] = useTyped(filter.order, look);
  return (
    <div className="order-last flex w-full flex-wrap gap-2 md:order-none md:w-auto">
      <select
        aria-label="Event type"
        value={filter.type}
        onChange={({ target }) => onChange({ type: target.value })}
        className={`${CONTROL} flex-1 md:flex-none`}
      >
        <option value="">All types</option>
        {TYPES.map((type) => (
          <option key={type} value={type}>
            {asWords(type)}
          </option>
        ))}
      </select>
      <select
        aria-label="Service"
        value={filter.service}
        onChange={({ target }) => onChange({ service: target.value })}
        className={`${CONTROL} flex-1 md:flex-none`}
      >
        <option value="">All services</option>
        {SERVICES.map((service) => (
          <option key={service}>{service}</option>
        ))}
      </select>
      <input
        type="search"
        aria-label="Order id"
        placeholder="Order id"
        maxLength={36}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
        className={`${CONTROL} w-full md:w-36`}
      />
    </div>
  );
}
