import { expect, test } from "vitest";
import type { LiveEvent } from "../live/protocol";
import { hear, later, type Told } from "./status";

function event(orderId: string, eventType: string): LiveEvent {
  return {
    eventId: `${orderId}-${eventType}`,
    eventType,
    orderId,
    timestamp: "2026-11-22T17:56:34.798Z",
    source: "test",
    data: {},
    topic: "orders",
    partition: 0,
    offset: 0,
  };
}

test("the later status holds, whichever is heard first", () => {
  const told = new Map<string, Told>();
  hear(told, [event("a", "PAYMENT_PROCESSED"), event("a", "INVENTORY_RESERVED")]);
  expect(told.get("a")?.status).toBe("paid");
  expect(later("cancelled", "completed")).toBe("cancelled");
});

test("only orders whose status moved have changed", () => {
  const told = new Map<string, Told>();
  expect([...hear(told, [event("a", "ORDER_CREATED"), event("b", "INVENTORY_COMMITTED")])]).toEqual(
    ["a"],
  );
  expect(hear(told, [event("a", "ORDER_CREATED"), event("a", "AN_EVENT_OF_TOMORROW")]).size).toBe(
    0,
  );
});

test("no more orders are remembered than so many", () => {
  const told = new Map<string, Told>();
  hear(
    told,
    Array.from({ length: 6_000 }, (_, n) => event(`${n}`, "ORDER_CREATED")),
  );
  expect(told.size).toBe(5_000);
  expect(told.has("5999")).toBe(true);
  expect(told.has("0")).toBe(false);
});

test("of a failed order its reason is remembered", () => {
  const told = new Map<string, Told>();
  hear(told, [{ ...event("a", "PAYMENT_FAILED"), data: { reason: "The card was declined" } }]);
  expect(told.get("a")).toMatchObject({ status: "failed", reason: "The card was declined" });
});
