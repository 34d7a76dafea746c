import { describe, expect, test } from "vitest";
import { KEPT, type Lags, lineOf, remember, trendOf } from "./lags";
import type { Service } from "./state";

function behind(messages: number | null): Service[] {
  const lag = messages === null ? null : { messages, byTopic: {}, partitions: 6 };
  return [{ name: "shipping", status: "healthy", port: 4003, url: "http://here", lag }];
}

test("so many looks are remembered of each service", () => {
  let lags: Lags = {};
  for (let look = 0; look < KEPT + 20; look += 1) lags = remember(lags, behind(look));
  expect(lags.shipping).toHaveLength(KEPT);
  expect(lags.shipping?.at(-1)).toBe(KEPT + 19);
  expect(remember({}, behind(null))).toEqual({ shipping: [null] });
});

describe("a lag", () => {
  test("is told to grow or fall when it does so look by look", () => {
    expect(trendOf([0, 5, 9, 9, 12])).toBe("growing");
    expect(trendOf([12, 9, 9, 5])).toBe("falling");
  });

  test("that comes and goes has no trend", () => {
    expect(trendOf([0, 0, 0, 3])).toBeNull();
    expect(trendOf([5, 9, 4, 12])).toBeNull();
    expect(trendOf([5, 5, 5, 5])).toBeNull();
    expect(trendOf([5, null, 9, 12])).toBeNull();
    expect(trendOf([5, 9])).toBeNull();
  });

  test("is drawn with the newest at the right and the greatest at the top", () => {
    expect(lineOf([0, 10, 5], KEPT - 1, 20)).toBe("37.0,20.0 38.0,0.0 39.0,10.0");
    expect(lineOf([1, null], KEPT - 1, 20)).toBe("38.0,18.0 39.0,20.0");
  });
});
