import { useMemo, useSyncExternalStore } from "react";

const PLOTTED = ["accent", "good", "warn", "bad", "info", "calm"].map((name) => `plot-${name}`);
const NAMES = ["surface", "line", "ink", "muted", ...PLOTTED];
const REDUCED = window.matchMedia("(prefers-reduced-motion: reduce)");

export type Colours = Record<string, string>;

/** The colours of styles.css by their names, for what CSS does not reach; they follow the theme. */
export function useColours(): Colours {
  const theme = useSyncExternalStore(onTheme, () => document.documentElement.dataset.theme);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what is read
  return useMemo(() => {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(
      NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
    );
  }, [theme]);
}

function onTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}

/** Whether the reader wants nothing to move. */
export function useStillness(): boolean {
  return useSyncExternalStore(onMotion, () => REDUCED.matches);
}

function onMotion(changed: () => void): () => void {
  REDUCED.addEventListener("change", changed);
  return () => REDUCED.removeEventListener("change", changed);
}
