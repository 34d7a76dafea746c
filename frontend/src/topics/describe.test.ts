import { expect, test } from "vitest";
import { asMessages, asRetention, orderOf, preview } from "./describe";

const TOPIC = {
  name: "t",
  kind: "live",
  partitionCount: 1,
  messages: 0,
  approximateBytes: 0,
} as const;

test("retention is told in the unit that people set it in", () => {
  const told = (retentionMs: number | null, cleanupPolicy: string | null = "delete") =>
    asRetention({ ...TOPIC, retentionMs, cleanupPolicy });
  expect(told(7 * 86_400_000)).toBe("7 days");
  expect(told(86_400_000)).toBe("24 hours");
  expect(told(3_600_000)).toBe("1 hour");
  expect(told(90_000)).toBe("1.5 minutes");
  expect(told(null)).toBe("for ever");
  expect(told(null, "compact")).toBe("newest of each key");
  expect(told(null, null)).toBe("unknown");
});

const ORDER = "01a2046e-8cf5-75fa-94fb-531c4c9b5763";
const SHOWN = { text: null, encoding: "json", truncated: false } as const;

test("a preview shows what an event carries", () => {
  expect(preview({ ...SHOWN, value: { eventId: "e", payload: { total: "1.00" } } })).toBe(
    '{"total":"1.00"}',
  );
  expect(preview({ ...SHOWN, value: null })).toBe("null");
  expect(preview({ ...SHOWN, value: null, text: "junk", encoding: "utf-8" })).toBe("junk");
  expect(preview({ ...SHOWN, value: null, encoding: null })).toBe("");
});

test("a key is an order's where the event says so", () => {
  expect(orderOf({ key: ORDER, value: { payload: { orderId: ORDER } } })).toBe(ORDER);
  expect(orderOf({ key: ORDER, value: { payload: {} } })).toBeNull();
  expect(orderOf({ key: "PROD-001", value: { payload: { orderId: "PROD-001" } } })).toBeNull();
  expect(orderOf({ key: null, value: null })).toBeNull();
});

test("a number of offsets is told as messages, of which it is not exact", () => {
  expect(asMessages(0)).toBe("no messages");
  expect(asMessages(1)).toBe("about 1 message");
  expect(asMessages(566)).toBe("about 566 messages");
});
