import { asCount, asWords } from "../ui/format";
import { asShare } from "./figures";
import { Panel } from "./Panel";

/** Why orders failed, the most frequent reason first. */
export function Failures({ of }: { of: Record<string, number> }) {
  const reasons = Object.entries(of).sort(([, one], [, other]) => other - one);
  const all = reasons.reduce((sum, [, orders]) => sum + orders, 0);
  return (
    <Panel title="Failures by reason" note={all > 0 && `${asCount(all)} failed`} className="flex-1">
      {reasons.length === 0 ? (
        <p className="text-muted">No order of this range failed.</p>
      ) : (
        <ul className="grid gap-x-6 gap-y-3 sm:grid-cols-2">
          {reasons.map(([reason, orders]) => (
            <li key={reason}>
              <span className="flex items-baseline gap-2">
                <span className="mr-auto min-w-0 truncate">{asWords(reason)}</span>
                <span className="font-medium">{asCount(orders)}</span>
                <span className="w-12 text-right text-xs text-muted">{asShare(orders, all)}</span>
              </span>
              <span aria-hidden="true" className="mt-1 block h-1.5 rounded-full bg-sunken">
                <span
                  style={{ width: `${(100 * orders) / all}%` }}
                  className="block h-full rounded-full bg-plot-bad transition-[width] duration-300"
                />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
