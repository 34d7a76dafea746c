import type { ReactNode } from "react";

interface Props {
  caption: string;
  /** Whether the heads alone say how wide the columns are. */
  fixed?: boolean;
  children: ReactNode;
}

/** A plain table whose head stays in sight. */
export function Table({ caption, fixed, children }: Props) {
  return (
    <table
      className={`w-full border-separate border-spacing-0 text-left [&_td]:h-10 [&_td]:border-b [&_td]:border-line [&_td]:px-3 [&_td]:py-1 [&_td:first-child]:pl-4 [&_td:last-child]:pr-4 [&_th]:h-8 [&_th]:border-b [&_th]:border-line [&_th]:bg-canvas [&_th]:px-3 [&_th]:align-middle [&_th]:text-xs [&_th]:font-medium [&_th]:text-muted [&_th:first-child]:pl-4 [&_th:last-child]:pr-4 [&_thead_th]:sticky [&_thead_th]:top-12 [&_thead_th]:z-10 lg:[&_thead_th]:top-0 [&_tbody]:bg-surface ${fixed ? "table-fixed" : ""}`}
    >
      <caption className="sr-only">{caption}</caption>
      {children}
    </table>
  );
}

interface RowProps {
  selected: boolean;
  className?: string;
  children: ReactNode;
}

/** A row that is a larger target of the link in it, which a keyboard and a screen reader use. */
export function LinkRow({ selected, className = "", children }: RowProps) {
  return (
    <tr
      aria-selected={selected}
      onClick={(event) => {
        if (!(event.target as Element).closest("a") && !getSelection()?.toString()) {
          event.currentTarget.querySelector("a")?.click();
        }
      }}
      className={`group cursor-pointer hover:bg-hover aria-selected:bg-accent-ground ${className}`}
    >
      {children}
    </tr>
  );
}
