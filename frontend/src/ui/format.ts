const money = new Intl.NumberFormat(undefined, {
  style: "currency",
  currency: "USD",
  currencyDisplay: "narrowSymbol",
});
const count = new Intl.NumberFormat();
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const today = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const thisYear = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
});
const anyYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const longAgo = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const toTheMillisecond = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
  hour12: false,
});

/** An amount of the API, "194.97", as the reader's locale writes it. */
export function asMoney(amount: string): string {
  // A decimal string keeps its cents; as a number it might not.
  return money.format(amount as unknown as number);
}

/** A decimal string with two places as whole cents. */
export function toCents(amount: string): bigint {
  const [whole = "0", cents = ""] = amount.split(".");
  return BigInt(whole) * 100n + BigInt(cents.padEnd(2, "0"));
}

/** Whole cents as a decimal string with two places. */
export function fromCents(cents: bigint): string {
  return `${cents / 100n}.${(cents % 100n).toString().padStart(2, "0")}`;
}

export function asCount(number: number): string {
  return count.format(number);
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A number of bytes in the unit that leaves up to three digits: "819.6 kB". */
export function asBytes(bytes: number): string {
  let [unit, size] = [0, bytes];
  while (size >= 999.5 && unit < UNITS.length - 1) [unit, size] = [unit + 1, size / 1000];
  const digits = unit > 0 && size < 99.95 ? 1 : 0;
  return `${size.toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${UNITS[unit]}`;
}

/** A time as short as it can be understood now: today its hour, else its day. */
export function asTime(time: string | number, now = new Date()): string {
  const at = new Date(time);
  if (at.toDateString() === now.toDateString()) return today.format(at);
  return (at.getFullYear() === now.getFullYear() ? thisYear : longAgo).format(at);
}

export function asExactTime(time: string | number): string {
  return exact.format(new Date(time));
}

/** Two times that are read together: each with its day, unless both are of today. */
export function asBounds(from: string, to: string, now = new Date()): [string, string] {
  const ends = [new Date(from), new Date(to)] as const;
  if (ends.every((at) => at.toDateString() === now.toDateString()))
    return [today.format(ends[0]), today.format(ends[1])];
  const ofYear = ends.every((at) => at.getFullYear() === now.getFullYear());
  const format = ofYear ? thisYear : anyYear;
  return [format.format(ends[0]), format.format(ends[1])];
}

export function asClock(time: string): string {
  return toTheMillisecond.format(new Date(time));
}

/** A span of milliseconds in two units at most: "12 ms", "1.0 s", "2 min 5 s". */
export function asSpan(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/** A time as an input of type datetime-local takes it, in the reader's zone. */
export function toLocal(time: string): string {
  const at = new Date(time);
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted
    .toISOString()
    .slice(0, -1)
    .replace(/(:00)?\.000$/, "");
}

/** The part of a UUID that differs between those of one time. */
export function shortId(id: string): string {
  return id.slice(-8);
}

/** What an API says of a fault, as a sentence. */
export function asSentence(said: string): string {
  const end = /[.!?]$/.test(said) ? "" : ".";
  return `${said.charAt(0).toUpperCase()}${said.slice(1)}${end}`;
}

interface Place {
  topic?: string | null;
  partition: number | null;
  offset: number | null;
}

/** A place in Kafka: "payments/3@17", or "3@17" where the topic is known. */
export function asPlace({ topic = null, partition, offset }: Place): string {
  return `${topic === null ? "" : `${topic}/`}${partition ?? "?"}@${offset ?? "?"}`;
}

/** "PAYMENT_PROCESSED" as a person reads it. */
export function asWords(name: string): string {
  const words = name.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
