import type { ReactNode } from "react";

const TONES = {
  good: "bg-good-ground text-good",
  warn: "bg-warn-ground text-warn",
  bad: "bg-bad-ground text-bad",
  info: "bg-info-ground text-info",
  accent: "bg-accent-ground text-accent",
  calm: "bg-calm-ground text-calm",
};

export type Tone = keyof typeof TONES;

/** A word about what something is or how it stands. */
export function Badge({
  tone,
  title,
  children,
}: {
  tone: Tone;
  title?: string;
  children: ReactNode;
}) {
  return (
    <span
      title={title}
      className={`inline-flex h-5 items-center rounded-full px-2 text-2xs font-medium whitespace-nowrap ${TONES[tone]}`}
    >
      {children}
    </span>
  );
}
