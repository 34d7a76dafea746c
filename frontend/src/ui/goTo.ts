/** Brings a part of the page into sight and the focus to it, so that it is read out. */
export function goTo(part: HTMLElement | null): void {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  part?.focus({ preventScroll: true });
  part?.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}
