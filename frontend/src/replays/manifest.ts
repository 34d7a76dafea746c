import { Document, isScalar } from "yaml";
import type { Asked } from "./spec";

const REAL = ["eventsPerSecond", "speed", "maxGapSeconds"];

/**
 * The OrderReplay of a spec for kubectl, as `orderflow replay --manifest` prints it. `at` gives it
 * its name.
 */
export function manifestOf(spec: Asked, at: Date): string {
  const window = "days" in spec || "from" in spec ? {} : { days: 7 };
  const document = new Document(
    {
      apiVersion: "orderflow.dev/v1alpha1",
      kind: "OrderReplay",
      metadata: { name: nameOf(spec.topic, at) },
      spec: { ...window, ...spec },
    },
    // By the rules of 1.1, as kubectl reads it: there "no" and a time are no text without quotes.
    { schema: "yaml-1.1", aliasDuplicateObjects: false },
  );
  for (const name of REAL) {
    const node = document.getIn(["spec", name], true);
    if (isScalar(node) && typeof node.value === "number") node.minFractionDigits = 1;
  }
  return document.toString({ singleQuote: true, indentSeq: false, lineWidth: 0 }).trimEnd();
}

function nameOf(topic: unknown, at: Date): string {
  const words = `${topic ?? "orders-replay"}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 200)
    .replace(/^-+|-+$/g, "");
  const time = at.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  return `${words || "replay"}-${time}`;
}
