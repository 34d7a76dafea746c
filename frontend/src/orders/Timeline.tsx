import { Link } from "react-router";
import { Badge } from "../ui/Badge";
import { asClock, asExactTime, asPlace, asSpan, asWords } from "../ui/format";
import { Json } from "../ui/Json";
import type { Step } from "./timeline";

const BAD = /FAILED|REFUSED/;
const GOOD = /DELIVERED/;

/** The events of an order, each of which opens to its payload. */
export function Timeline({ steps }: { steps: readonly Step[] }) {
  return (
    <ol>
      {steps.map((step, index) => (
        <li key={step.id} className="relative pb-3 pl-5">
          {index < steps.length - 1 && (
            <span className="absolute top-3 bottom-[-0.4rem] left-[3px] w-px bg-line-strong" />
          )}
          <span
            className={`absolute top-1.5 left-0 size-[7px] rounded-full ${BAD.test(step.type) ? "bg-bad" : GOOD.test(step.type) ? "bg-good" : "bg-accent"}`}
          />
          <details className="group">
            <summary className="flex list-none flex-wrap items-baseline gap-x-2 rounded [&::-webkit-details-marker]:hidden">
              <span className="font-medium group-hover:text-accent" title={step.type}>
                {asWords(step.type)}
              </span>
              <span className="text-xs text-muted">{step.service}</span>
              {step.place && (
                <span
                  className="font-mono text-2xs text-faint"
                  title={`Topic ${step.place.topic}, partition ${step.place.partition}, offset ${step.place.offset}`}
                >
                  {asPlace(step.place)}
                </span>
              )}
              {step.copies.length > 0 && (
                <Badge tone="info">
                  {step.copies.length === 1 ? "Replayed" : `Replayed ${step.copies.length} times`}
                </Badge>
              )}
              <span className="ml-auto flex gap-2 text-xs whitespace-nowrap text-muted">
                {step.since !== null && <span>+{asSpan(step.since)}</span>}
                <time dateTime={step.at} title={asExactTime(step.at)}>
                  {asClock(step.at)}
                </time>
              </span>
            </summary>
            <div className="mt-2 flex flex-col gap-2">
              <p className="font-mono text-xs break-all text-muted">
                {step.id}
                {step.place && (
                  <>
                    <br />
                    {asPlace(step.place)}
                  </>
                )}
              </p>
              {step.copies.map((copy) => (
                <p key={asPlace(copy)} className="text-xs text-muted">
                  Copy on <span className="font-mono text-ink">{asPlace(copy)}</span> by replay{" "}
                  <Link
                    to={`/replays/${copy.replay}`}
                    className="font-mono break-all text-accent hover:text-accent-strong"
                  >
                    {copy.replay}
                  </Link>
                </p>
              ))}
              <Json value={step.payload} />
            </div>
          </details>
        </li>
      ))}
    </ol>
  );
}
