import { type ReactNode, useId } from "react";

interface Props {
  title: string;
  /** What the title leaves open, beside it. */
  note?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A titled part of a view. */
export function Panel({ title, note, className = "", children }: Props) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      className={`flex min-w-0 flex-col rounded-lg border border-line bg-surface p-4 ${className}`}
    >
      <div className="mb-3 flex flex-wrap items-baseline gap-x-2">
        <h2 id={id} className="font-semibold">
          {title}
        </h2>
        {note && <span className="text-xs text-muted">{note}</span>}
      </div>
      {children}
    </section>
  );
}
