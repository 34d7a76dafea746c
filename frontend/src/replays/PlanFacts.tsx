import { Callout } from "../ui/Callout";
import { asBytes, asCount, asWords } from "../ui/format";
import { Time } from "../ui/Time";
import { Counts } from "./Counts";
import type { Plan } from "./phase";

/** What was counted before anything was written. */
export function PlanFacts({ plan, time }: { plan: Plan; time?: string }) {
  const { exists, partitions } = plan.target;
  return (
    <div className="flex flex-col gap-3">
      <dl className="grid grid-cols-[6.5rem_1fr] gap-y-1.5 *:odd:text-muted">
        <dt>Events</dt>
        <dd className="font-medium">
          {asCount(plan.events)}
          {plan.orders !== undefined && ` of ${asCount(plan.orders)} orders`}
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
              <Time at={plan.from} /> – <Time at={plan.to} />
            </dd>
          </>
        )}
        {plan.firstTime && plan.lastTime && (
          <>
            <dt>First and last</dt>
            <dd>
              <Time at={plan.firstTime} /> – <Time at={plan.lastTime} />
            </dd>
          </>
        )}
        <dt>Topic</dt>
        <dd>
          {exists ? "is there" : "will be made"}
          {partitions && `, with ${partitions} ${partitions === 1 ? "partition" : "partitions"}`}
        </dd>
      </dl>
      {plan.warnings.map((warning) => (
        <Callout key={warning} tone="warn">
          {warning}
        </Callout>
      ))}
      <Counts caption="By type" counts={plan.byType} label={asWords} />
    </div>
  );
}
