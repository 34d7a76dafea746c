import { useState } from "react";
import { Problem } from "./problem";

const AGAIN = 5_000;

/** How often to ask, ms: soon again after an error that may pass, else as `otherwise` says. */
export function again(error: unknown, otherwise: number | false): number | false {
  return error instanceof Problem && error.passing ? AGAIN : otherwise;
}

/** Why there is nothing to show, if that is so; it stays while the same is tried again. */
export function useFailure(query: { data: unknown; error: unknown }): unknown {
  const [last, setLast] = useState<unknown>(null);
  const now = query.error ?? (query.data === undefined ? last : null);
  if (now !== last) setLast(now);
  return query.data === undefined ? now : null;
}
