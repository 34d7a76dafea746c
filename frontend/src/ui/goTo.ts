/** Moves the focus to a part of the page, so that it is read out, and brings it into sight. */
export function goTo(part: HTMLElement | null): void {
  if (!part) return;
  part.focus({ preventScroll: true });
  const { top } = part.getBoundingClientRect();
  if (top >= 0 && top < innerHeight / 2) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  part.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}
