import type { Service } from "./state";

/** How far each service was behind at each look, oldest first; null where it was not known. */
export type Lags = Readonly<Record<string, readonly (number | null)[]>>;

/** Looks that are kept: two minutes. */
export const KEPT = 40;
const TREND = 4; // looks
const LEAST = 10; // messages that fill the height; fewer come and go at any moment

/** What is known after another look. */
export function remember(before: Lags, services: readonly Service[]): Lags {
  return Object.fromEntries(
    services.map(({ name, lag }) => [
      name,
      [...(before[name] ?? []), lag?.messages ?? null].slice(-KEPT),
    ]),
  );
}

/** Where a lag goes, if it has gone one way over the last few looks without coming to 0. */
export function trendOf(lags: readonly (number | null)[]): "growing" | "falling" | null {
  const last = lags.slice(-TREND);
  const [first, end] = [last[0], last.at(-1)];
  if (last.length < TREND || !first || !end) return null;
  const goes = (way: 1 | -1) =>
    last.every((lag, at) => lag !== null && (at === 0 || way * (lag - (last[at - 1] ?? lag)) >= 0));
  if (first === end) return null;
  if (goes(1)) return "growing";
  return goes(-1) ? "falling" : null;
}

/** The lags as the points of a line in a box of `width` by `height`; the newest is at its right. */
export function lineOf(lags: readonly (number | null)[], width: number, height: number): string {
  const most = Math.max(LEAST, ...lags.map((lag) => lag ?? 0));
  const step = width / (KEPT - 1);
  return lags
    .map((lag, at) => {
      const x = width - (lags.length - 1 - at) * step;
      const y = height - (height * (lag ?? 0)) / most;
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}
