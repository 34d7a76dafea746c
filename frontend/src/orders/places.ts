import type { Schemas } from "../api/client";
import type { LiveEvent } from "../live/protocol";

type OrderMessage = Schemas["OrderMessage"];

/** Where a message lies in Kafka. */
export interface Place {
  topic: string;
  partition: number;
  offset: number;
}

/** A message that a replay has written of an event. */
export interface Copy extends Place {
  /** The replay's uid. */
  replay: string;
}

/** Where the messages of an order lie, by the event that they are of. */
export interface Places {
  originals: ReadonlyMap<string, Place>;
  copies: ReadonlyMap<string, readonly Copy[]>;
}

/** What the feed and a look at Kafka tell together; of a message that is there twice, the first. */
export function placesOf(heard: readonly LiveEvent[], found: readonly OrderMessage[]): Places {
  const originals = new Map<string, Place>();
  const copies = new Map<string, Copy[]>();
  for (const message of found) {
    const { topic, partition, offset, eventId, originalEventId } = message;
    if (message.isReplay) {
      if (!originalEventId) continue;
      const copy = { topic, partition, offset, replay: message.headers["replay-id"] ?? "" };
      copies.set(originalEventId, [...(copies.get(originalEventId) ?? []), copy]);
    } else if (eventId && !originals.has(eventId)) {
      originals.set(eventId, { topic, partition, offset });
    }
  }
  for (const { eventId, topic, partition, offset } of heard) {
    if (!originals.has(eventId)) originals.set(eventId, { topic, partition, offset });
  }
  return { originals, copies };
}

/** Topics with copies, those of the newest replays first; `replays` are newest first. */
export function replayTopics(
  topics: readonly Pick<Schemas["Topic"], "name" | "kind" | "messages">[],
  replays: readonly Pick<Schemas["Replay"], "topic">[],
): string[] {
  const written = topics.filter(({ kind, messages }) => kind === "replay" && messages > 0);
  const names = new Set(written.map(({ name }) => name));
  const newest = replays.map(({ topic }) => topic).filter((topic) => names.has(topic));
  return [...new Set([...newest, ...names])];
}
