import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { again } from "../api/failure";
import { useBatches, usePolling } from "../live/live";
import type { LiveEvent } from "../live/protocol";
import { inventoryQuery } from "./queries";

const EVERY = 1_000; // ms between two reads

/** The products; read again after their stock moved, at most once a second. */
export function useLiveStock() {
  const queries = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  useBatches(
    useCallback(
      (events: readonly LiveEvent[]) => {
        if (timer.current || !events.some(({ topic }) => topic === "inventory")) return;
        timer.current = setTimeout(() => {
          timer.current = undefined;
          void queries.invalidateQueries({ queryKey: inventoryQuery.queryKey });
        }, EVERY);
      },
      [queries],
    ),
  );
  const polling = usePolling();
  return useQuery({
    ...inventoryQuery,
    refetchInterval: ({ state }) => again(state.error, polling),
  });
}
