import { expect, test } from "vitest";
import { Problem } from "../api/problem";
import { BLANK, draftOf, faultsOf, type Spec, specOf } from "./spec";

test("a blank form asks for a week of orders, and leaves the rest to the API", () => {
  expect(specOf(BLANK)).toEqual({ days: 7, topic: "orders-replay" });
});

test("every field of the form is asked for, in the order of the API", () => {
  const spec = specOf({
    window: "days",
    days: "30",
    from: "2026-11-01T00:00",
    to: "",
    eventTypes: ["ORDER_CREATED", "PAYMENT_PROCESSED"],
    customers: " CUST-001 \n\nCUST, 2\n",
    products: "PROD-001",
    statuses: ["paid"],
    minTotal: "10",
    maxTotal: " 20.50",
    topic: " fraud-check ",
    partitions: "12",
    pace: "original",
    rate: "5",
    speed: "0.5",
    maxGap: "3",
    parallelism: "4",
  });
  expect(JSON.stringify(spec)).toBe(
    JSON.stringify({
      days: 30,
      eventTypes: ["ORDER_CREATED", "PAYMENT_PROCESSED"],
      filter: {
        customerIds: ["CUST-001", "CUST, 2"],
        productIds: ["PROD-001"],
        statuses: ["paid"],
        minTotal: "10",
        maxTotal: "20.50",
      },
      topic: "fraud-check",
      partitions: 12,
      speed: 0.5,
      maxGapSeconds: 3,
      parallelism: 4,
    }),
  );
});

test("times of the reader are sent exactly", () => {
  const spec = specOf({ ...BLANK, window: "between", from: "2026-11-01T08:30", to: "" });
  expect(spec).toEqual({
    from: new Date(2026, 10, 1, 8, 30).toISOString(),
    topic: "orders-replay",
  });
});

test("what is no number or no time is sent as it was typed, so that the API says so", () => {
  const spec = specOf({
    ...BLANK,
    window: "between",
    from: "",
    pace: "rate",
    rate: "",
    partitions: "six",
    eventTypes: [],
  });
  expect(spec).toEqual({
    from: "",
    eventTypes: [],
    topic: "orders-replay",
    partitions: "six",
    eventsPerSecond: "",
  });
});

test("a replay is made again by the same form", () => {
  const spec: Spec = {
    from: new Date(2026, 10, 1, 8, 30).toISOString(),
    to: new Date(2026, 10, 2, 0, 0, 1).toISOString(),
    eventTypes: ["ORDER_CREATED", "SHIPMENT_CREATED"],
    filter: { customerIds: ["a", "b"], statuses: ["paid"], minTotal: "10.00" },
    topic: "again",
    partitions: 6,
    eventsPerSecond: 20,
    parallelism: 3,
    dryRun: false,
  };
  const { partitions, dryRun, ...given } = spec;
  const draft = draftOf(spec);
  expect(draft.from).toBe("2026-11-01T08:30");
  expect(draft.to).toBe("2026-11-02T00:00:01");
  expect(specOf(draft)).toEqual(given);
});

test("what the API says stands beside its field", () => {
  const faults = (fields: Record<string, string>, detail = "…") => {
    const found = faultsOf(
      new Problem("Invalid request", detail, 400, new Map(Object.entries(fields))),
    );
    return [Object.fromEntries(found.at), found.rest];
  };
  expect(faults({ days: "It should be greater", "filter.customerIds[3]": "Send a text" })).toEqual([
    { days: "It should be greater", "filter.customerIds": "Send a text" },
    null,
  ]);
  expect(faults({ body: "from is not before to; swap them" })).toEqual([
    { from: "from is not before to; swap them" },
    null,
  ]);
  expect(faults({ body: "The whole is too large" })).toEqual([{}, "The whole is too large"]);
  expect(faults({}, "from lies in the future; choose.")).toEqual([
    { from: "from lies in the future; choose." },
    null,
  ]);
  expect(faults({}, "The replay service does not answer.")).toEqual([
    {},
    "The replay service does not answer.",
  ]);
  expect(faultsOf(null)).toEqual({ at: new Map(), rest: null });
});
