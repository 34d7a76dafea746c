import { Callout } from "../ui/Callout";
import { asBounds, asBytes, asCount, asExactTime, asWords } from "../ui/format";
import { Counts } from "./Counts";
import type { Plan } from "./phase";
import { eventsOf, inOrder, withLocalTimes } from "./words";

interface Props {
  plan: Plan;
  time?: string;
  /** Whether it has written since. */
  ran?: boolean;
}

/** What was counted before anything was written. */
export function PlanFacts({ plan, time, ran = false }: Props) {
  const { exists, partitions } = plan.target;
  return (
    <div className="flex flex-col gap-3">
      <dl className="grid grid-cols-[6.5rem_1fr] gap-y-1.5 *:odd:text-muted">
        <dt>Events</dt>
        <dd className="font-medium">
          {asCount(plan.events)}
          {plan.orders !== undefined && ` ${eventsOf(plan.events, plan.orders)}`}
        </dd>
        {plan.filtered > 0 && (
          <>
            <dt>Filtered out</dt>
            <dd>{asCount(plan.filtered)} events</dd>
          </>
        )}
        {plan.bytes !== undefined && (
          <>
            <dt>Size</dt>
            <dd>about {asBytes(plan.bytes)}</dd>
          </>
        )}
        {time && (
          <>
            <dt>Time it takes</dt>
            <dd>{time}</dd>
          </>
        )}
        {plan.from && plan.to && (
          <>
            <dt>Window</dt>
            <dd>
              <Span from={plan.from} to={plan.to} />
            </dd>
          </>
        )}
        {plan.firstTime && plan.lastTime && (
          <>
            <dt>First and last</dt>
            <dd>
              <Span from={plan.firstTime} to={plan.lastTime} />
            </dd>
          </>
        )}
        <dt>Topic</dt>
        <dd>
          {exists ? (ran ? "was there" : "is there") : ran ? "was made" : "will be made"}
          {partitions && `, with ${partitions} ${partitions === 1 ? "partition" : "partitions"}`}
        </dd>
      </dl>
      {plan.warnings.map((warning) => (
        <Callout key={warning} tone="warn">
          {withLocalTimes(warning)}
        </Callout>
      ))}
      <Counts caption="By type" counts={inOrder(plan.byType)} label={asWords} />
    </div>
  );
}

function Span({ from, to }: { from: string; to: string }) {
  const [first, last] = asBounds(from, to);
  return (
    <>
      <time dateTime={from} title={asExactTime(from)}>
        {first}
      </time>{" "}
      –{" "}
      <time dateTime={to} title={asExactTime(to)}>
        {last}
      </time>
    </>
  );
}
