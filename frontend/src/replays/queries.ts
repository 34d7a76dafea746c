import { queryOptions } from "@tanstack/react-query";
import { answer, api, type Schemas } from "../api/client";
import { type Action, moves, type Replay } from "./phase";
import type { Asked } from "./spec";

export const LISTED = 100;
const SOON = 1_000; // ms, while something moves or is away
const SELDOM = 10_000;

/** The newest replays, the dry runs among them if they are wanted. */
export function replaysQuery(previews: boolean) {
  return queryOptions({
    queryKey: ["replays", { previews }],
    queryFn: async ({ signal }) => {
      const query = { limit: LISTED, ...(!previews && { dryRun: false }) };
      return (await answer(api.GET("/api/replays", { params: { query }, signal }))).replays;
    },
    // It is asked again soon anyway.
    retry: false,
    refetchInterval: ({ state: { data, error } }) =>
      data && (error || data.some(moves)) ? SOON : SELDOM,
  });
}

export function replayQuery(id: string) {
  return queryOptions({
    queryKey: ["replay", id],
    queryFn: async ({ signal }) => {
      const request = api.GET("/api/replays/{id}", { params: { path: { id } }, signal });
      return (await answer(request)).replay;
    },
    retry: false,
    refetchInterval: ({ state: { data, error } }) =>
      data && (error || moves(data)) ? SOON : SELDOM,
  });
}

/** Asks for a replay; what was asked may be none, which the API says. */
export function startReplay(spec: Asked, key: string): Promise<Schemas["ReplayAccepted"]> {
  return answer(
    api.POST("/api/orders/replay", {
      params: { header: { "Idempotency-Key": key } },
      body: spec as unknown as Schemas["ReplaySpec"],
    }),
  );
}

/** Suspends, resumes or cancels. */
export async function steerReplay(id: string, action: Action): Promise<Replay> {
  const request = api.POST(`/api/replays/{id}/${action}`, { params: { path: { id } } });
  return (await answer(request)).replay;
}

export async function verifyReplay(id: string): Promise<Schemas["Verdict"]> {
  const request = api.POST("/api/replays/{id}/verify", { params: { path: { id } } });
  return (await answer(request)).verdict;
}
