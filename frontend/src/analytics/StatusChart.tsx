import {
  ArcElement,
  Chart as ChartJs,
  type ChartOptions,
  DoughnutController,
  Tooltip,
} from "chart.js";
import { useMemo } from "react";
import { Chart } from "react-chartjs-2";
import type { Schemas } from "../api/client";
import { type OrderStatus, STATUSES } from "../orders/status";
import { asCount, asWords } from "../ui/format";
import { asShare } from "./figures";
import { Panel } from "./Panel";
import { useColours, useStillness } from "./useLooks";

ChartJs.register(DoughnutController, ArcElement, Tooltip);

/** A name of styles.css, and how much of it; statuses of one tone follow each other. */
const COLOURS: Record<OrderStatus, readonly [string, number]> = {
  pending: ["plot-calm", 0.5],
  processing: ["plot-info", 0.55],
  reserved: ["plot-info", 1],
  paid: ["plot-accent", 0.55],
  preparing: ["plot-accent", 1],
  shipped: ["plot-warn", 1],
  completed: ["plot-good", 1],
  failed: ["plot-bad", 1],
  cancelled: ["plot-calm", 1],
};

/** Where the orders of a range stand now; the list beside it has the figures. */
export function StatusChart({ of }: { of: Schemas["Analytics"]["ordersByStatus"] }) {
  const colours = useColours();
  const still = useStillness();
  const shown = STATUSES.map((status) => ({ status, orders: of[status] ?? 0 }));
  const there = shown.filter(({ orders }) => orders > 0);
  const total = there.reduce((sum, { orders }) => sum + orders, 0);
  const data = {
    labels: shown.map(({ status }) => asWords(status)),
    datasets: [
      {
        // All of them, so that a slice keeps its place while others come and go.
        data: shown.map(({ orders }) => orders),
        backgroundColor: shown.map(({ status }) => {
          const [name, strength] = COLOURS[status];
          return `${colours[name]}${Math.round(255 * strength).toString(16)}`;
        }),
        borderColor: colours.surface ?? "",
        borderWidth: 2,
      },
    ],
  };
  const options = useMemo<ChartOptions<"doughnut">>(
    () => ({
      maintainAspectRatio: false,
      cutout: "68%",
      animation: still ? false : { duration: 250 },
      font: { family: getComputedStyle(document.body).fontFamily, size: 11 },
      plugins: {
        tooltip: {
          backgroundColor: colours.ink ?? "",
          titleColor: colours.surface ?? "",
          bodyColor: colours.surface ?? "",
          padding: 10,
          cornerRadius: 6,
          boxPadding: 4,
        },
      },
    }),
    [colours, still],
  );
  return (
    <Panel title="By status" note="Where they stand now">
      <div className="flex flex-col gap-4 sm:flex-row sm:items-center sm:gap-6">
        <div className="relative h-44 min-w-0 sm:w-44 sm:shrink-0">
          <Chart
            type="doughnut"
            data={data}
            options={options}
            role="img"
            aria-label={`Orders by status: ${there
              .map(({ status, orders }) => `${status} ${asCount(orders)}`)
              .join(", ")}`}
          />
          <p
            aria-hidden="true"
            className="pointer-events-none absolute inset-0 flex flex-col items-center justify-center"
          >
            <span className="text-lg font-semibold">{asCount(total)}</span>
            <span className="text-xs text-muted">{total === 1 ? "order" : "orders"}</span>
          </p>
        </div>
        <ul aria-label="Orders by status" className="min-w-0 flex-1 space-y-1">
          {there.map(({ status, orders }) => (
            <li key={status} className="flex items-center gap-2">
              <span
                style={{
                  background: `var(--${COLOURS[status][0]})`,
                  opacity: COLOURS[status][1],
                }}
                className="size-2 rounded-xs"
              />
              <span className="mr-auto capitalize">{status}</span>
              <span>{asCount(orders)}</span>
              <span className="w-12 text-right text-xs text-muted">{asShare(orders, total)}</span>
            </li>
          ))}
        </ul>
      </div>
    </Panel>
  );
}
