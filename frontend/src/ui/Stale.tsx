import { useSyncExternalStore } from "react";
import { asProblem, unreachable } from "../api/problem";
import { Time } from "./Time";

/** Says that what is shown is of before, and why; nothing while it is of now. */
export function Stale({ error, since }: { error: unknown; since: number }) {
  // Off its network a machine does not even ask, so that no error comes.
  const online = useSyncExternalStore(subscribe, () => navigator.onLine);
  if (!error && online) return null;
  const { title, detail } = online ? asProblem(error) : unreachable();
  return (
    <p
      role="alert"
      className="shrink-0 border-b border-line bg-warn-ground px-4 py-1.5 text-warn [overflow-wrap:anywhere]"
    >
      <span className="font-medium">
        {title}; this is what was so at <Time at={new Date(since).toISOString()} />.
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
