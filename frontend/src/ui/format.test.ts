import { expect, test } from "vitest";
import {
  asBounds,
  asBytes,
  asMoney,
  asPlace,
  asSentence,
  asSpan,
  asWords,
  fromCents,
  toCents,
} from "./format";

test("money keeps its cents, however large", () => {
  expect(toCents("79.99") * 2n + toCents("34.99")).toBe(19497n);
  expect(fromCents(19497n)).toBe("194.97");
  expect(fromCents(5n)).toBe("0.05");
  expect(toCents("12.5")).toBe(1250n);
  expect(asMoney("90071992547409.93")).toContain("409.93");
});

test("a span is told in the units of its size", () => {
  expect([12, 1002, 59_940, 59_960, 125_000, 7_260_000, 200_000_000].map(asSpan)).toEqual([
    "12 ms",
    "1.0 s",
    "59.9 s",
    "1 min 0 s",
    "2 min 5 s",
    "2 h 1 min",
    "2 d 7 h",
  ]);
});

test("names of events become words", () => {
  expect(asWords("SHIPMENT_CANCEL_REFUSED")).toBe("Shipment cancel refused");
});

test("bytes are told in the unit of their size", () => {
  expect([0, 999, 1000, 819_600, 99_960, 999_499, 999_500, 5e12].map(asBytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "820 kB",
    "100 kB",
    "999 kB",
    "1.0 MB",
    "5.0 TB",
  ]);
});

test("a place in Kafka is written in one way", () => {
  expect(asPlace({ topic: "orders", partition: 2, offset: 50 })).toBe("orders/2@50");
  expect(asPlace({ partition: 2, offset: 0 })).toBe("2@0");
  expect(asPlace({ topic: "orders", partition: null, offset: null })).toBe("orders/?@?");
});

test("two times that are read together both have their day, unless it is today", () => {
  const now = new Date(2026, 10, 23, 18);
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour).toISOString();
  const [from, to] = asBounds(at(22, 9), at(23, 9), now);
  expect(from).toContain("22");
  expect(to).toContain("23");
  expect(asBounds(at(23, 8), at(23, 9), now).join()).not.toContain("23");
});

test("what an API says of a fault becomes a sentence", () => {
  expect(asSentence("more than 100 dead letters a minute")).toBe(
    "More than 100 dead letters a minute.",
  );
  expect(asSentence("Try again.")).toBe("Try again.");
});
