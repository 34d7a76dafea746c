import { useState, useSyncExternalStore } from "react";
import { feed } from "../live/live";
import { hear, type Told } from "./status";

// What the feed has said of each order, beside what the API answered: the API may be a moment
// behind the feed, and is not asked at every event.
const told = new Map<string, Told>();
const listeners = new Set<() => void>();

feed.onBatch((events) => {
  if (hear(told, events).size > 0) for (const listener of listeners) listener();
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What the feed has said of an order while the component is there; renders when that changes. */
export function useTold(orderId: string): Told | undefined {
  const now = useSyncExternalStore(subscribe, () => told.get(orderId));
  // What was forgotten for others still holds for an order that is looked at.
  const [kept, keep] = useState(now);
  if (now && now !== kept) keep(now);
  return now ?? kept;
}
