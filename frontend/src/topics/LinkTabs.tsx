import { Link } from "react-router";
import { asCount } from "../ui/format";

interface LinkTab {
  to: string;
  label: string;
  current: boolean;
  count?: number | undefined;
  /** Whether the count is of something to be seen to. */
  alarming?: boolean;
}

/** The parts of a view, each with an address. */
export function LinkTabs({ label, tabs }: { label: string; tabs: readonly LinkTab[] }) {
  return (
    <nav
      aria-label={label}
      className="flex shrink-0 gap-4 overflow-x-auto border-b border-line bg-surface px-4"
    >
      {tabs.map((tab) => (
        <Link
          key={tab.to}
          to={tab.to}
          aria-current={tab.current ? "page" : undefined}
          className="flex h-9 items-center gap-1.5 border-b-2 border-transparent font-medium whitespace-nowrap text-muted -outline-offset-2 hover:text-ink aria-[current=page]:border-accent aria-[current=page]:text-ink"
        >
          {tab.label}
          {tab.count !== undefined && (
            <span
              className={`rounded-full px-1.5 text-2xs ${tab.alarming && tab.count > 0 ? "bg-bad-ground text-bad" : "bg-sunken text-muted"}`}
            >
              {asCount(tab.count)}
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}
