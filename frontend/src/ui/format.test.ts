import { expect, test } from "vitest";
import { asBytes, asMoney, asSpan, asWords, fromCents, toCents } from "./format";

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
