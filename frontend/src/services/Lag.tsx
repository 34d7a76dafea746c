import { asCount } from "../ui/format";
import { lineOf, trendOf } from "./lags";
import { MANY_MESSAGES, type Service } from "./state";

const [WIDTH, HEIGHT] = [100, 20];

/** How far a service is behind: now, by topic, and at the looks before. */
export function Lag({ lag, lags }: { lag: Service["lag"]; lags: readonly (number | null)[] }) {
  if (!lag) return "–";
  const trend = trendOf(lags);
  const topics = Object.entries(lag.byTopic);
  return (
    <>
      <span className="flex items-center gap-2">
        <span className={lag.messages >= MANY_MESSAGES ? "font-medium text-warn" : ""}>
          {asCount(lag.messages)} {lag.messages === 1 ? "message" : "messages"}
          {trend && <span className="text-muted">, {trend}</span>}
        </span>
        <svg
          viewBox={`0 -1 ${WIDTH} ${HEIGHT + 2}`}
          preserveAspectRatio="none"
          aria-hidden="true"
          className="mb-1 ml-auto h-4 w-20 shrink-0 text-info"
        >
          <path d={`M0 ${HEIGHT}H${WIDTH}`} className="stroke-line-strong" />
          <polyline
            points={lineOf(lags, WIDTH, HEIGHT)}
            fill="none"
            stroke="currentColor"
            strokeWidth={1.5}
            vectorEffect="non-scaling-stroke"
          />
        </svg>
      </span>
      {topics.length > 0 && (
        <ul aria-label="Lag by topic" className="flex flex-wrap gap-x-3 text-xs text-muted">
          {topics.map(([topic, messages]) => (
            <li key={topic}>
              {topic} <span className={messages > 0 ? "text-ink" : ""}>{asCount(messages)}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
