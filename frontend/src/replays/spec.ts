import type { Schemas } from "../api/client";
import type { Problem } from "../api/problem";
import type { EventType } from "../live/protocol";
import type { OrderStatus } from "../orders/status";
import { toLocal } from "../ui/format";

export type Spec = Schemas["ReplaySpec"];

/** What has been typed so far, as it was typed. */
export interface Draft {
  window: "days" | "between";
  days: string;
  /** As an input of type datetime-local has it, in the reader's zone: "2026-11-01T00:00". */
  from: string;
  to: string;
  eventTypes: readonly EventType[];
  /** One a line. */
  customers: string;
  products: string;
  statuses: readonly OrderStatus[];
  minTotal: string;
  maxTotal: string;
  topic: string;
  partitions: string;
  pace: "free" | "rate" | "original";
  rate: string;
  speed: string;
  maxGap: string;
  parallelism: string;
}

/** A week of orders to the usual topic, as the API does where nothing is asked for. */
export const BLANK: Draft = {
  window: "days",
  days: "7",
  from: "",
  to: "",
  eventTypes: ["ORDER_CREATED"],
  customers: "",
  products: "",
  statuses: [],
  minTotal: "",
  maxTotal: "",
  topic: "orders-replay",
  partitions: "",
  pace: "free",
  rate: "",
  speed: "",
  maxGap: "",
  parallelism: "",
};

/** A spec as it will be sent: what is typed may be no spec, which the API then says. */
export type Asked = Record<string, unknown>;

/** What a draft asks for, its fields in the order of the API; what is left empty is left out. */
export function specOf(draft: Draft): Asked {
  const between = draft.window === "between";
  const filter = some({
    customerIds: lines(draft.customers),
    productIds: lines(draft.products),
    statuses: draft.statuses.length > 0 ? draft.statuses : undefined,
    minTotal: draft.minTotal.trim() || undefined,
    maxTotal: draft.maxTotal.trim() || undefined,
  });
  return some({
    days: between ? undefined : number(draft.days),
    from: between ? exact(draft.from) : undefined,
    to: between && draft.to ? exact(draft.to) : undefined,
    eventTypes: `${draft.eventTypes}` === "ORDER_CREATED" ? undefined : draft.eventTypes,
    filter: Object.keys(filter).length > 0 ? filter : undefined,
    topic: draft.topic.trim(),
    partitions: number(draft.partitions),
    eventsPerSecond: draft.pace === "rate" ? (number(draft.rate) ?? "") : undefined,
    speed: draft.pace === "original" ? (number(draft.speed) ?? "") : undefined,
    maxGapSeconds: draft.pace === "original" ? number(draft.maxGap) : undefined,
    parallelism: number(draft.parallelism),
  });
}

/** A draft of the same replay once more. */
export function draftOf(spec: Spec): Draft {
  const { filter = {} } = spec;
  return {
    window: spec.from ? "between" : "days",
    days: `${spec.days ?? BLANK.days}`,
    from: spec.from ? toLocal(spec.from) : "",
    to: spec.to ? toLocal(spec.to) : "",
    eventTypes: spec.eventTypes ?? BLANK.eventTypes,
    customers: (filter.customerIds ?? []).join("\n"),
    products: (filter.productIds ?? []).join("\n"),
    statuses: filter.statuses ?? [],
    minTotal: `${filter.minTotal ?? ""}`,
    maxTotal: `${filter.maxTotal ?? ""}`,
    topic: spec.topic,
    partitions: text(spec.partitions, 6),
    pace: spec.speed ? "original" : spec.eventsPerSecond ? "rate" : "free",
    rate: text(spec.eventsPerSecond),
    speed: text(spec.speed),
    maxGap: text(spec.maxGapSeconds),
    parallelism: text(spec.parallelism, 1),
  };
}

const FIELDS: ReadonlySet<string> = new Set([
  "days",
  "from",
  "to",
  "eventTypes",
  "filter",
  "filter.customerIds",
  "filter.productIds",
  "filter.statuses",
  "filter.minTotal",
  "filter.maxTotal",
  "topic",
  "partitions",
  "eventsPerSecond",
  "speed",
  "maxGapSeconds",
  "parallelism",
]);

export interface Faults {
  /** By the field of the spec; of several things wrong with one the first. */
  at: ReadonlyMap<string, string>;
  /** What is wrong with no field of the form. */
  rest: string | null;
}

/** What the API says is wrong, by where it is shown. */
export function faultsOf(problem: Problem | null): Faults {
  const at = new Map<string, string>();
  if (!problem) return { at, rest: null };
  let rest = problem.fields.size === 0 ? problem.detail : null;
  for (const [path, message] of problem.fields) {
    const field = path.replace(/\[\d+\]$/, "");
    // What is wrong with two fields together has no path; it begins with the one to change.
    const place = field === "body" ? message.split(" ", 1)[0] : field;
    if (!place || !FIELDS.has(place)) rest ??= message;
    else if (!at.has(place)) at.set(place, message);
  }
  if (rest?.startsWith("from ") && !at.has("from")) {
    at.set("from", rest);
    rest = null;
  }
  return { at, rest };
}

function some(fields: Asked): Asked {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function lines(typed: string): string[] | undefined {
  const found = typed
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  return found.length > 0 ? found : undefined;
}

function number(typed: string): number | string | undefined {
  const trimmed = typed.trim();
  if (!trimmed) return undefined;
  return /^[+-]?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
}

function exact(typed: string): string {
  const time = new Date(typed);
  return Number.isNaN(time.getTime()) ? typed : time.toISOString();
}

function text(value: number | undefined, usual?: number): string {
  return value === undefined || value === usual ? "" : `${value}`;
}
