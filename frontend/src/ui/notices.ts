import { useSyncExternalStore } from "react";

export interface Notice {
  id: number;
  tone: "good" | "bad" | "info";
  title: string;
  detail?: string;
}

const SHOWN = 4;
const SECONDS = 6;

let notices: readonly Notice[] = [];
let next = 1;
const listeners = new Set<() => void>();

function change(to: readonly Notice[]): void {
  notices = to;
  for (const listener of listeners) listener();
}

/** Tells the reader something in passing. What is bad stays until it is dismissed. */
export function notify(notice: Omit<Notice, "id">): void {
  const id = next;
  next += 1;
  change([...notices, { ...notice, id }].slice(-SHOWN));
  if (notice.tone !== "bad") setTimeout(() => dismiss(id), SECONDS * 1000);
}

export function dismiss(id: number): void {
  change(notices.filter((notice) => notice.id !== id));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useNotices(): readonly Notice[] {
  return useSyncExternalStore(subscribe, () => notices);
}
