import type { ReactNode } from "react";

interface Props {
  title: string;
  /** How much there is, or of when. */
  note?: ReactNode;
  children?: ReactNode;
}

/** The top of a view: what it shows, and what one can do there. */
export function Toolbar({ title, note, children }: Props) {
  return (
    <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-surface px-4 py-2">
      <h1 className="text-sm font-semibold">{title}</h1>
      <span className="mr-auto text-muted">{note}</span>
      {children}
    </div>
  );
}
