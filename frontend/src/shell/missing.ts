import { Problem } from "../api/problem";

/** The file of a view that did not come; React and the browser keep that until the page is reloaded. */
export class ViewMissing extends Problem {
  override name = "ViewMissing";
}

/** What `load` brings; throws a ViewMissing that says why where its file does not come. */
export async function viewOf<View>(load: () => Promise<View>): Promise<View> {
  try {
    return await load();
  } catch {
    throw new ViewMissing(
      "This view could not be loaded",
      (await reachable())
        ? "A newer dashboard was probably deployed. Try again to load that."
        : "The dashboard cannot be reached: check that you are online. It is loaded once you are online again.",
      0,
    );
  }
}

/** Reloads the page if it is there to be reloaded; else the browser's own error would replace it. */
export async function reload(): Promise<void> {
  if (await reachable()) location.reload();
}

async function reachable(): Promise<boolean> {
  return fetch("/", { method: "HEAD", cache: "no-store" }).then(
    ({ ok }) => ok,
    () => false,
  );
}
