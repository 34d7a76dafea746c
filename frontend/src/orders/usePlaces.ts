import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { asProblem } from "../api/problem";
import type { LiveEvent } from "../live/protocol";
import { asCount } from "../ui/format";
import { type Places, placesOf } from "./places";
import { type OrderEvent, orderMessagesQuery, replayTopicsQuery } from "./queries";

const MOST_TOPICS = 5; // beside the live ones, as the API takes

/**
 * Where the messages of an order lie, and in words what is missing of that.
 *
 * Kafka is read once the events are there, and again when the API knows one more that the feed did
 * not tell; what it does not know costs nothing but the places.
 */
export function usePlaces(
  orderId: string,
  known: readonly OrderEvent[] | undefined,
  heard: readonly LiveEvent[],
): { places: Places; missing: string | null } {
  const enabled = known !== undefined;
  const topics = useQuery({ ...replayTopicsQuery, enabled });
  const looked = useMemo(() => topics.data?.slice(0, MOST_TOPICS) ?? [], [topics.data]);
  const ids = new Set(heard.map(({ eventId }) => eventId));
  const unheard = known?.filter(({ id }) => !ids.has(id)).length ?? 0;
  const found = useQuery({
    ...orderMessagesQuery(orderId, looked, unheard),
    enabled: enabled && !topics.isPending,
    placeholderData: keepPreviousData,
  });
  const places = useMemo(() => placesOf(heard, found.data?.messages ?? []), [heard, found.data]);
  const error = found.error ?? topics.error;
  const left = (topics.data?.length ?? 0) - looked.length;
  return {
    places,
    missing: error
      ? `Some places in Kafka are missing. ${asProblem(error).detail}`
      : found.data?.complete === false
        ? "Some places in Kafka are missing: there was more to read than one look may read."
        : left > 0
          ? `Copies on ${asCount(left)} older replay topics are not looked for.`
          : null,
  };
}
