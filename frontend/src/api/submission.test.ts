import { expect, test } from "vitest";
import { Submission } from "./submission";

test("a submission keeps its key until it is done or is another", () => {
  const submission = new Submission();
  const key = submission.keyFor({ a: 1 });
  expect(submission.keyFor({ a: 1 })).toBe(key);
  expect(submission.keyFor({ a: 2 })).not.toBe(key);
  const again = submission.keyFor({ a: 1 });
  submission.done();
  expect(submission.keyFor({ a: 1 })).not.toBe(again);
});
