import type { Schemas } from "../api/client";
import { TYPES } from "../live/protocol";
import {
  asBounds,
  asCount,
  asExactTime,
  asMoney,
  asSpan,
  asTime,
  asWords,
  shortId,
} from "../ui/format";
import type { Plan } from "./phase";
import type { Spec } from "./spec";

/** Which days or times. */
export function windowWords({ days, from, to }: Spec): string {
  if (from) return to ? asBounds(from, to).join(" – ") : `since ${asTime(from)}`;
  return days === 1 ? "last day" : `last ${asCount(days ?? 7)} days`;
}

/** Which types of events. */
export function typesWords({ eventTypes }: Spec): string {
  const [first, ...more] = eventTypes;
  if (more.length + 1 === TYPES.length) return "all event types";
  return first && more.length === 0 ? asWords(first) : `${more.length + 1} event types`;
}

/** Which orders; nothing where it is all of them. */
export function filterWords({ filter = {} }: Spec): string {
  const { customerIds = [], productIds = [], statuses = [], minTotal, maxTotal } = filter;
  return [
    several(customerIds, "customers"),
    several(productIds, "products"),
    statuses.length > 3 ? `${statuses.length} statuses` : statuses.join(" or "),
    minTotal !== undefined && maxTotal !== undefined
      ? `${asMoney(`${minTotal}`)} to ${asMoney(`${maxTotal}`)}`
      : minTotal !== undefined
        ? `${asMoney(`${minTotal}`)} or more`
        : maxTotal !== undefined
          ? `${asMoney(`${maxTotal}`)} or less`
          : "",
  ]
    .filter(Boolean)
    .join(", ");
}

function several(ids: readonly string[], what: string): string {
  return ids.length > 1 ? `${asCount(ids.length)} ${what}` : (ids[0] ?? "");
}

/** All of what is replayed, in a line. */
export function whatWords(spec: Spec): string {
  return [windowWords(spec), typesWords(spec), filterWords(spec)].filter(Boolean).join(" · ");
}

/** How fast. */
export function paceWords({ eventsPerSecond, speed, maxGapSeconds }: Spec): string {
  if (eventsPerSecond) return `at most ${asCount(eventsPerSecond)} events/s`;
  if (!speed) return "as fast as it can";
  const gap = maxGapSeconds === undefined ? "" : `, no pause above ${asSpan(maxGapSeconds * 1000)}`;
  return `original timing, ${asCount(speed)} × as fast${gap}`;
}

/** "events of 307 orders", after their number. */
export function eventsOf(events: number, orders: number): string {
  return `${events === 1 ? "event" : "events"} of ${asCount(orders)} ${orders === 1 ? "order" : "orders"}`;
}

/** Counts by type in the order of the saga, whatever order they came in. */
export function inOrder(counts: Readonly<Record<string, number>>): Record<string, number> {
  const place = (type: string) => (TYPES as readonly string[]).indexOf(type);
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => place(a) - place(b)));
}

/** A sentence of the API with its times, which are in UTC, as the reader's clock has them. */
export function withLocalTimes(text: string): string {
  return text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, asExactTime);
}

/** How long a plan will take, as far as that can be known before. */
export function estimate(
  { eventsPerSecond, speed, maxGapSeconds }: Partial<Spec>,
  { events, firstTime, lastTime }: Plan,
): string {
  if (events === 0) return "nothing to do";
  if (eventsPerSecond) return `about ${asSpan((events / eventsPerSecond) * 1000)}`;
  if (!speed || !firstTime || !lastTime) return "as fast as it can";
  const span = asSpan((Date.parse(lastTime) - Date.parse(firstTime)) / speed);
  return maxGapSeconds === undefined ? `about ${span}` : `at most ${span}`;
}

/** What verifying found, in a sentence. */
export function verdictWords({ agree, faults, reported }: Schemas["Verdict"]): string {
  const count = reported.events === 1 ? "1 event" : `${asCount(reported.events)} events`;
  if (agree) return `All agree: ${count}, the same ones, each as it was written and in order.`;
  return faults.length === 1
    ? "They differ in one thing."
    : `They differ in ${faults.length} things.`;
}

/** "12 events/s", with a decimal where that says something. */
export function asRate(rate: number, unit = " events/s"): string {
  return `${asCount(rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate))}${unit}`;
}

/** The part of an id that tells it apart: the end of a UUID, else the whole name. */
export function handle(id: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? shortId(id) : id;
}
