import { useCallback, useDeferredValue, useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { Button } from "../ui/Button";
import { asCount } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Empty } from "../ui/states";
import { Toolbar } from "../ui/Toolbar";
import { EventDetail } from "./EventDetail";
import { EventList } from "./EventList";
import { KEPT } from "./feed";
import { ALL, type LiveFilter, narrowed, readLive, writeLive } from "./filter";
import { LiveFilters } from "./LiveFilters";
import { useConnection, useEvents, useRate } from "./live";
import type { LiveEvent } from "./protocol";

/** The events as they happen. */
export default function LivePage() {
  const arriving = useEvents();
  const rate = useRate();
  const { phase } = useConnection();
  const [params, setParams] = useSearchParams();
  const filter = useMemo(() => readLive(params), [params]);
  const change = useCallback(
    (part: Partial<LiveFilter>) => {
      // What is typed is no step that one goes back to.
      setParams(writeLive({ ...filter, ...part }), { replace: "order" in part });
    },
    [filter, setParams],
  );
  const [paused, setPaused] = useState<readonly LiveEvent[] | null>(null);
  const [selected, setSelected] = useState<LiveEvent | null>(null);
  const events = useDeferredValue(paused ?? arriving);
  const shown = useMemo(() => narrowed(events, filter), [events, filter]);
  const waiting = paused ? unseen(arriving, paused) : 0;

  return (
    <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
      <section aria-label="Live events" className="flex min-w-0 flex-1 flex-col">
        <Toolbar
          title="Live"
          note={
            <span title="Over the last five seconds">
              {rate.toLocaleString(undefined, { maximumFractionDigits: 1 })} events/s
            </span>
          }
        >
          <LiveFilters filter={filter} onChange={change} />
          <Button
            aria-pressed={paused !== null}
            onClick={() => setPaused(paused ? null : arriving)}
            className="min-w-24"
          >
            <Icon name={paused ? "play" : "pause"} size={14} />
            {paused ? "Resume" : "Pause"}
            {waiting > 0 && (
              <span className="text-muted">
                {waiting >= KEPT ? `${asCount(KEPT)}+` : asCount(waiting)}
              </span>
            )}
          </Button>
        </Toolbar>
        {shown.length > 0 ? (
          <EventList events={shown} selected={selected?.eventId} onSelect={setSelected} />
        ) : arriving.length > 0 ? (
          <Empty title="No event matches">
            <Button className="mt-2" onClick={() => change(ALL)}>
              Show all events
            </Button>
          </Empty>
        ) : phase === "offline" ? (
          <Empty title="The live feed does not answer">
            It is tried again by itself; what happens meanwhile is caught up. Is the analytics
            service running?
          </Empty>
        ) : (
          <Empty title="Nothing has happened since this page was opened">
            Events appear here as they happen: place an order, or run make demo. What happened
            before is in the{" "}
            <Link to="/topics/orders" className="font-medium text-accent underline">
              topics
            </Link>
            .
          </Empty>
        )}
      </section>
      {selected && <EventDetail event={selected} onClose={() => setSelected(null)} />}
    </div>
  );
}

/** How many events came after those that are shown, as far as they are kept. */
function unseen(arriving: readonly LiveEvent[], shown: readonly LiveEvent[]): number {
  const last = shown.at(-1);
  const at = last ? arriving.lastIndexOf(last) : -1;
  return arriving.length - 1 - at;
}
