import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { answer, api } from "../api/client";
import { again } from "../api/failure";
import { feed, useBatches, usePolling } from "../live/live";
import { betweenOf, type Range } from "./range";

const EVERY = 2_000; // ms between two reads while events come
const AT_REST = 30_000; // ms; a span that ends now moves on also when nothing comes

/** The statistics of a range; what was there before is shown until they are. */
export function useAnalytics(range: Range) {
  useRereading();
  const polling = usePolling();
  return useQuery({
    queryKey: ["analytics", range],
    queryFn: async ({ signal }) => {
      const query = betweenOf(range, Date.now());
      return (await answer(api.GET("/api/analytics", { params: { query }, signal }))).analytics;
    },
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => again(state.error, polling || AT_REST),
  });
}

/** Has the statistics read again after there was news, not at each of it. */
function useRereading(): void {
  const queries = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const news = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      // One that is under way goes on, else none would come to its end where they take longer.
      void queries.invalidateQueries({ queryKey: ["analytics"] }, { cancelRefetch: false });
    }, EVERY);
  }, [queries]);
  useBatches(news);
  useEffect(() => {
    // An event may be told before it is counted; new sums are told after.
    let sums = feed.stats();
    const unsubscribe = feed.subscribe(() => {
      if (feed.stats() !== sums) {
        sums = feed.stats();
        news();
      }
    });
    return () => {
      unsubscribe();
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [news]);
}
