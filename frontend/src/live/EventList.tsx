import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useRef } from "react";
import { asClock, asExactTime, asPlace, asWords, shortId } from "../ui/format";
import { gist } from "./filter";
import type { LiveEvent } from "./protocol";

const ROW = 32; // px

interface Props {
  events: readonly LiveEvent[];
  selected: string | undefined;
  onSelect: (event: LiveEvent) => void;
}

/** Only the events that are in sight are drawn. A reader who scrolled away stays at theirs. */
export function EventList({ events, selected, onSelect }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    getItemKey: (index) => events[index]?.eventId ?? index,
    anchorTo: "start",
    overscan: 12,
  });
  return (
    <div
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className="h-[calc(100dvh-10.5rem)] overflow-y-auto -outline-offset-2 md:h-[calc(100dvh-6.1rem)]"
    >
      <ol style={{ height: virtualizer.getTotalSize() }} className="relative">
        {virtualizer.getVirtualItems().map(({ index }) => {
          const event = events[index];
          return (
            // The virtualizer's own key may be the one of an event that was at this index before.
            event && (
              <li
                key={event.eventId}
                style={{ transform: `translateY(${index * ROW}px)` }}
                className="absolute inset-x-0 top-0 h-8"
              >
                <EventRow event={event} selected={event.eventId === selected} onSelect={onSelect} />
              </li>
            )
          );
        })}
      </ol>
    </div>
  );
}

interface RowProps {
  event: LiveEvent;
  selected: boolean;
  onSelect: (event: LiveEvent) => void;
}

const EventRow = memo(function EventRow({ event, selected, onSelect }: RowProps) {
  const bad = /FAILED|REFUSED/.test(event.eventType);
  return (
    <button
      type="button"
      aria-pressed={selected}
      onClick={() => onSelect(event)}
      className="grid h-full w-full grid-cols-[6.5rem_1fr_5rem] items-center gap-3 border-b border-line px-4 text-left -outline-offset-2 hover:bg-hover aria-pressed:bg-accent-ground md:grid-cols-[6.5rem_11rem_5.5rem_6rem_1fr_9rem]"
    >
      <time
        dateTime={event.timestamp}
        title={asExactTime(event.timestamp)}
        className="font-mono text-xs text-muted"
      >
        {asClock(event.timestamp)}
      </time>
      <span title={event.eventType} className={`truncate font-medium ${bad ? "text-bad" : ""}`}>
        {asWords(event.eventType)}
      </span>
      <span className="hidden text-muted md:inline">{event.source}</span>
      <span className="font-mono text-xs" title={event.orderId ?? undefined}>
        {event.orderId && shortId(event.orderId)}
      </span>
      <span className="hidden truncate text-muted md:inline">{gist(event)}</span>
      <span className="hidden truncate text-right font-mono text-xs text-faint md:inline">
        {asPlace(event)}
      </span>
    </button>
  );
});
