import { useState } from "react";
import { Problem, unreachable } from "./problem";

const AGAIN = 5_000;
const OFF_NETWORK = unreachable();

/** How often to ask, ms: soon again after an error that may pass, else as `otherwise` says. */
export function again(error: unknown, otherwise: number | false): number | false {
  return error instanceof Problem && error.passing ? AGAIN : otherwise;
}

/**
 * Whether to ask at once once more before anything is said of an error: one that met a restart may
 * be over. Who has waited for an answer in vain is told so first.
 */
export function onceMore(failures: number, error: unknown): boolean {
  return error instanceof Problem && error.passing && error.status !== 504 && failures < 2;
}

/** Why there is nothing to show, if that is so; it stays while the same is tried again. */
export function useFailure(query: { data: unknown; error: unknown; isPaused: boolean }): unknown {
  const [last, setLast] = useState<unknown>(null);
  const kept = query.data === undefined ? last : null;
  // Off its network a machine does not even ask, so that no error comes.
  const now = query.error ?? (query.isPaused ? OFF_NETWORK : kept);
  if (now !== last) setLast(now);
  return query.data === undefined ? now : null;
}
