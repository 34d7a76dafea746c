import { expect, test } from "vitest";
import { toLocal } from "../ui/format";
import { betweenOf, faultOf, fromLocal, readRange, unitOf, writeRange } from "./range";

const read = (address: string) => readRange(new URLSearchParams(address));

test("a link shows the range that it was made of", () => {
  for (const address of ["", "range=1h", "range=30d"]) {
    expect(new URLSearchParams(writeRange(read(address))).toString()).toBe(address);
  }
  const own = { from: "2026-11-01T10:00:00.000Z", to: "2026-11-02T10:00:00.000Z" };
  expect(readRange(new URLSearchParams(writeRange(own)))).toEqual(own);
});

test("times of a link may have any zone, and a day is its midnight in UTC", () => {
  expect(read("from=2026-11-22&to=2026-11-22T13:00:00%2B01:00")).toEqual({
    from: "2026-11-22T00:00:00.000Z",
    to: "2026-11-22T12:00:00.000Z",
  });
});

test("what a link has wrong is left out", () => {
  for (const wrong of [
    "range=2y",
    "range=toString",
    "from=2026-11-22",
    "from=2026-11-22T10:00&to=2026-11-23T10:00",
    "from=2026-13-45&to=2026-11-23",
  ]) {
    expect(read(wrong)).toBe("24h");
  }
});

test("a span holds the moment at which it is looked at, and is the same for a minute", () => {
  const at = (time: string) => betweenOf("1h", Date.parse(time));
  expect(at("2026-11-22T10:20:00.000Z")).toEqual({
    from: "2026-11-22T09:21:00.000Z",
    to: "2026-11-22T10:21:00.000Z",
  });
  expect(at("2026-11-22T10:20:59.999Z")).toEqual(at("2026-11-22T10:20:00.000Z"));
});

test("short ranges are drawn by the hour, long ones by the day, others as one wants", () => {
  expect([unitOf("24h", null), unitOf("7d", null), unitOf("30d", null)]).toEqual([
    "hour",
    "day",
    "day",
  ]);
  expect([unitOf("24h", "day"), unitOf("7d", "hour"), unitOf("30d", "hour")]).toEqual([
    "day",
    "hour",
    "day",
  ]);
  expect(unitOf({ from: "2026-11-01", to: "2026-11-09" }, "hour")).toBe("day");
});

test("two times make a range when the second is later, but not by years", () => {
  expect(faultOf("2026-11-01T10:00", "2026-11-01T10:01")).toBeUndefined();
  expect(faultOf("2026-11-01T10:00", "2026-11-01T10:00")).toMatch("after the start");
  expect(faultOf("2024-11-01T10:00", "2026-11-01T10:00")).toMatch("366 days");
  expect(faultOf("", "2026-11-01T10:00")).toMatch("Choose a day");
});

test("a field gives back the time that it was given", () => {
  expect(fromLocal(toLocal("2026-07-01T10:20:00.000Z"))).toBe("2026-07-01T10:20:00.000Z");
  expect(fromLocal(toLocal("2026-12-01T23:59:01.000Z"))).toBe("2026-12-01T23:59:01.000Z");
});
