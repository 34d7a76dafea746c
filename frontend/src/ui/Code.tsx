import type { ReactNode } from "react";

/** Text in its lines. Long ones scroll, unless the classes break them. */
export function Code({ className = "", children }: { className?: string; children: ReactNode }) {
  return (
    <pre
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className={`overflow-x-auto rounded-md border border-line bg-sunken p-3 font-mono text-xs leading-5 ${className}`}
    >
      {children}
    </pre>
  );
}
