import { afterEach, expect, test, vi } from "vitest";
import { reload, ViewMissing, viewOf } from "./missing";

const gone = () => Promise.reject(new TypeError("Failed to fetch dynamically imported module"));
const reloaded = vi.fn();

afterEach(() => vi.unstubAllGlobals());

function served(there: boolean): void {
  const answer = () => (there ? Promise.resolve(new Response()) : Promise.reject(new TypeError()));
  vi.stubGlobal("fetch", vi.fn(answer));
  vi.stubGlobal("location", { reload: reloaded });
}

test("a view that does not come says whether one is offline or a newer one was deployed", async () => {
  served(false);
  await expect(viewOf(gone)).rejects.toThrow("check that you are online");
  served(true);
  await expect(viewOf(gone)).rejects.toThrow("A newer dashboard was probably deployed");
  await expect(viewOf(gone)).rejects.toBeInstanceOf(ViewMissing);
  await expect(viewOf(() => Promise.resolve("view"))).resolves.toBe("view");
});

test("the page is reloaded only where it is there to be reloaded", async () => {
  served(false);
  await reload();
  expect(reloaded).not.toHaveBeenCalled();
  served(true);
  await reload();
  expect(reloaded).toHaveBeenCalledOnce();
});
