import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../api/client";
import { again } from "../api/failure";
import { usePolling } from "../live/live";
import type { Filter } from "./filter";
import { replayTopics } from "./places";

export type Order = Schemas["Order"];
export type OrderEvent = Schemas["OrderEvent"];
export type Product = Schemas["Product"];

const PAGE = 25;

/** One page of the orders that a filter leaves; the page before is shown until it is there. */
export function useOrderPage({ status, q, sort }: Filter, cursor?: string) {
  const polling = usePolling();
  return useQuery({
    queryKey: ["orders", { status, q, sort, cursor }],
    queryFn: ({ signal }) => {
      const query = {
        limit: PAGE,
        sort,
        ...(status && { status }),
        ...(q && { q }),
        ...(cursor && { cursor }),
      };
      return answer(api.GET("/api/orders", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => again(state.error, polling),
  });
}

export function orderQuery(orderId: string) {
  return queryOptions({
    queryKey: ["order", orderId],
    queryFn: async ({ signal }) => {
      const path = { orderId };
      return (await answer(api.GET("/api/orders/{orderId}", { params: { path }, signal }))).order;
    },
  });
}

export function orderEventsQuery(orderId: string) {
  return queryOptions({
    queryKey: ["order", orderId, "events"],
    queryFn: async ({ signal }) => {
      const request = api.GET("/api/orders/{orderId}/events", {
        params: { path: { orderId } },
        signal,
      });
      return (await answer(request)).events;
    },
  });
}

/**
 * Where an order's messages lie on the live topics and on others, and whether these are all; looked
 * up anew where another number of its events is `wanted`.
 */
export function orderMessagesQuery(orderId: string, topics: readonly string[], wanted: number) {
  return queryOptions({
    queryKey: ["order", orderId, "messages", topics, wanted],
    queryFn: ({ signal }) => {
      const params = { path: { orderId }, query: { topic: [...topics] } };
      return answer(api.GET("/api/orders/{orderId}/messages", { params, signal }));
    },
  });
}

/** The topics that replays have written to, those of the newest replays first. */
export const replayTopicsQuery = queryOptions({
  queryKey: ["topics", "of replays"],
  queryFn: async ({ signal }) => {
    const [{ topics }, { replays }] = await Promise.all([
      answer(api.GET("/api/topics", { signal })),
      answer(api.GET("/api/replays", { signal })),
    ]);
    return replayTopics(topics, replays);
  },
});

export const inventoryQuery = queryOptions({
  queryKey: ["inventory"],
  queryFn: async ({ signal }) => (await answer(api.GET("/api/inventory", { signal }))).inventory,
});
