import { Link } from "react-router";
import { Button } from "../ui/Button";
import { asClock, asPlace, asTime, asWords } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Json } from "../ui/Json";
import type { LiveEvent } from "./protocol";

/** One event whole, beside the list; it stays when the list has let it go. */
export function EventDetail({ event, onClose }: { event: LiveEvent; onClose: () => void }) {
  return (
    <aside
      aria-label="Event"
      className="fixed inset-x-0 bottom-0 z-20 max-h-[65dvh] overflow-y-auto border-t border-line bg-surface p-4 shadow-lift lg:static lg:max-h-none lg:w-108 lg:shrink-0 lg:border-t-0 lg:border-l lg:shadow-none"
    >
      <div className="mb-3 flex items-center justify-between gap-2">
        <h2 className="truncate text-sm font-semibold">{asWords(event.eventType)}</h2>
        <Button kind="quiet" square aria-label="Close event" onClick={onClose}>
          <Icon name="close" />
        </Button>
      </div>
      <dl className="mb-4 grid grid-cols-[5.5rem_1fr] gap-y-1.5 *:odd:text-muted">
        <dt>Order</dt>
        <dd className="font-mono text-xs leading-5 break-all">
          {event.orderId ? (
            <Link
              to={`/orders/${event.orderId}`}
              className="text-accent hover:text-accent-strong hover:underline"
            >
              {event.orderId}
            </Link>
          ) : (
            "none"
          )}
        </dd>
        <dt>Service</dt>
        <dd>{event.source}</dd>
        <dt>Time</dt>
        <dd>
          {asTime(event.timestamp)} <span className="text-muted">({asClock(event.timestamp)})</span>
        </dd>
        <dt>Kafka</dt>
        <dd
          className="font-mono text-xs leading-5 break-all"
          title={`Partition ${event.partition}, offset ${event.offset}`}
        >
          {asPlace(event)}
        </dd>
        <dt>Event id</dt>
        <dd className="font-mono text-xs leading-5 break-all">{event.eventId}</dd>
      </dl>
      <Json value={event.data} />
    </aside>
  );
}
