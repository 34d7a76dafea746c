import type { Schemas } from "../api/client";

export type Body = Schemas["RedriveRequest"];

/** What letters are narrowed to; empty is all. */
export interface LetterFilter {
  service: string;
  topic: string;
  error: string;
  text: string;
}

/** A filter as the API takes it. */
export function conditions({ service, topic, error, text }: LetterFilter) {
  return {
    ...(service && { service }),
    ...(topic && { topic }),
    ...(error && { error }),
    ...(text && { text }),
  };
}

/** Which letters to give back. Of all that match no more than were counted, or letters that fail
 * at once, and come back as new ones, would be given back for ever. */
export type Target =
  | { numbers: readonly number[]; again: boolean }
  | { filter: LetterFilter; count: number };

export type Reply =
  | { done: true; redriven: number[]; skipped: number[]; remaining: number }
  | { done: false; why: string; numbers: number[]; redriven: number[] };

export interface Outcome {
  redriven: number[];
  /** Those that match and cannot be given back. */
  skipped: number[];
  /** Those that the API refused, with its reason. */
  refused: { numbers: number[]; why: string }[];
  /** Why it ended before all were given back. */
  failed: string | null;
  stopped: boolean;
}

export const STEP = 100; // letters a request, which is how soon a stop takes hold

/** Gives letters back in steps, and tells after each what has come of it so far. */
export async function redrive(
  target: Target,
  send: (body: Body) => Promise<Reply>,
  tell: (outcome: Outcome) => void,
  stopped: () => boolean,
): Promise<Outcome> {
  const outcome: Outcome = {
    redriven: [],
    skipped: [],
    refused: [],
    failed: null,
    stopped: false,
  };
  let waiting = "numbers" in target ? [...target.numbers] : [];
  const left = () =>
    "numbers" in target ? waiting.length : target.count - outcome.redriven.length;
  while (left() > 0) {
    if (stopped()) return { ...outcome, stopped: true };
    const step = waiting.slice(0, STEP);
    const reply = await send(
      "numbers" in target
        ? { numbers: step, again: target.again, all: false, by: "dashboard" }
        : matching(target.filter, Math.min(STEP, left())),
    );
    outcome.redriven = [...outcome.redriven, ...reply.redriven];
    if (reply.done) {
      waiting = waiting.slice(STEP);
      outcome.skipped = reply.skipped;
      if ("filter" in target && (reply.remaining === 0 || reply.redriven.length === 0)) break;
    } else {
      // Of those named none was given back, for the sake of these.
      const refused = reply.numbers.filter((number) => step.includes(number));
      if (refused.length === 0) return { ...outcome, failed: reply.why };
      outcome.refused = [...outcome.refused, { numbers: refused, why: reply.why }];
      waiting = waiting.filter((number) => !refused.includes(number));
    }
    tell({ ...outcome });
  }
  return outcome;
}

function matching(filter: LetterFilter, limit: number): Body {
  const given = conditions(filter);
  const all = Object.keys(given).length === 0;
  return { filter: given, all, limit, again: false, by: "dashboard" };
}
