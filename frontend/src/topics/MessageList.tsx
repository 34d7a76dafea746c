import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef } from "react";
import { Link, useSearchParams } from "react-router";
import { Badge } from "../ui/Badge";
import { asBytes, asClock, asExactTime, asPlace } from "../ui/format";
import { preview } from "./describe";
import type { Message } from "./queries";
import { withParams } from "./search";
import { KeyText } from "./Value";

const ROW = 32; // px
const COLUMNS =
  "grid grid-cols-[6rem_1fr_4.5rem] items-center gap-3 px-4 md:grid-cols-[10.5rem_5rem_8rem_11rem_1fr_4.5rem] xl:grid-cols-[10.5rem_5rem_17rem_12rem_1fr_4.5rem]";

/** The messages that were found, of which those in sight are drawn. */
export function MessageList({ messages, of }: { messages: readonly Message[]; of: string }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [params] = useSearchParams();
  const virtualizer = useVirtualizer({
    count: messages.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 16,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another search is read from its top
  useEffect(() => {
    scroller.current?.scrollTo(0, 0);
  }, [of]);
  const selected = params.get("message");
  return (
    <>
      <div
        aria-hidden="true"
        className={`${COLUMNS} h-8 shrink-0 border-b border-line text-xs font-medium text-muted`}
      >
        <span>Time</span>
        <span className="hidden md:inline" title="Partition and offset">
          Place
        </span>
        <span className="hidden md:inline">Key</span>
        <span className="hidden md:inline">Type</span>
        <span>
          <span className="md:hidden">Type or value</span>
          <span className="hidden md:inline">Value</span>
        </span>
        <span className="text-right">Size</span>
      </div>
      <section
        ref={scroller}
        aria-label="Messages"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        className="h-[65dvh] overflow-y-auto -outline-offset-2 lg:h-auto lg:min-h-0 lg:flex-1"
      >
        <ol style={{ height: virtualizer.getTotalSize() }} className="relative">
          {virtualizer.getVirtualItems().map(({ index, start }) => {
            const message = messages[index];
            if (!message) return null;
            const place = `${message.partition}:${message.offset}`;
            return (
              <li
                key={place}
                aria-posinset={index + 1}
                aria-setsize={messages.length}
                style={{ transform: `translateY(${start}px)` }}
                className="absolute inset-x-0 top-0 h-8"
              >
                <Row
                  message={message}
                  place={place}
                  to={withParams(params, { message: place })}
                  selected={place === selected}
                />
              </li>
            );
          })}
        </ol>
      </section>
    </>
  );
}

interface RowProps {
  message: Message;
  place: string;
  to: string;
  selected: boolean;
}

const Row = memo(function Row({ message, place, to, selected }: RowProps) {
  const { partition, offset, timestamp, key, eventType, encoding, size, isReplay } = message;
  return (
    <Link
      to={to}
      data-place={place}
      aria-current={selected ? "true" : undefined}
      className={`${COLUMNS} h-full border-b border-line bg-surface -outline-offset-2 hover:bg-hover aria-[current]:bg-accent-ground`}
    >
      {timestamp === null ? (
        <span className="text-xs text-muted">no time</span>
      ) : (
        <time
          dateTime={timestamp}
          title={asExactTime(timestamp)}
          className="truncate font-mono text-xs text-muted"
        >
          <span className="hidden md:inline">{asDay(timestamp)} </span>
          {asClock(timestamp)}
        </time>
      )}
      <span className="hidden truncate font-mono text-xs text-muted md:inline">
        {asPlace({ partition, offset })}
      </span>
      <span className="hidden truncate font-mono text-xs md:inline" title={key ?? undefined}>
        {key && key.length > 16 ? (
          // What differs between ids of one time is their end.
          <>
            <span className="xl:hidden">
              …<bdi>{key.slice(-12)}</bdi>
            </span>
            <bdi className="hidden xl:inline">{key}</bdi>
          </>
        ) : (
          <KeyText value={key} />
        )}
      </span>
      <span className="hidden min-w-0 items-center gap-1.5 md:flex">
        <span className="truncate font-medium" title={eventType ?? undefined}>
          {eventType}
        </span>
        {isReplay && <Badge tone="accent">replay</Badge>}
      </span>
      <span className="truncate font-mono text-xs">
        {eventType && <span className="font-sans font-medium md:hidden">{eventType} </span>}
        {encoding === null ? (
          <span className="text-faint">no value</span>
        ) : (
          <span className="text-muted">
            {encoding === "base64" && <span className="text-faint">base64 </span>}
            {preview(message)}
          </span>
        )}
      </span>
      <span className="text-right text-xs whitespace-nowrap text-muted">{asBytes(size)}</span>
    </Link>
  );
});

const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "2-digit" });

function asDay(time: string): string {
  return day.format(new Date(time));
}
