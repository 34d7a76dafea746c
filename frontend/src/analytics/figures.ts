import type { Schemas } from "../api/client";
import { fromCents, toCents } from "../ui/format";
import type { Unit } from "./range";

export type Analytics = Schemas["Analytics"];

/** What the orders of a day or an hour came to. */
export interface Bucket {
  /** A few words, as on an axis. */
  label: string;
  /** The same in full. */
  name: string;
  orders: number;
  completed: number;
  inFlight: number;
  failed: number;
  cancelled: number;
  /** A decimal string. */
  revenue: string;
  /** Whether a part of it lies outside of the range. */
  partial: boolean;
}

const LENGTHS: Record<Unit, number> = { hour: 3_600_000, day: 86_400_000 };
const DAYS = {
  label: new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", timeZone: "UTC" }),
  name: new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeZone: "UTC" }),
};
const HOURS = {
  label: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }),
  dated: new Intl.DateTimeFormat(undefined, {
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
  }),
  name: new Intl.DateTimeFormat(undefined, {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  }),
};

/** The days or hours of a range, oldest first. Days are those of UTC, hours in the reader's zone. */
export function series(analytics: Analytics, unit: Unit): Bucket[] {
  const { range, dailyOrders, hourlyOrders } = analytics;
  const [since, until] = [Date.parse(range.from), Date.parse(range.to)];
  const sums =
    unit === "day"
      ? dailyOrders.map((day) => ({ ...day, began: Date.parse(day.date) }))
      : hourlyOrders.map((hour) => ({ ...hour, began: Date.parse(hour.hour) }));
  const hourLabel = until - since > LENGTHS.day ? HOURS.dated : HOURS.label;
  return sums.map(({ began, orders, completed, failed, cancelled, revenue }) => ({
    label: (unit === "day" ? DAYS.label : hourLabel).format(began),
    name:
      unit === "day"
        ? DAYS.name.format(began)
        : HOURS.name.formatRange(began, began + LENGTHS.hour),
    orders,
    completed,
    inFlight: orders - completed - failed - cancelled,
    failed,
    cancelled,
    revenue,
    partial: began < since || began + LENGTHS[unit] > until,
  }));
}

const THIS_YEAR = new Intl.DateTimeFormat(undefined, {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});
const OTHER_YEAR = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** An end of a range: always its day and its time, as both ends are read together. */
export function asBound(time: string, now = new Date()): string {
  const at = new Date(time);
  return (at.getFullYear() === now.getFullYear() ? THIS_YEAR : OTHER_YEAR).format(at);
}

/** The sum of decimal strings, to the cent. */
export function sumMoney(amounts: readonly string[]): string {
  return fromCents(amounts.reduce((sum, amount) => sum + toCents(amount), 0n));
}

const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });

/** A part of a whole: "12.5%". It is 100% only for all and 0% only for none; "–" of nothing. */
export function asShare(part: number, whole: number): string {
  if (whole === 0) return "–";
  const share = part / whole;
  if (part > 0 && share < 0.001) return `<${percent.format(0.001)}`;
  return percent.format(part < whole ? Math.min(share, 0.999) : share);
}

/** A stage of the saga: how many orders came so far, whatever came of them. */
export interface Stage {
  label: string;
  orders: number;
  /** Those that came to the stage before it, and not or not yet here; null of the first. */
  missing: number | null;
  before: number | null;
}

/**
 * The stages of an order that goes well. Authorising and reserving go on at the same time, so both
 * come after the acceptance, and what is to be paid needs both.
 */
export function stages(funnel: Analytics["range"]["funnel"]): Stage[] {
  const { accepted, authorised, reserved, paid, prepared, shipped, delivered } = funnel;
  const steps: [string, number, number | null][] = [
    ["Accepted", accepted, null],
    ["Payment authorised", authorised, accepted],
    ["Stock reserved", reserved, accepted],
    ["Paid", paid, Math.min(authorised, reserved)],
    ["Prepared", prepared, paid],
    ["Shipped", shipped, prepared],
    ["Delivered", delivered, shipped],
  ];
  return steps.map(([label, orders, before]) => ({
    label,
    orders,
    before,
    // An event may be told before the one that led to it.
    missing: before === null ? null : Math.max(0, before - orders),
  }));
}
