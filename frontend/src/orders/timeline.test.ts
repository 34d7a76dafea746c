import { expect, test } from "vitest";
import type { LiveEvent } from "../live/protocol";
import { placesOf } from "./places";
import type { OrderEvent } from "./queries";
import { timeline } from "./timeline";

function known(id: string, created_at: string): OrderEvent {
  return {
    id,
    order_id: "order",
    event_type: "ORDER_CREATED",
    topic: "orders",
    payload: {} as OrderEvent["payload"],
    service_name: "gateway",
    causation_id: null,
    created_at,
  };
}

function told(eventId: string, timestamp: string): LiveEvent {
  return {
    eventId,
    eventType: "PAYMENT_PROCESSED",
    orderId: "order",
    timestamp,
    source: "payment",
    data: { orderId: "order" },
    topic: "payments",
    partition: 3,
    offset: 7,
  };
}

test("what only the feed has told comes last, each event once", () => {
  const heard = [told("c", "2026-11-22T10:00:01.040Z"), told("b", "2026-11-22T10:00:00.040Z")];
  const steps = timeline(
    [known("a", "2026-11-22T10:00:00.000Z"), known("b", "2026-11-22T10:00:00.040Z")],
    heard,
    placesOf(heard, []),
  );
  expect(steps.map(({ id, since }) => [id, since])).toEqual([
    ["a", null],
    ["b", 40],
    ["c", 1000],
  ]);
  expect(steps.map(({ place }) => place?.offset)).toEqual([undefined, 7, 7]);
});

test("clocks of two machines make no negative time", () => {
  const steps = timeline(
    [known("a", "2026-11-22T10:00:00.040Z"), known("b", "2026-11-22T10:00:00.000Z")],
    [],
    placesOf([], []),
  );
  expect(steps[1]?.since).toBe(0);
});
