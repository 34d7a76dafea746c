import { useFailure } from "../api/failure";
import { asCount } from "../ui/format";
import { Stale } from "../ui/Stale";
import { Failed, Skeleton } from "../ui/states";
import { Time } from "../ui/Time";
import { ServiceCard } from "./ServiceCard";
import { LONG_WAIT, MANY_MESSAGES, type State, summaryOf } from "./state";
import { useOld } from "./useOld";
import { useServices } from "./useServices";

const NONE: readonly number[] = [];
const LIGHTS: Record<State, string> = {
  offline: "bg-bad",
  unhealthy: "bg-bad",
  lagging: "bg-warn",
  "lag unknown": "bg-warn",
  healthy: "bg-good",
};

/** How every service is, in the order in which an order meets them. */
export default function ServicesPage() {
  const read = useServices();
  const failure = useFailure(read);
  const summary = read.data && summaryOf(read.data.services);
  const old = useOld(read.dataUpdatedAt);
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex min-h-12 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-surface px-4 py-2">
        <h1 className="text-sm font-semibold">Services</h1>
        <p role="status" className="mr-auto flex min-w-0 items-center gap-2">
          {summary && old && (
            <>
              <span className="size-2 shrink-0 rounded-full bg-warn" />
              <span>
                Not known since <Time at={new Date(read.dataUpdatedAt).toISOString()} />
              </span>
            </>
          )}
          {summary && !old && (
            <>
              <span className={`size-2 shrink-0 rounded-full ${LIGHTS[summary.worst]}`} />
              {summary.text}
            </>
          )}
        </p>
        {read.data && (
          <span className="text-xs text-muted">
            As of <Time at={new Date(read.dataUpdatedAt).toISOString()} />
          </span>
        )}
      </div>
      {read.data && <Stale error={read.error} since={read.dataUpdatedAt} />}
      <section
        aria-label="Services"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        className="relative min-h-0 flex-1 p-4 -outline-offset-2 lg:overflow-y-auto"
      >
        {read.data ? (
          <>
            <div className="grid gap-3 md:grid-cols-2 xl:grid-cols-3">
              {read.data.services.map((service) => (
                <ServiceCard
                  key={service.name}
                  service={service}
                  lags={read.data.lags[service.name] ?? NONE}
                />
              ))}
            </div>
            <p className="mt-3 text-xs text-muted">
              A service is lagging where {asCount(MANY_MESSAGES)} messages or more wait for it, or
              an event has waited {LONG_WAIT} s or longer in its outbox. The lag is Kafka's own
              account, so it is there for a service that is away, too.
            </p>
          </>
        ) : failure ? (
          <Failed error={failure} onRetry={() => void read.refetch()} />
        ) : (
          <Loading />
        )}
      </section>
    </div>
  );
}

function Loading() {
  return (
    <div className="grid gap-3 md:grid-cols-2 xl:grid-cols-3">
      {["a", "b", "c", "d", "e", "f"].map((place) => (
        <Skeleton key={place} className="h-64" />
      ))}
    </div>
  );
}
