import { useEffect, useState, useSyncExternalStore } from "react";
import { env } from "../config";
import { type Connection, Feed } from "./feed";
import type { LiveEvent } from "./protocol";

const POLL = 5_000;

/** The feed of this page. */
export const feed = new Feed(env.liveUrl);

/** Connects the feed, and follows the machine on and off its network. */
export function startFeed(): void {
  window.addEventListener("offline", feed.drop);
  window.addEventListener("online", feed.start);
  feed.start();
}

/** How the connection is. */
export function useConnection(): Connection {
  return useSyncExternalStore(feed.subscribe, feed.connection);
}

/** How often to ask the API by ourselves, ms: while the feed is away it tells nothing. */
export function usePolling(): number | false {
  return useConnection().phase === "live" ? false : POLL;
}

/** The newest events, oldest first; renders at most ten times a second. */
export function useEvents(): readonly LiveEvent[] {
  return useSyncExternalStore(feed.subscribe, feed.events);
}

/** Calls back with the events as they are handed on, while the component is there. */
export function useBatches(listener: (events: readonly LiveEvent[]) => void): void {
  useEffect(() => feed.onBatch(listener), [listener]);
}

/** Events a second; looked at twice a second, as it falls also when nothing comes. */
export function useRate(): number {
  const [rate, setRate] = useState(feed.rate);
  useEffect(() => {
    const timer = setInterval(() => setRate(feed.rate()), 500);
    return () => clearInterval(timer);
  }, []);
  return rate;
}
