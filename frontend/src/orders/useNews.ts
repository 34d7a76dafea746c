import { useCallback, useEffect, useMemo, useState } from "react";
import { useBatches } from "../live/live";
import type { LiveEvent } from "../live/protocol";
import type { Filter } from "./filter";
import { broughtBy } from "./status";

const MOST = 1_000;
const EVERY = 1_000; // ms between two reads of the page

/**
 * The orders that came to where the table is, and are not on its page.
 *
 * While `following` they are fetched, at most once a second; else they are only counted, so that
 * no row moves under the reader. Which of them a search would find the feed does not tell, so that
 * beside one they are not counted.
 */
export function useNews(
  { status, q }: Filter,
  shown: readonly { id: string }[],
  following: boolean,
  fetch: () => void,
): number {
  const [heard, setHeard] = useState<ReadonlySet<string>>(new Set());
  const wanted = status ?? "pending";
  useBatches(
    useCallback(
      (events: readonly LiveEvent[]) => {
        const came = events.filter((event) => broughtBy(event.eventType) === wanted);
        if (came.length === 0) return;
        setHeard((before) => {
          const ids = came.flatMap(({ orderId }) => orderId ?? []);
          return before.size < MOST ? new Set([...before, ...ids]) : before;
        });
      },
      [wanted],
    ),
  );
  // What is on the page is no news, though it may be there before it is heard of; and neither is
  // what was heard before another filter.
  const news = useMemo(() => {
    const known = new Set(shown.map(({ id }) => id));
    return [...heard].filter((id) => !known.has(id));
  }, [heard, shown]);
  useEffect(() => {
    setHeard((before) => (news.length < before.size ? new Set(news) : before));
  }, [news]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was heard is of that filter
  useEffect(() => setHeard(new Set()), [wanted]);

  const due = following && news.length > 0;
  useEffect(() => {
    if (!due) return;
    const timer = setTimeout(() => {
      setHeard(new Set());
      fetch();
    }, EVERY);
    return () => clearTimeout(timer);
  }, [due, fetch]);
  return following || q ? 0 : news.length;
}
