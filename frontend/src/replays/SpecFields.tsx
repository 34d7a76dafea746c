import type { ReactNode } from "react";
import { TYPES } from "../live/protocol";
import { STATUSES } from "../orders/status";
import { Area, Field, FieldError } from "../ui/Field";
import { asWords } from "../ui/format";
import { Choices } from "./Choices";
import type { Draft } from "./spec";

interface Props {
  draft: Draft;
  faults: ReadonlyMap<string, string>;
  onChange: (part: Partial<Draft>) => void;
}

/** Everything that a replay can be asked for. */
export function SpecFields(props: Props) {
  return (
    <>
      <Group title="Which events">
        <WindowFields {...props} />
        <TypeFields {...props} />
      </Group>
      <Group title="Of which orders" note="All of them, unless something is given here.">
        <FilterFields {...props} />
      </Group>
      <Group title="Where to">
        <TargetFields {...props} />
      </Group>
      <Group title="How fast">
        <PaceFields {...props} />
      </Group>
    </>
  );
}

function Group({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  return (
    <section className="rounded-lg border border-line bg-surface">
      <h2 className="flex flex-wrap items-baseline gap-x-2 border-b border-line px-4 py-2 font-semibold">
        {title}
        {note && <span className="text-xs font-normal text-muted">{note}</span>}
      </h2>
      <div className="flex flex-col gap-4 p-4">{children}</div>
    </section>
  );
}

const WINDOWS = [
  { value: "days", label: "The last days" },
  { value: "between", label: "From and to" },
] as const;

function WindowFields({ draft, faults, onChange }: Props) {
  return (
    <>
      <Choices
        legend="Window"
        only
        options={WINDOWS}
        chosen={[draft.window]}
        onChange={([window = "days"]) => onChange({ window })}
      />
      {draft.window === "days" ? (
        <div className="sm:w-48">
          <Field
            label="Days"
            inputMode="numeric"
            placeholder="7"
            value={draft.days}
            onChange={({ target }) => onChange({ days: target.value })}
            error={faults.get("days")}
          />
        </div>
      ) : (
        <div>
          <div className="grid gap-3 sm:grid-cols-2">
            <Field
              label="From (included)"
              type="datetime-local"
              step={1}
              value={draft.from}
              onChange={({ target }) => onChange({ from: target.value })}
              error={faults.get("from")}
            />
            <Field
              label="To (not included; empty is now)"
              type="datetime-local"
              step={1}
              value={draft.to}
              onChange={({ target }) => onChange({ to: target.value })}
              error={faults.get("to")}
            />
          </div>
          <p className="mt-1 text-xs text-muted">Your time, {ZONE}.</p>
        </div>
      )}
    </>
  );
}

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const TYPE_OPTIONS = TYPES.map((value) => ({ value, label: asWords(value) }));
const STATUS_OPTIONS = STATUSES.map((value) => ({ value, label: asWords(value) }));

function TypeFields({ draft, faults, onChange }: Props) {
  const all = draft.eventTypes.length === TYPES.length;
  return (
    <Choices
      legend="Event types"
      options={TYPE_OPTIONS}
      chosen={draft.eventTypes}
      onChange={(eventTypes) => onChange({ eventTypes })}
      error={faults.get("eventTypes")}
      aside={
        <button
          type="button"
          onClick={() => onChange({ eventTypes: all ? ["ORDER_CREATED"] : TYPES })}
          className="rounded text-accent hover:text-accent-strong hover:underline"
        >
          {all ? "Only orders created" : "All types"}
        </button>
      }
    />
  );
}

function FilterFields({ draft, faults, onChange }: Props) {
  return (
    <>
      <div className="grid gap-3 sm:grid-cols-2">
        <Area
          label="Customer ids, one a line"
          placeholder="CUST-001"
          spellCheck={false}
          value={draft.customers}
          onChange={({ target }) => onChange({ customers: target.value })}
          error={faults.get("filter.customerIds")}
        />
        <Area
          label="Product ids, one a line"
          placeholder="PROD-001"
          spellCheck={false}
          value={draft.products}
          onChange={({ target }) => onChange({ products: target.value })}
          error={faults.get("filter.productIds")}
        />
      </div>
      <Choices
        legend="Statuses, where the orders stand when it is planned"
        options={STATUS_OPTIONS}
        chosen={draft.statuses}
        onChange={(statuses) => onChange({ statuses })}
        error={faults.get("filter.statuses")}
      />
      <div>
        <div className="grid gap-3 sm:grid-cols-2">
          <Field
            label="Least total"
            inputMode="decimal"
            placeholder="10.00"
            value={draft.minTotal}
            onChange={({ target }) => onChange({ minTotal: target.value })}
            error={faults.get("filter.minTotal")}
          />
          <Field
            label="Greatest total"
            inputMode="decimal"
            placeholder="500.00"
            value={draft.maxTotal}
            onChange={({ target }) => onChange({ maxTotal: target.value })}
            error={faults.get("filter.maxTotal")}
          />
        </div>
        <div role={faults.has("filter") ? "alert" : undefined}>
          <FieldError id="filter-error" error={faults.get("filter")} />
        </div>
      </div>
    </>
  );
}

function TargetFields({ draft, faults, onChange }: Props) {
  return (
    <div className="grid gap-3 sm:grid-cols-[1fr_12rem]">
      <Field
        label="Topic"
        spellCheck={false}
        placeholder="orders-replay"
        value={draft.topic}
        onChange={({ target }) => onChange({ topic: target.value })}
        error={faults.get("topic")}
      />
      <Field
        label="Partitions, if it is made"
        inputMode="numeric"
        placeholder="6"
        value={draft.partitions}
        onChange={({ target }) => onChange({ partitions: target.value })}
        error={faults.get("partitions")}
      />
    </div>
  );
}

const PACES = [
  { value: "free", label: "As fast as it can" },
  { value: "rate", label: "Events a second" },
  { value: "original", label: "Original timing" },
] as const;

function PaceFields({ draft, faults, onChange }: Props) {
  return (
    <>
      <Choices
        legend="Pace"
        only
        options={PACES}
        chosen={[draft.pace]}
        onChange={([pace = "free"]) => onChange({ pace })}
      />
      <div className="grid gap-3 sm:grid-cols-3">
        {draft.pace === "rate" && (
          <Field
            label="At most, events a second"
            inputMode="decimal"
            placeholder="500"
            value={draft.rate}
            onChange={({ target }) => onChange({ rate: target.value })}
            error={faults.get("eventsPerSecond")}
          />
        )}
        {draft.pace === "original" && (
          <>
            <Field
              label="Times as fast"
              inputMode="decimal"
              placeholder="60"
              value={draft.speed}
              onChange={({ target }) => onChange({ speed: target.value })}
              error={faults.get("speed")}
            />
            <Field
              label="Longest pause, seconds"
              inputMode="decimal"
              placeholder="not cut"
              value={draft.maxGap}
              onChange={({ target }) => onChange({ maxGap: target.value })}
              error={faults.get("maxGapSeconds")}
            />
          </>
        )}
        <Field
          label="Shards"
          inputMode="numeric"
          placeholder="1"
          value={draft.parallelism}
          onChange={({ target }) => onChange({ parallelism: target.value })}
          error={faults.get("parallelism")}
        />
      </div>
    </>
  );
}
