import {
  BarController,
  BarElement,
  CategoryScale,
  Chart as ChartJs,
  type ChartOptions,
  LinearScale,
  Tooltip,
} from "chart.js";
import { useMemo } from "react";
import { Chart } from "react-chartjs-2";
import { Figures } from "./Figures";
import type { Bucket } from "./figures";
import { useColours, useStillness } from "./useLooks";

ChartJs.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);

/** What is drawn of each bucket; several lie on each other. */
export interface Layer {
  label: string;
  /** A name of styles.css. */
  colour: string;
  /** For drawing only. */
  height: (bucket: Bucket) => number;
  /** As it is told, to the cent. */
  say: (bucket: Bucket) => string;
}

interface Props {
  /** What it shows: "Revenue by hour". */
  label: string;
  buckets: readonly Bucket[];
  /** They stay the same objects from one render to the next. */
  layers: readonly Layer[];
  /** Figures of a bucket that are not drawn, and the total of each column. */
  columns: readonly { label: string; say: (bucket: Bucket) => string; total: string }[];
  tick: (height: number) => string;
}

const PARTIAL = "Only what lies in the range";

/** Bars over days or hours, with the same figures as a table for those who do not see them. */
export function BarChart({ label, buckets, layers, columns, tick }: Props) {
  const colours = useColours();
  const still = useStillness();
  const data = useMemo(
    () => ({
      labels: buckets.map((bucket) => bucket.label),
      datasets: layers.map((layer) => ({
        label: layer.label,
        data: buckets.map(layer.height),
        // What has only begun is paler, so that it is not taken for a fall.
        backgroundColor: buckets.map(
          ({ partial }) => `${colours[layer.colour]}${partial ? "99" : ""}`,
        ),
        hoverBackgroundColor: colours[layer.colour] ?? "",
        maxBarThickness: 36,
        categoryPercentage: 0.86,
        barPercentage: 1,
      })),
    }),
    [buckets, layers, colours],
  );
  const options = useMemo<ChartOptions<"bar">>(
    () => ({
      maintainAspectRatio: false,
      animation: still ? false : { duration: 250 },
      interaction: { mode: "index", intersect: false },
      font: { family: getComputedStyle(document.body).fontFamily, size: 11 },
      color: colours.muted ?? "",
      scales: {
        x: {
          stacked: true,
          grid: { display: false },
          border: { color: colours.line ?? "" },
          ticks: { color: colours.muted ?? "", maxRotation: 0, autoSkipPadding: 12 },
        },
        y: {
          stacked: true,
          beginAtZero: true,
          suggestedMax: 1,
          grid: { color: colours.line ?? "" },
          border: { display: false },
          ticks: {
            color: colours.muted ?? "",
            precision: 0,
            maxTicksLimit: 6,
            callback: (value) => tick(Number(value)),
          },
        },
      },
      plugins: {
        tooltip: {
          backgroundColor: colours.ink ?? "",
          titleColor: colours.surface ?? "",
          bodyColor: colours.surface ?? "",
          footerColor: colours.surface ?? "",
          footerFont: { weight: "normal" },
          padding: 10,
          cornerRadius: 6,
          boxPadding: 4,
          multiKeyBackground: "transparent",
          callbacks: {
            title: ([item]) => buckets[item?.dataIndex ?? -1]?.name ?? "",
            labelColor: ({ datasetIndex }) => {
              const colour = colours[layers[datasetIndex]?.colour ?? ""] ?? "";
              return { backgroundColor: colour, borderColor: colour };
            },
            label: ({ dataIndex, datasetIndex }) => {
              const [bucket, layer] = [buckets[dataIndex], layers[datasetIndex]];
              return bucket && layer ? `${layer.label}: ${layer.say(bucket)}` : "";
            },
            footer: ([item]) => (buckets[item?.dataIndex ?? -1]?.partial ? PARTIAL : ""),
          },
        },
      },
    }),
    [buckets, layers, colours, still, tick],
  );
  return (
    <>
      <div className="relative h-56 min-w-0">
        <Chart
          type="bar"
          data={data}
          options={options}
          role="img"
          aria-label={`${label}; the figures are in the table after it`}
        />
      </div>
      <Figures
        label={label}
        head={["Time", ...columns.map((column) => column.label)]}
        rows={buckets.map((bucket) => [
          bucket.partial ? `${bucket.name}, in part` : bucket.name,
          ...columns.map(({ say }) => say(bucket)),
        ])}
        total={["Total", ...columns.map(({ total }) => total)]}
      />
    </>
  );
}
