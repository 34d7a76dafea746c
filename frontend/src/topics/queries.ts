import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../api/client";
import { again } from "../api/failure";
import { asProblem } from "../api/problem";
import { type Body, conditions, type LetterFilter, type Reply } from "./redrive";
import { type Search, writeSearch } from "./search";

export type Topic = Schemas["Topic"];
export type TopicInFull = Schemas["TopicInFull"];
export type Message = Schemas["Message"];
export type DeadLetter = Schemas["DeadLetter"];

const POLL = 5_000; // ms
const PAGE = 50;
const LETTERS = 100;

export function topicsQuery(internal: boolean) {
  return queryOptions({
    queryKey: ["topics", { internal }],
    queryFn: async ({ signal }) =>
      (await answer(api.GET("/api/topics", { params: { query: { internal } }, signal }))).topics,
    placeholderData: keepPreviousData,
    refetchInterval: 2 * POLL, // a look at the newest messages of every topic
  });
}

export function topicQuery(name: string) {
  return queryOptions({
    queryKey: ["topic", name],
    queryFn: async ({ signal }) =>
      (await answer(api.GET("/api/topics/{name}", { params: { path: { name } }, signal }))).topic,
    refetchInterval: POLL,
  });
}

export const groupsQuery = queryOptions({
  queryKey: ["groups"],
  queryFn: async ({ signal }) => (await answer(api.GET("/api/groups", { signal }))).groups,
  refetchInterval: POLL,
});

/**
 * Messages, page after page from where the search begins. What was read stays as it is; another
 * `look` reads anew.
 */
export function messagesQuery(name: string, search: Search, look: number) {
  return infiniteQueryOptions({
    queryKey: ["messages", name, search, look],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/topics/{name}/messages", {
          params: {
            path: { name },
            query: { ...writeSearch(search), limit: PAGE, ...(pageParam && { cursor: pageParam }) },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: ({ cursor }) => cursor,
    staleTime: "static",
    gcTime: 0, // who comes back looks for what is new
    // Every page would be read again, and each is a scan.
    refetchInterval: ({ state }) => (state.data ? false : again(state.error, false)),
  });
}

/** One message, null where there is none at its place. */
export function messageQuery(name: string, partition: number, offset: number) {
  return queryOptions({
    queryKey: ["message", name, partition, offset],
    queryFn: async ({ signal }) => {
      const query = { partition, from: `offset:${offset}`, limit: 1 };
      const page = await answer(
        api.GET("/api/topics/{name}/messages", { params: { path: { name }, query }, signal }),
      );
      return page.messages.find((message) => message.offset === offset) ?? null;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export type LetterState = "waiting" | "redriven" | "all";

const REDRIVEN = { waiting: { redriven: false }, redriven: { redriven: true }, all: {} };

export function lettersQuery(filter: LetterFilter, state: LetterState) {
  return infiniteQueryOptions({
    queryKey: ["dead-letters", { filter, state }],
    queryFn: ({ pageParam, signal }) => {
      const query = {
        ...conditions(filter),
        ...REDRIVEN[state],
        limit: LETTERS,
        ...(pageParam && { cursor: pageParam }),
      };
      return answer(api.GET("/api/dead-letters", { params: { query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: ({ cursor }) => cursor,
  });
}

export function letterQuery(number: number) {
  return queryOptions({
    queryKey: ["dead-letters", { number }],
    queryFn: async ({ signal }) => {
      const page = await answer(
        api.GET("/api/dead-letters", { params: { query: { number } }, signal }),
      );
      return page.deadLetters[0] ?? null;
    },
  });
}

/** How many letters wait, and where they came from. */
export function waitingQuery(filter: LetterFilter) {
  return queryOptions({
    queryKey: ["dead-letters", "waiting", filter],
    queryFn: async ({ signal }) => {
      const query = { ...conditions(filter), redriven: false, limit: 1 };
      const { total, byOrigin } = await answer(
        api.GET("/api/dead-letters", { params: { query }, signal }),
      );
      return { total, byOrigin };
    },
    refetchInterval: 2 * POLL,
  });
}

/** Asks the API to give letters back; it does not throw. */
export async function sendRedrive(body: Body): Promise<Reply> {
  let refusal: unknown;
  try {
    const { redriven, skipped, remaining } = await answer(
      api.POST("/api/dead-letters/redrive", { body }).then((outcome) => {
        refusal = outcome.error;
        return outcome;
      }),
    );
    return { done: true, redriven, skipped, remaining };
  } catch (error) {
    const { numbers = [], redriven = [] } = (refusal ?? {}) as Partial<Record<string, number[]>>;
    return { done: false, why: asProblem(error).detail, numbers, redriven };
  }
}
