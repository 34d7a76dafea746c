import type { Schemas } from "../api/client";
import { asCount, asMoney, asWords } from "../ui/format";
import { asShare } from "./figures";

/** What a range came to, each figure with what it means. */
export function Cards({ summary }: { summary: Schemas["Summary"] }) {
  const orders = summary.total_orders;
  const part = (count: number, meaning: string) =>
    orders > 0 ? `${asShare(count, orders)} · ${meaning}` : asWords(meaning);
  return (
    <dl
      aria-label="Figures"
      className="grid grid-cols-2 gap-3 sm:grid-cols-4 xl:grid-cols-[1.4fr_repeat(6,1fr)]"
    >
      <Card
        label="Revenue"
        value={asMoney(summary.total_revenue)}
        meaning="Taken and not given back"
        className="col-span-2 xl:col-span-1"
      />
      <Card label="Orders" value={asCount(orders)} meaning="Placed in this range" />
      <Card
        label="Average order"
        value={asMoney(summary.average_order_value)}
        meaning="Revenue by orders not failed or cancelled"
      />
      <Card
        label="Completed"
        value={asCount(summary.completed_orders)}
        meaning={part(summary.completed_orders, "delivered")}
        tone="bg-plot-good"
      />
      <Card
        label="In flight"
        value={asCount(summary.pending_orders)}
        meaning={part(summary.pending_orders, "on their way")}
        tone="bg-plot-info"
      />
      <Card
        label="Failed"
        value={asCount(summary.failed_orders)}
        meaning={part(summary.failed_orders, "declined or out of stock")}
        tone="bg-plot-bad"
      />
      <Card
        label="Cancelled"
        value={asCount(summary.cancelled_orders)}
        meaning={part(summary.cancelled_orders, "stopped before they left")}
        tone="bg-plot-calm"
      />
    </dl>
  );
}

interface CardProps {
  label: string;
  value: string;
  meaning: string;
  tone?: string;
  className?: string;
}

function Card({ label, value, meaning, tone, className = "" }: CardProps) {
  return (
    <div className={`min-w-0 rounded-lg border border-line bg-surface px-4 py-3 ${className}`}>
      <dt className="flex items-center gap-1.5 text-xs font-medium text-muted">
        {tone && <span className={`size-2 rounded-xs ${tone}`} />}
        {label}
      </dt>
      <dd>
        <span data-figure={label} className="block truncate text-xl leading-8 font-semibold">
          {value}
        </span>
        <span className="block text-xs text-muted">{meaning}</span>
      </dd>
    </div>
  );
}
