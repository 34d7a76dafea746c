import { expect, test } from "vitest";
import { ALL, gist, narrowed, readLive, writeLive } from "./filter";
import type { LiveEvent } from "./protocol";

function event(eventId: string, more: Partial<LiveEvent> = {}): LiveEvent {
  return {
    eventId,
    eventType: "ORDER_CREATED",
    orderId: "01a2-ffee",
    timestamp: "2026-11-22T17:56:34.798Z",
    source: "gateway",
    data: {},
    topic: "orders",
    partition: 0,
    offset: 0,
    ...more,
  };
}

const EVENTS = [
  event("a"),
  event("b", { eventType: "PAYMENT_FAILED", source: "payment", orderId: "01a2-dead" }),
  event("c", { orderId: null }),
];

test("the newest event comes first", () => {
  expect(narrowed(EVENTS, ALL).map(({ eventId }) => eventId)).toEqual(["c", "b", "a"]);
});

test("every condition must hold", () => {
  const ids = (filter: object) => narrowed(EVENTS, { ...ALL, ...filter }).map((e) => e.eventId);
  expect(ids({ type: "PAYMENT_FAILED" })).toEqual(["b"]);
  expect(ids({ service: "gateway" })).toEqual(["c", "a"]);
  expect(ids({ order: " FFEE " })).toEqual(["a"]);
  expect(ids({ order: "dead", service: "gateway" })).toEqual([]);
});

test("the gist of an event is what is its own", () => {
  expect(
    gist(event("a", { data: { customerId: "CUST-001", total: "194.97", items: [1, 2] } })),
  ).toBe("CUST-001 · 194.97 · 2 lines");
  expect(gist(event("a", { data: { reason: "Card declined" } }))).toBe("Card declined");
});

test("an address keeps the filter, without what is wrong in it", () => {
  const filter = { type: "PAYMENT_FAILED", service: "payment", order: "ffee" };
  expect(readLive(new URLSearchParams(writeLive(filter)))).toEqual(filter);
  expect(writeLive(ALL)).toEqual({});
  expect(readLive(new URLSearchParams("type=NONE&service=nobody"))).toEqual(ALL);
});
