import { expect, test } from "vitest";
import type { Schemas } from "../api/client";
import type { LiveEvent } from "../live/protocol";
import { placesOf, replayTopics } from "./places";

function message(
  eventId: string,
  offset: number,
  original: string | null = null,
): Schemas["OrderMessage"] {
  return {
    topic: original ? "fraud-test" : "orders",
    partition: 4,
    offset,
    timestamp: "2026-11-22T17:56:34.795Z",
    eventId,
    eventType: "ORDER_CREATED",
    isReplay: original !== null,
    originalEventId: original,
    headers: original ? { "replay-id": "a-replay" } : {},
  };
}

const heard: LiveEvent = {
  eventId: "b",
  eventType: "PAYMENT_PROCESSED",
  orderId: "order",
  timestamp: "2026-11-22T17:56:35.795Z",
  source: "payment",
  data: {},
  topic: "payments",
  partition: 1,
  offset: 9,
};

test("what was heard and what was found tell the places together", () => {
  const { originals } = placesOf([heard], [message("a", 7), message("a", 8)]);
  expect(originals.get("a")).toEqual({ topic: "orders", partition: 4, offset: 7 });
  expect(originals.get("b")).toEqual({ topic: "payments", partition: 1, offset: 9 });
});

test("a copy belongs to the event that it copies, and is no original", () => {
  const { originals, copies } = placesOf([], [message("x", 3, "a"), message("y", 5, "a")]);
  expect(originals.size).toBe(0);
  expect(copies.get("a")?.map(({ offset, replay }) => [offset, replay])).toEqual([
    [3, "a-replay"],
    [5, "a-replay"],
  ]);
});

test("topics of the newest replays come first, and empty ones not at all", () => {
  const topic = (name: string, kind: Schemas["Topic"]["kind"], messages = 1) => ({
    name,
    kind,
    messages,
  });
  expect(
    replayTopics(
      [
        topic("a", "replay"),
        topic("b", "replay"),
        topic("c", "replay"),
        topic("empty", "replay", 0),
        topic("orders", "live"),
      ],
      [{ topic: "c" }, { topic: "gone" }, { topic: "b" }, { topic: "c" }, { topic: "empty" }],
    ),
  ).toEqual(["c", "b", "a"]);
});
