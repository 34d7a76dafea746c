import type { DeadLetter, LetterState } from "./queries";
import { conditions, type LetterFilter } from "./redrive";

export const NO_FILTER: LetterFilter = { service: "", topic: "", error: "", text: "" };
export const STATES: readonly LetterState[] = ["waiting", "redriven", "all"];

/** Characters of a condition that the API takes. */
export const LONGEST = 249;

/** The letters that an address asks for; waiting ones where it does not say. */
export function readLetters(params: URLSearchParams): { filter: LetterFilter; state: LetterState } {
  const filter = { ...NO_FILTER };
  for (const name of ["service", "topic", "error", "text"] as const) {
    filter[name] = (params.get(name) ?? "").slice(0, LONGEST);
  }
  return { filter, state: STATES.find((each) => each === params.get("state")) ?? "waiting" };
}

export function writeLetters(filter: LetterFilter, state: LetterState): Record<string, string> {
  return { ...conditions(filter), ...(state !== "waiting" && { state }) };
}

/** The conditions that leave the letters of a cause. */
export function ofCause({ error, cause }: { error: string | null; cause: string | null }) {
  return { error: error ?? "", text: (cause ?? "").slice(0, LONGEST) };
}

export function redrivable({ obstacle }: DeadLetter): boolean {
  return obstacle === null;
}

/** Where letters go back to, with how many, the most first. */
export function destinations(
  letters: readonly Pick<DeadLetter, "service" | "topic">[],
): { service: string; topic: string; count: number }[] {
  const counts = new Map<string, { service: string; topic: string; count: number }>();
  for (const { service, topic } of letters) {
    if (service === null || topic === null) continue;
    const to = `${service} ${topic}`;
    const known = counts.get(to) ?? { service, topic, count: 0 };
    counts.set(to, { ...known, count: known.count + 1 });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count);
}
