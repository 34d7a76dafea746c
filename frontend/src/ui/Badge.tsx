import type { ReactNode } from "react";
import { TONES, type Tone } from "./tones";

interface Props {
  tone: Tone;
  title?: string;
  className?: string;
  children: ReactNode;
}

/** A word about what something is or how it stands. */
export function Badge({ tone, title, className = "", children }: Props) {
  return (
    <span
      title={title}
      className={`inline-flex h-5 items-center rounded-full px-2 text-2xs font-medium whitespace-nowrap ${TONES[tone]} ${className}`}
    >
      {children}
    </span>
  );
}
