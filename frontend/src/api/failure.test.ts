import { expect, test } from "vitest";
import { again, onceMore } from "./failure";
import { Problem, slow, unreachable } from "./problem";

test("only an error that may pass is asked about again by itself", () => {
  expect(again(unreachable(), false)).toBe(5_000);
  expect(again(new Problem("Order not found", "There is no such order.", 404), false)).toBe(false);
  expect(again(null, 700)).toBe(700);
});

test("a restart is waited out, and a time-out or a fault is said at once", () => {
  expect([0, 1, 2].map((failures) => onceMore(failures, unreachable()))).toEqual([
    true,
    true,
    false,
  ]);
  expect(onceMore(0, slow())).toBe(false);
  expect(again(slow(), false)).toBe(5_000);
  expect(onceMore(0, new Problem("Order not found", "There is no such order.", 404))).toBe(false);
});
