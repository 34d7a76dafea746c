import type { ReactNode } from "react";
import { TONES, type Tone } from "./tones";

interface Props {
  tone: Tone;
  role?: "alert" | "status" | undefined;
  title?: string;
  className?: string;
  children?: ReactNode;
}

/** What should be known before one goes on, where it matters. */
export function Callout({ tone, role, title, className = "", children }: Props) {
  return (
    <div
      role={role}
      className={`rounded-md px-3 py-2 [overflow-wrap:anywhere] ${TONES[tone]} ${className}`}
    >
      {title && <p className="font-medium">{title}</p>}
      {children && <div>{children}</div>}
    </div>
  );
}
