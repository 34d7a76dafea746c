import { useMemo } from "react";
import { useFailure } from "../api/failure";
import { asCount, asExactTime, asMoney } from "../ui/format";
import { Stale } from "../ui/Stale";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Toolbar } from "../ui/Toolbar";
import { Cards } from "./Cards";
import { Failures } from "./Failures";
import { Funnel } from "./Funnel";
import { type Analytics, asBound, series } from "./figures";
import { RangeChooser } from "./RangeChooser";
import { betweenOf, hoursOf, type Unit } from "./range";
import { Segments } from "./Segments";
import { OrdersChart, RevenueChart } from "./SeriesCharts";
import { StatusChart } from "./StatusChart";
import { useAnalytics } from "./useAnalytics";
import { useRange } from "./useRange";

/** What came of the orders of a range of time. */
export default function AnalyticsPage() {
  const { range, unit, setRange, setUnit } = useRange();
  const read = useAnalytics(range);
  const failure = useFailure(read);
  const hours = hoursOf(range);
  const between = read.data?.range ?? betweenOf(range, Date.now());
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <Toolbar
        title="Analytics"
        note={
          <>
            <Bound at={between.from} /> – <Bound at={between.to} />
          </>
        }
      >
        <Segments<Unit>
          label="Draw by"
          value={unit}
          choices={[
            {
              value: "hour",
              label: "Hours",
              disabled: !hours,
              title: hours ? "By the hour" : "Choose 7 days or less to see hours",
            },
            { value: "day", label: "Days", title: "By the day, in UTC" },
          ]}
          onChange={setUnit}
        />
        <RangeChooser range={range} between={between} onChange={setRange} />
      </Toolbar>
      {read.data && <Stale error={read.error} since={read.dataUpdatedAt} />}
      <section
        aria-label="Analytics"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        className="relative min-h-0 flex-1 p-4 -outline-offset-2 lg:overflow-y-auto"
      >
        {read.data ? (
          <Shown analytics={read.data} unit={unit} fading={read.isPlaceholderData} />
        ) : failure ? (
          <Failed error={failure} onRetry={() => void read.refetch()} />
        ) : (
          <Loading />
        )}
      </section>
    </div>
  );
}

function Shown({ analytics, unit, fading }: { analytics: Analytics; unit: Unit; fading: boolean }) {
  const { summary, range, ordersByStatus, failuresByReason } = analytics;
  // The range before, which is shown meanwhile, may have no hours.
  const by = analytics.hourlyOrders.length > 0 ? unit : "day";
  const buckets = useMemo(() => series(analytics, by), [analytics, by]);
  return (
    <div className={`space-y-3 ${fading ? "opacity-60 transition-opacity" : ""}`}>
      <Cards summary={range.summary} />
      {range.summary.total_orders === 0 ? (
        <div className="rounded-lg border border-line bg-surface">
          <Empty title="No orders in this range">
            Choose another one, place an order, or run make demo for a lifelike stream of them.
          </Empty>
        </div>
      ) : (
        <div className="grid gap-3 lg:grid-cols-12">
          <OrdersChart buckets={buckets} unit={by} />
          <RevenueChart buckets={buckets} unit={by} />
          <Funnel of={range.funnel} />
          <div className="flex min-w-0 flex-col gap-3 lg:col-span-6">
            <StatusChart of={ordersByStatus} />
            <Failures of={failuresByReason} />
          </div>
        </div>
      )}
      <p className="text-xs text-muted">
        Of all time: {asCount(summary.total_orders)} orders, {asMoney(summary.total_revenue)}{" "}
        revenue.
      </p>
    </div>
  );
}

function Bound({ at }: { at: string }) {
  return (
    <time dateTime={at} title={asExactTime(at)}>
      {asBound(at)}
    </time>
  );
}

function Loading() {
  return (
    <div className="space-y-3">
      <Skeleton className="h-24" />
      <div className="grid gap-3 lg:grid-cols-2">
        <Skeleton className="h-72" />
        <Skeleton className="h-72" />
        <Skeleton className="h-72" />
        <Skeleton className="h-72" />
      </div>
    </div>
  );
}
