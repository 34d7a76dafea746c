import { expect, test } from "vitest";
import { Once, Submission } from "./submission";

test("a submission keeps its key until it is done or is another", () => {
  const submission = new Submission();
  const key = submission.keyFor({ a: 1 });
  expect(submission.keyFor({ a: 1 })).toBe(key);
  expect(submission.keyFor({ a: 2 })).not.toBe(key);
  const again = submission.keyFor({ a: 1 });
  submission.done();
  expect(submission.keyFor({ a: 1 })).not.toBe(again);
});

test("of two clicks one acts, and the next after it has ended, well or not", async () => {
  const once = new Once();
  let acts = 0;
  const act = () => {
    acts += 1;
    return Promise.reject(new Error("refused"));
  };
  once.run(act);
  once.run(act);
  expect(acts).toBe(1);
  await new Promise((done) => setTimeout(done));
  once.run(act);
  expect(acts).toBe(2);
});
