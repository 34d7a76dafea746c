import type { ReactNode } from "react";

/** A plain table whose head stays in sight. */
export function Table({ caption, children }: { caption: string; children: ReactNode }) {
  return (
    <table className="w-full border-separate border-spacing-0 text-left [&_td]:h-10 [&_td]:border-b [&_td]:border-line [&_td]:px-3 [&_td]:py-1 [&_td:first-child]:pl-4 [&_td:last-child]:pr-4 [&_th]:h-8 [&_th]:border-b [&_th]:border-line [&_th]:bg-canvas [&_th]:px-3 [&_th]:align-middle [&_th]:text-xs [&_th]:font-medium [&_th]:text-muted [&_th:first-child]:pl-4 [&_th:last-child]:pr-4 [&_thead_th]:sticky [&_thead_th]:top-12 [&_thead_th]:z-10 lg:[&_thead_th]:top-0 [&_tbody]:bg-surface">
      <caption className="sr-only">{caption}</caption>
      {children}
    </table>
  );
}
