import { expect, test } from "vitest";
import { conditions, type Reply, redrive, STEP } from "./redrive";

type Send = Parameters<typeof redrive>[1];

const ALL = { service: "", topic: "", error: "", text: "" };
const done = (redriven: number[], remaining = 0, skipped: number[] = []): Reply => ({
  done: true,
  redriven,
  skipped,
  remaining,
});
const refused = (numbers: number[], redriven: number[] = []): Reply => ({
  done: false,
  why: "it cannot be",
  numbers,
  redriven,
});
const run = (target: Parameters<typeof redrive>[0], send: Send, stopped = () => false) =>
  redrive(target, send, () => {}, stopped);

test("a selection goes in steps, and those that are refused hold up no other", async () => {
  const numbers = Array.from({ length: STEP + 3 }, (_, number) => number);
  const sent: number[][] = [];
  const outcome = await run({ numbers, again: false }, async ({ numbers: step = [] }) => {
    sent.push(step);
    return step.includes(1) ? refused([1]) : done(step);
  });
  expect(outcome.redriven).toEqual(numbers.filter((number) => number !== 1));
  expect(outcome.refused).toEqual([{ numbers: [1], why: "it cannot be" }]);
  expect(sent.map((step) => step.length)).toEqual([STEP, STEP, 2]);
});

test("all that match are no more than were counted, or those that fail again would never end", async () => {
  const limits: (number | undefined)[] = [];
  let next = 0;
  const send: Send = async ({ limit = 0 }) => {
    limits.push(limit);
    next += limit;
    return done(
      Array.from({ length: limit }, (_, index) => next - limit + index),
      1_000,
      [7],
    );
  };
  const outcome = await run({ filter: ALL, count: STEP + 5 }, send);
  expect(limits).toEqual([STEP, 5]);
  expect(outcome.redriven.length).toBe(STEP + 5);
  expect(outcome.skipped).toEqual([7]);
});

test("all that match end where somebody else gave the rest back", async () => {
  expect((await run({ filter: ALL, count: 9 }, async () => done([1, 2]))).redriven).toEqual([1, 2]);
  expect((await run({ filter: ALL, count: 9 }, async () => done([], 3))).redriven).toEqual([]);
});

test("a stop takes hold after the step that is under way", async () => {
  let steps = 0;
  const outcome = await run(
    { filter: ALL, count: 10 * STEP },
    async () => {
      steps += 1;
      return done([steps], 5);
    },
    () => steps === 2,
  );
  expect(outcome).toMatchObject({ redriven: [1, 2], stopped: true, failed: null });
});

test("where Kafka goes away it is told what was given back and why no more", async () => {
  const outcome = await run({ numbers: [1, 2, 3], again: true }, async () => refused([], [1]));
  expect(outcome).toMatchObject({ redriven: [1], failed: "it cannot be", refused: [] });
});

test("an empty condition is none", () => {
  expect(conditions({ ...ALL, text: "x" })).toEqual({ text: "x" });
});
