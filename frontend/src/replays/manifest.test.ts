import { expect, test } from "vitest";
import { manifestOf } from "./manifest";
import { BLANK, type Draft, specOf } from "./spec";

const AT = new Date("2026-11-23T04:20:35.123Z");
const DRAFTS: Partial<Draft>[] = [
  {},
  { days: "" },
  {
    days: "30",
    eventTypes: ["ORDER_CREATED", "PAYMENT_PROCESSED"],
    customers: "CUST-001\nno\n2026-11-01\n007\n1:20\n~\nx: #1\n- x\nGröße",
    products: "PROD-001",
    statuses: ["paid", "shipped"],
    minTotal: "10.00",
    maxTotal: "500.50",
    topic: "_Fraud..Test",
    pace: "rate",
    rate: "500",
    partitions: "12",
    parallelism: "4",
  },
  { pace: "rate", rate: "0.5" },
  { pace: "original", speed: "60", maxGap: "5" },
  { pace: "original", speed: "1.5", topic: "2026-11-01" },
  { topic: "x".repeat(249) },
];

test("the OrderReplay is as the command prints it, and as Kubernetes takes it", async () => {
  // Python's tests hold this file to the command, to the model and to the resource's definition.
  const whole = DRAFTS.map((part) => manifestOf(specOf({ ...BLANK, ...part }), AT));
  const times = { from: "2026-11-01T00:00:00.000Z", to: "2026-11-02T00:00:00.000Z", topic: "t" };
  whole.push(manifestOf(times, AT));
  await expect(`${whole.join("\n---\n")}\n`).toMatchFileSnapshot(
    "../../../tests/unit/dashboard-manifests.yaml",
  );
});
