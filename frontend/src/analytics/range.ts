const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The ranges that end now, from the shortest to the longest. */
export const SPANS = {
  "1h": { label: "1 h", name: "Last hour", length: HOUR },
  "24h": { label: "24 h", name: "Last 24 hours", length: 24 * HOUR },
  "7d": { label: "7 d", name: "Last 7 days", length: 7 * 24 * HOUR },
  "30d": { label: "30 d", name: "Last 30 days", length: 30 * 24 * HOUR },
} as const;

export type Span = keyof typeof SPANS;
export type Unit = "hour" | "day";

/** Two times in RFC 3339; the second is not within. */
export interface Between {
  from: string;
  to: string;
}

/** What is looked at: a span that ends now, or a stretch between two times. */
export type Range = Span | Between;

const DEFAULT: Span = "24h";
const BY_HOUR = 48 * HOUR; // ranges up to this are drawn by the hour unless told otherwise
const MOST_DAYS = 366; // as the API has it
const WITH_ZONE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/i;

/** The range of an address; what it has wrong is left out. */
export function readRange(params: URLSearchParams): Range {
  const from = readTime(params.get("from"));
  const to = readTime(params.get("to"));
  if (from && to) return { from, to };
  const span = params.get("range") ?? "";
  return Object.hasOwn(SPANS, span) ? (span as Span) : DEFAULT;
}

/** What an address says for a range. */
export function writeRange(range: Range): Record<string, string> {
  if (typeof range !== "string") return { ...range };
  return range === DEFAULT ? {} : { range };
}

function readTime(text: string | null): string | null {
  const time = text && WITH_ZONE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

/**
 * The times between which a range lies at a moment. A span ends with the minute that is under way,
 * so that it holds what happens now and does not differ between two looks at it.
 */
export function betweenOf(range: Range, now: number): Between {
  if (typeof range !== "string") return range;
  const to = (Math.floor(now / MINUTE) + 1) * MINUTE;
  const from = to - SPANS[range].length;
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

/** By what a range is drawn: as wanted, unless that is too fine for the API. */
export function unitOf(range: Range, wanted: string | null): Unit {
  if (wanted === "day" || !hoursOf(range)) return "day";
  return wanted === "hour" || lengthOf(range) <= BY_HOUR ? "hour" : "day";
}

/** Whether the API tells the hours of a range. */
export function hoursOf(range: Range): boolean {
  return lengthOf(range) <= SPANS["7d"].length;
}

function lengthOf(range: Range): number {
  if (typeof range === "string") return SPANS[range].length;
  return Date.parse(range.to) - Date.parse(range.from);
}

/** What is wrong with two times that were typed in, if anything. */
export function faultOf(from: string, to: string): string | undefined {
  const length = Date.parse(to) - Date.parse(from);
  if (Number.isNaN(length)) return "Choose a day and a time for both.";
  if (length <= 0) return "The end must be after the start.";
  if (length > MOST_DAYS * 24 * HOUR) return `Choose ${MOST_DAYS} days at most.`;
  return undefined;
}

/** The time that an input of type datetime-local holds, in the reader's zone. */
export function fromLocal(text: string): string {
  return new Date(text).toISOString();
}
