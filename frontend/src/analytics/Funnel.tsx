import type { Schemas } from "../api/client";
import { asCount } from "../ui/format";
import { asShare, type Stage, stages } from "./figures";
import { Panel } from "./Panel";

/** How far the orders of a range came, stage by stage, and how many each stage let go. */
export function Funnel({ of }: { of: Schemas["Funnel"] }) {
  const shown = stages(of);
  return (
    <Panel
      title="Funnel"
      note="How far orders came, whatever became of them"
      className="lg:col-span-6"
    >
      <table className="w-full text-left">
        <caption className="sr-only">Orders at each stage</caption>
        <thead className="sr-only sm:not-sr-only">
          <tr className="*:pb-1.5 *:text-xs *:font-medium *:text-muted">
            <th scope="col">Stage</th>
            <th scope="col" className="text-right!">
              Orders
            </th>
            <th scope="col" className="text-right!">
              Of all
            </th>
            <th scope="col" className="text-right!">
              Lost since the stage before
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((stage) => (
            <StageRow key={stage.label} stage={stage} all={of.accepted} />
          ))}
        </tbody>
      </table>
      <p className="mt-auto pt-3 text-xs text-muted">
        Authorising and reserving go on at the same time, and paying needs both. What did not come
        on is lost or still on its way: {asCount(of.failed)} failed, {asCount(of.cancelled)}{" "}
        cancelled.
      </p>
    </Panel>
  );
}

function StageRow({ stage, all }: { stage: Stage; all: number }) {
  const { label, orders, missing, before } = stage;
  const width = all > 0 ? (100 * orders) / all : 0;
  return (
    <tr className="*:border-t *:border-line *:py-2">
      <th scope="row" className="w-2/5 pr-3 font-medium sm:w-1/2">
        <span className="flex flex-col gap-1 sm:flex-row sm:items-center sm:gap-3">
          <span className="shrink-0 sm:w-34">{label}</span>
          <span aria-hidden="true" className="h-1.5 flex-1 rounded-full bg-sunken max-sm:flex-none">
            <span
              style={{ width: `${width}%` }}
              className="block h-full rounded-full bg-plot-accent transition-[width] duration-300"
            />
          </span>
        </span>
      </th>
      <td className="text-right font-medium">{asCount(orders)}</td>
      <td className="text-right text-muted">{asShare(orders, all)}</td>
      <td className={`text-right ${missing ? "text-ink" : "text-faint"}`}>
        {missing === null ? (
          "–"
        ) : missing === 0 ? (
          "0"
        ) : (
          <>
            −{asCount(missing)}{" "}
            <span className="inline-block w-11 text-xs text-muted">
              {asShare(missing, before ?? 0)}
            </span>
          </>
        )}
      </td>
    </tr>
  );
}
