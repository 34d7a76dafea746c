import { useSyncExternalStore } from "react";
import { asProblem, unreachable } from "../api/problem";
import { Time } from "../ui/Time";

/** Says that what is shown is of before, and why; it goes by itself. */
export function Stale({ error, at }: { error: unknown; at: number }) {
  const online = useSyncExternalStore(subscribe, () => navigator.onLine);
  if (!error && online) return null;
  const { title, detail } = online ? asProblem(error) : unreachable();
  return (
    <p role="status" className="border-b border-line bg-warn-ground px-4 py-1.5 text-warn">
      <span className="font-medium">
        {title}, so this is of <Time at={new Date(at).toISOString()} />.
      </span>{" "}
      {detail} It is asked again by itself.
    </p>
  );
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("online", listener);
  window.addEventListener("offline", listener);
  return () => {
    window.removeEventListener("online", listener);
    window.removeEventListener("offline", listener);
  };
}
