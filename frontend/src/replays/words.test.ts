import { expect, test } from "vitest";
import { TYPES } from "../live/protocol";
import type { Plan } from "./phase";
import type { Spec } from "./spec";
import {
  asRate,
  estimate,
  eventsOf,
  handle,
  inOrder,
  paceWords,
  verdictWords,
  whatWords,
  withLocalTimes,
} from "./words";

const SPEC: Spec = {
  days: 7,
  eventTypes: ["ORDER_CREATED"],
  topic: "t",
  partitions: 6,
  parallelism: 1,
  dryRun: false,
};

test("what is replayed is told in a line", () => {
  expect(whatWords(SPEC)).toBe("last 7 days · Order created");
  const filter = { customerIds: ["a", "b"], productIds: ["PROD-1"], statuses: ["paid" as const] };
  expect(whatWords({ ...SPEC, days: 1, eventTypes: [...TYPES], filter })).toBe(
    "last day · all event types · 2 customers, PROD-1, paid",
  );
  expect(whatWords({ ...SPEC, filter: { minTotal: "10.00" } })).toMatch(/10\.00 or more$/);
});

test("a pace is told in words", () => {
  expect(paceWords(SPEC)).toBe("as fast as it can");
  expect(paceWords({ ...SPEC, eventsPerSecond: 20 })).toBe("at most 20 events/s");
  expect(paceWords({ ...SPEC, speed: 60, maxGapSeconds: 5 })).toBe(
    "original timing, 60 × as fast, no pause above 5.0 s",
  );
});

test("the time of a plan is estimated from its pace", () => {
  const plan = {
    events: 600,
    firstTime: "2026-11-01T00:00:00Z",
    lastTime: "2026-11-01T01:00:00Z",
  } as Plan;
  expect(estimate({ eventsPerSecond: 5 }, plan)).toBe("about 2 min 0 s");
  expect(estimate({ speed: 60 }, plan)).toBe("about 1 min 0 s");
  expect(estimate({ speed: 60, maxGapSeconds: 1 }, plan)).toBe("at most 1 min 0 s");
  expect(estimate({}, plan)).toBe("as fast as it can");
  expect(estimate({ speed: 60 }, { ...plan, events: 0 })).toBe("nothing to do");
});

test("a verdict is told in words and numbers", () => {
  const count = { events: 3, checksum: "0" };
  const verdict = { reported: count, source: count, target: count, faults: [], agree: true };
  expect(verdictWords(verdict)).toContain("All agree: 3 events");
  expect(verdictWords({ ...verdict, agree: false, faults: ["a", "b"] })).toContain("2 things");
});

test("a slow rate keeps its decimal", () => {
  expect([0.2, 9.96, 1778.4].map((rate) => asRate(rate))).toEqual([
    "0.2 events/s",
    "10 events/s",
    `${(1778).toLocaleString()} events/s`,
  ]);
});

test("ids are as short as they can be understood", () => {
  expect(handle("01a20556-ac30-776d-bcdd-d02657710c41")).toBe("57710c41");
  expect(handle("last-month")).toBe("last-month");
});

test("events are not counted as orders", () => {
  expect(eventsOf(2295, 307)).toBe("events of 307 orders");
  expect(eventsOf(1, 1)).toBe("event of 1 order");
});

test("types are told in the order of the saga", () => {
  const counts = { SHIPMENT_CREATED: 1, PAYMENT_FAILED: 2, ORDER_CREATED: 3 };
  expect(Object.keys(inOrder(counts))).toEqual([
    "ORDER_CREATED",
    "PAYMENT_FAILED",
    "SHIPMENT_CREATED",
  ]);
});

test("a time in a note is that of the reader's clock", () => {
  const note = withLocalTimes("The stored history begins at 2026-11-22T22:17:47Z; nothing before");
  expect(note).not.toContain("T22:17:47Z");
  expect(note).toMatch(/^The stored history begins at .*2026.*; nothing before$/);
});
