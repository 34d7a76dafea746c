import { describe, expect, test } from "vitest";
import { type Analytics, asShare, series, stages, sumMoney } from "./figures";

const NOTHING = { orders: 0, revenue: "0.00", completed: 0, failed: 0, cancelled: 0 };

function analytics(from: string, to: string, more: Partial<Analytics>): Analytics {
  const summary = {
    total_orders: 0,
    total_revenue: "0.00",
    average_order_value: "0.00",
    completed_orders: 0,
    pending_orders: 0,
    failed_orders: 0,
    cancelled_orders: 0,
  };
  const funnel = {
    accepted: 0,
    authorised: 0,
    reserved: 0,
    paid: 0,
    prepared: 0,
    shipped: 0,
    delivered: 0,
    failed: 0,
    cancelled: 0,
  };
  return {
    summary,
    range: { from, to, summary, funnel },
    ordersByStatus: {},
    failuresByReason: {},
    dailyOrders: [],
    hourlyOrders: [],
    ...more,
  };
}

test("money is summed to the cent, however much and however often", () => {
  expect(sumMoney(Array(1000).fill("0.10"))).toBe("100.00");
  expect(sumMoney(["90071992547409.93", "0.01"])).toBe("90071992547409.94");
  expect(sumMoney([])).toBe("0.00");
});

describe("a share", () => {
  test("is 100% only for all and 0% only for none", () => {
    expect([asShare(3, 3), asShare(0, 3), asShare(1, 8)]).toEqual(["100%", "0%", "12.5%"]);
    expect(asShare(99_999, 100_000)).toBe("99.9%");
    expect(asShare(1, 100_000)).toBe("<0.1%");
  });

  test("of nothing is none", () => {
    expect(asShare(0, 0)).toBe("–");
  });
});

describe("a series", () => {
  test("has what neither ended well nor badly as in flight", () => {
    const sums = { orders: 9, revenue: "12.30", completed: 4, failed: 2, cancelled: 1 };
    const [day] = series(
      analytics("2026-11-22T00:00:00.000Z", "2026-11-23T00:00:00.000Z", {
        dailyOrders: [{ date: "2026-11-22", ...sums }],
      }),
      "day",
    );
    expect(day).toMatchObject({ ...sums, inFlight: 2, partial: false });
  });

  test("marks the hours of which a part lies outside of the range", () => {
    const hourlyOrders = ["10", "11", "12"].map((hour) => ({
      hour: `2026-11-22T${hour}:00:00.000Z`,
      ...NOTHING,
    }));
    const range = ["2026-11-22T10:20:00.000Z", "2026-11-22T12:20:00.000Z"] as const;
    const partial = series(analytics(...range, { hourlyOrders }), "hour").map((b) => b.partial);
    expect(partial).toEqual([true, false, true]);
  });

  test("has days of UTC, wherever the reader is", () => {
    const [day] = series(
      analytics("2026-11-22T00:00:00.000Z", "2026-11-23T00:00:00.000Z", {
        dailyOrders: [{ date: "2026-11-22", ...NOTHING }],
      }),
      "day",
    );
    expect(day?.label).toContain("22");
    expect(day?.name).toContain("2026");
  });
});

test("each stage is told with what it lost, and paid comes after both that it needs", () => {
  const told = stages({
    accepted: 10,
    authorised: 8,
    reserved: 9,
    paid: 7,
    prepared: 7,
    shipped: 5,
    delivered: 6,
    failed: 2,
    cancelled: 1,
  });
  expect(told.map(({ orders, before, missing }) => [orders, before, missing])).toEqual([
    [10, null, null],
    [8, 10, 2],
    [9, 10, 1],
    [7, 8, 1],
    [7, 7, 0],
    [5, 7, 2],
    [6, 5, 0],
  ]);
});
