import { asCount, asMoney } from "../ui/format";
import { BarChart, type Layer } from "./BarChart";
import { type Bucket, sumMoney } from "./figures";
import { Panel } from "./Panel";
import type { Unit } from "./range";

const ORDER_LAYERS: readonly Layer[] = (
  [
    ["Completed", "plot-good", "completed"],
    ["In flight", "plot-info", "inFlight"],
    ["Failed", "plot-bad", "failed"],
    ["Cancelled", "plot-calm", "cancelled"],
  ] as const
).map(([label, colour, key]) => ({
  label,
  colour,
  height: (bucket) => bucket[key],
  say: (bucket) => asCount(bucket[key]),
}));

const REVENUE_LAYERS: readonly Layer[] = [
  {
    label: "Revenue",
    colour: "plot-accent",
    height: ({ revenue }) => Number(revenue),
    say: ({ revenue }) => asMoney(revenue),
  },
];

const round = new Intl.NumberFormat(undefined, {
  style: "currency",
  currency: "USD",
  currencyDisplay: "narrowSymbol",
  notation: "compact",
  maximumFractionDigits: 1,
});
const asRoundMoney = (amount: number) => round.format(amount);

interface Props {
  buckets: readonly Bucket[];
  unit: Unit;
}

/** How many orders were placed when, and what has become of them. */
export function OrdersChart({ buckets, unit }: Props) {
  const total = (count: (bucket: Bucket) => number) =>
    asCount(buckets.reduce((sum, bucket) => sum + count(bucket), 0));
  return (
    <Panel title={`Orders by ${unit}`} note={noteOf(unit)} className="lg:col-span-6">
      <BarChart
        label={`Orders by ${unit}`}
        buckets={buckets}
        layers={ORDER_LAYERS}
        columns={[
          {
            label: "Orders",
            say: ({ orders }) => asCount(orders),
            total: total(({ orders }) => orders),
          },
          ...ORDER_LAYERS.map(({ label, say, height }) => ({ label, say, total: total(height) })),
        ]}
        tick={asCount}
      />
      <ul aria-label="Colours" className="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
        {ORDER_LAYERS.map(({ label, colour }) => (
          <li key={label} className="flex items-center gap-1.5">
            <span style={{ background: `var(--${colour})` }} className="size-2 rounded-xs" />
            {label}
          </li>
        ))}
        {buckets.some(({ partial }) => partial) && <Pale />}
      </ul>
    </Panel>
  );
}

/** What was taken for the orders of each time, and not given back. */
export function RevenueChart({ buckets, unit }: Props) {
  return (
    <Panel
      title={`Revenue by ${unit}`}
      note={`Of the orders placed then${unit === "day" ? "; days are UTC" : ""}`}
      className="lg:col-span-6"
    >
      <BarChart
        label={`Revenue by ${unit}`}
        buckets={buckets}
        layers={REVENUE_LAYERS}
        columns={REVENUE_LAYERS.map(({ label, say }) => ({
          label,
          say,
          total: asMoney(sumMoney(buckets.map(({ revenue }) => revenue))),
        }))}
        tick={asRoundMoney}
      />
      {buckets.some(({ partial }) => partial) && (
        <ul aria-label="Colours" className="mt-3 text-xs text-muted">
          <Pale />
        </ul>
      )}
    </Panel>
  );
}

function Pale() {
  return (
    <li className="flex items-center gap-1.5">
      <span className="size-2 rounded-xs bg-current opacity-40" />
      Paler: only the part of it that lies in the range
    </li>
  );
}

function noteOf(unit: Unit): string {
  return unit === "day" ? "By when they were placed; days are UTC" : "By when they were placed";
}
