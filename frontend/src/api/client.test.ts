import { afterEach, expect, test, vi } from "vitest";

vi.mock("../config", () => ({ env: { apiUrl: "http://here" } }));
const { answer, api } = await import("./client");

afterEach(() => vi.restoreAllMocks());

/** A server that hangs, and limits that are over at once. */
function hanging() {
  vi.stubGlobal(
    "fetch",
    (_: Request, { signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  );
  const over = () => AbortSignal.abort(new DOMException("over", "TimeoutError"));
  return vi.spyOn(AbortSignal, "timeout").mockImplementation(over);
}

test("a request that hangs becomes a problem that may pass", async () => {
  const limit = hanging();
  await expect(answer(api.GET("/api/topics"))).rejects.toMatchObject({
    title: "The API does not answer in time",
    passing: true,
  });
  expect(limit).toHaveBeenLastCalledWith(15_000);
  const params = { path: { id: "a" } };
  await expect(answer(api.POST("/api/replays/{id}/verify", { params }))).rejects.toThrow("in time");
  expect(limit).toHaveBeenLastCalledWith(35_000);
});

test("a request that is not wanted any more stays an abort within its limit", async () => {
  hanging().mockImplementation(() => new AbortController().signal);
  const unwanted = new AbortController();
  const read = answer(api.GET("/api/topics", { signal: unwanted.signal }));
  unwanted.abort();
  await expect(read).rejects.toMatchObject({ name: "AbortError" });
});
