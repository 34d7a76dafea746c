import { asProblem } from "../api/problem";
import { asTime } from "./format";

/** Says that what is shown could not be read anew, and why; nothing while it could. */
export function Stale({ error, since }: { error: unknown; since: number }) {
  if (!error) return null;
  const { title, detail } = asProblem(error);
  return (
    <p role="alert" className="shrink-0 border-b border-line bg-warn-ground px-4 py-1.5 text-warn">
      <span className="font-medium">{title}.</span> {detail} What is shown is of {asTime(since)}.
    </p>
  );
}
