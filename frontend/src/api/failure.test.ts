import { expect, test } from "vitest";
import { again } from "./failure";
import { Problem, unreachable } from "./problem";

test("only an error that may pass is asked about again by itself", () => {
  expect(again(unreachable(), false)).toBe(5_000);
  expect(again(new Problem("Order not found", "There is no such order.", 404), false)).toBe(false);
  expect(again(null, 700)).toBe(700);
});
