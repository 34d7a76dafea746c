import type { Schemas } from "../api/client";
import { asCount } from "../ui/format";
import type { Tone } from "../ui/tones";

type Topic = Schemas["Topic"];
type Message = Schemas["Message"];
type Shown = Schemas["Shown"];

export const KINDS: Record<Topic["kind"], { tone: Tone; label: string; hint: string }> = {
  live: { tone: "good", label: "live", hint: "Services act on it" },
  replay: { tone: "accent", label: "replay", hint: "Replays write to it" },
  "dead-letters": { tone: "bad", label: "dead letters", hint: "What a service could not handle" },
  checkpoints: { tone: "info", label: "checkpoints", hint: "How far replays have come" },
  internal: { tone: "calm", label: "internal", hint: "Kafka's own" },
  other: { tone: "calm", label: "other", hint: "Somebody else's" },
};

export const STATES: Record<Schemas["Group"]["state"], Tone> = {
  stable: "good",
  empty: "calm",
  dead: "bad",
  unknown: "warn",
  "preparing-rebalancing": "warn",
  "completing-rebalancing": "warn",
};

/** What a number of messages is. */
export const COUNTED =
  "Offsets from the oldest on: marks of transactions and what was compacted away are among them";

/** How many messages a topic has, as far as Kafka tells. */
export function asMessages(offsets: number): string {
  if (offsets === 0) return "no messages";
  return `about ${asCount(offsets)} ${offsets === 1 ? "message" : "messages"}`;
}

const HOUR = 3_600_000;

/** How long messages are kept, in words. */
export function asRetention({ retentionMs, cleanupPolicy }: Topic): string {
  if (retentionMs === null) {
    if (cleanupPolicy === null) return "unknown";
    return cleanupPolicy.includes("compact") ? "newest of each key" : "for ever";
  }
  const [size, unit] =
    retentionMs >= 48 * HOUR
      ? [retentionMs / (24 * HOUR), "day"]
      : retentionMs >= HOUR
        ? [retentionMs / HOUR, "hour"]
        : [retentionMs / 60_000, "minute"];
  const rounded = Math.round(size * 10) / 10;
  return `${rounded.toLocaleString()} ${unit}${rounded === 1 ? "" : "s"}`;
}

const PREVIEW = 240; // characters
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The one line of a value that tells it from others: of an event what it carries. */
export function preview({ value, text, encoding }: Shown): string {
  if (encoding === null) return "";
  if (encoding !== "json") return (text ?? "").slice(0, PREVIEW);
  const carried = isObject(value) && "payload" in value ? value.payload : value;
  return JSON.stringify(carried).slice(0, PREVIEW);
}

/** The order that a message is about, where its key is the id of one. */
export function orderOf({ key, value }: Pick<Message, "key"> & Pick<Shown, "value">) {
  if (!key || !UUID.test(key)) return null;
  const payload = isObject(value) ? value.payload : null;
  return isObject(payload) && payload.orderId === key ? key : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text as the reader copies it: JSON with its lines. */
export function asCopied({ value, text, encoding }: Shown): string {
  return encoding === "json" ? JSON.stringify(value, null, 2) : (text ?? "");
}

/** Whether a text is a time; whoever writes to Kafka may write anything. */
export function isTime(text: string | null): text is string {
  return text !== null && !Number.isNaN(Date.parse(text));
}
