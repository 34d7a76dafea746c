import { expect, test } from "vitest";
import {
  allowed,
  eta,
  moves,
  type Phase,
  type Replay,
  rateOf,
  standing,
  verifiable,
} from "./phase";

const PROGRESS = { replayed: 5, planned: 20, percent: 25, rate: 2.5, etaSeconds: 6, shards: [] };

function replay(phase: Phase, more: Partial<Replay> = {}): Replay {
  return {
    id: "last-month",
    uid: "01a20556-ac30-776d-bcdd-d02657710c41",
    phase,
    message: "",
    topic: "t",
    createdAt: "2026-11-22T22:18:15.984Z",
    startTime: null,
    completionTime: null,
    suspend: false,
    cancel: false,
    spec: {
      days: 7,
      eventTypes: ["ORDER_CREATED"],
      topic: "t",
      partitions: 6,
      parallelism: 1,
      dryRun: false,
    },
    plan: null,
    progress: PROGRESS,
    report: null,
    ...more,
  };
}

test("one may do what the API allows in a phase and what changes something", () => {
  const of = (phase: Phase, more?: Partial<Replay>) => allowed(replay(phase, more)).join(" ");
  expect(of("Pending")).toBe("suspend cancel");
  expect(of("Running")).toBe("suspend cancel");
  expect(of("Running", { suspend: true })).toBe("resume cancel");
  expect(of("Suspended", { suspend: true })).toBe("resume cancel");
  expect(of("Suspended")).toBe("suspend cancel");
  expect(of("Running", { cancel: true })).toBe("");
  for (const phase of ["Completed", "Failed", "Cancelled"] as const) expect(of(phase)).toBe("");
});

test("only what stands still and has written is verified", () => {
  expect(verifiable(replay("Running"))).toBe(false);
  expect(verifiable(replay("Suspended", { suspend: true }))).toBe(true);
  expect(verifiable(replay("Completed"))).toBe(true);
  expect(verifiable(replay("Failed", { progress: null }))).toBe(false);
  const spec = { ...replay("Completed").spec, dryRun: true };
  expect(verifiable(replay("Completed", { spec }))).toBe(false);
});

test("what moves by itself is looked at soon", () => {
  expect(moves(replay("Pending"))).toBe(true);
  expect(moves(replay("Running"))).toBe(true);
  expect(moves(replay("Suspended", { suspend: true }))).toBe(false);
  expect(moves(replay("Suspended"))).toBe(true);
  expect(moves(replay("Suspended", { suspend: true, cancel: true }))).toBe(true);
  expect(moves(replay("Failed"))).toBe(false);
});

test("an ETA is told in words, where there is one", () => {
  const left = (etaSeconds: number | null) =>
    replay("Running", { progress: { ...PROGRESS, etaSeconds } });
  expect(eta(left(6))).toBe("6.0 s");
  expect(eta(left(125))).toBe("2 min 5 s");
  expect(eta(left(0))).toBe("now");
  expect(eta(left(null))).toBe("");
  const timed = left(null);
  expect(eta({ ...timed, spec: { ...timed.spec, speed: 60 } })).toBe("as it was timed");
  expect(eta(replay("Pending", { progress: null }))).toBe("planning");
  expect(eta(replay("Suspended", { suspend: true }))).toBe("");
  expect(eta(replay("Completed"))).toBe("");
});

test("how it stands is a sentence, of what is wanted too", () => {
  expect(standing(replay("Running", { suspend: true }))).toBe("It is being suspended.");
  expect(standing(replay("Suspended", { suspend: true }))).toContain("keeps its place");
  expect(standing(replay("Suspended"))).toBe("It is taken up again.");
  expect(standing(replay("Running", { cancel: true }))).toBe("It is being cancelled.");
  expect(standing(replay("Running", { progress: null }))).toContain("counts");
  expect(standing(replay("Failed", { message: "clash" }))).toBe("clash");
});

test("a rate is of late, and over all once it is complete", () => {
  expect(rateOf(replay("Running"))).toBe(2.5);
  const report = {
    planned: 20,
    replayed: 20,
    filtered: 0,
    byType: {},
    byDay: {},
    durationSeconds: 2,
    rate: 10,
    checksum: "",
  };
  expect(rateOf(replay("Completed", { report }))).toBe(10);
  expect(rateOf(replay("Pending", { progress: null }))).toBeNull();
});
