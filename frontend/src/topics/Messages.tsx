import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import { useFailure } from "../api/failure";
import { Button } from "../ui/Button";
import { asCount } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Empty, Failed, Skeleton } from "../ui/states";
import { MessageDrawer } from "./MessageDrawer";
import { MessageList } from "./MessageList";
import { MessageSearch } from "./MessageSearch";
import { messagesQuery } from "./queries";
import { NEWEST, narrows, readSearch, type Search, withParams, writeSearch } from "./search";

const MORE = 50; // messages that a press of the button looks for

/** The messages of a topic, from where the reader wants to begin, as far as they want to go. */
export function Messages({
  name,
  partitions,
}: {
  name: string;
  partitions?: number[] | undefined;
}) {
  const [params, setParams] = useSearchParams();
  // Other parameters, such as the message that is open, leave the search as it is.
  const of = JSON.stringify(readSearch(params));
  const search = useMemo(() => JSON.parse(of) as Search, [of]);
  const [look, setLook] = useState(0);
  const query = useInfiniteQuery(messagesQuery(name, search, look));
  const failure = useFailure(query);
  const pages = query.data?.pages;
  const messages = useMemo(() => (pages ?? []).flatMap((page) => page.messages), [pages]);
  const scanned = (pages ?? []).reduce((sum, page) => sum + page.scanned, 0);

  const [until, setUntil] = useState<number | null>(null);
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  const goesOn = until !== null && messages.length < until && hasNextPage && !isError;
  useEffect(() => {
    if (goesOn && !isFetching) void fetchNextPage();
    if (!goesOn && !isFetching) setUntil(null);
  }, [goesOn, isFetching, fetchNextPage]);

  const change = useCallback(
    (to: Search) => {
      setUntil(null);
      setParams(withParams(new URLSearchParams(), writeSearch(to)));
    },
    [setParams],
  );
  const [partition, offset] = (params.get("message") ?? "").split(":").map(Number);
  const open = partition !== undefined && offset !== undefined && Number.isInteger(offset);
  const close = useCallback(() => {
    setParams((before) => new URLSearchParams(withParams(before, { message: null })));
    document.querySelector<HTMLElement>(`[data-place="${partition}:${offset}"]`)?.focus();
  }, [setParams, partition, offset]);

  const searching = narrows(search);
  const direction = search.from === "newest" ? "older" : "newer";
  const more = () => {
    setUntil(messages.length + MORE);
    if (isError) void fetchNextPage();
  };
  const controls = goesOn ? (
    <Button onClick={() => setUntil(null)}>Stop</Button>
  ) : (
    <Button disabled={!hasNextPage || isFetching} onClick={more}>
      <Icon name="down" size={14} />
      {searching ? "Search on" : direction === "older" ? "Older" : "Newer"}
    </Button>
  );

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <MessageSearch search={search} partitions={partitions ?? []} onSearch={change}>
        <Button
          square
          aria-label="Read anew"
          title="Read anew"
          onClick={() => {
            setUntil(null);
            setLook(look + 1);
          }}
        >
          <Icon name="refresh" size={14} />
        </Button>
      </MessageSearch>
      {failure ? (
        <Failed error={failure} onRetry={() => void query.refetch()} />
      ) : !pages ? (
        <div role="status" className="flex flex-col gap-3 p-4">
          <span className="sr-only">Reading messages</span>
          {Array.from({ length: 12 }, (_, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
            <Skeleton key={row} className="h-4" />
          ))}
        </div>
      ) : messages.length > 0 ? (
        <MessageList messages={messages} of={of} />
      ) : (
        <div className="flex-1">
          <Empty title={nothing(search, scanned, hasNextPage)}>
            {hasNextPage ? (
              <p>
                {asCount(scanned)} messages were looked at, and there are {direction} ones. A search
                goes on as long as you like.
              </p>
            ) : (
              searching && (
                <Button className="mt-2" onClick={() => change({ ...NEWEST, from: search.from })}>
                  Show all messages
                </Button>
              )
            )}
          </Empty>
        </div>
      )}
      {pages && (
        <div className="flex shrink-0 items-center justify-between gap-3 border-t border-line bg-surface px-4 py-2">
          <p role="status" className="text-xs text-muted">
            {isError ? (
              <span className="text-bad">{query.error.message}</span>
            ) : (
              said(messages.length, scanned, { searching, direction, hasNextPage })
            )}
          </p>
          {(hasNextPage || isError) && controls}
        </div>
      )}
      {open && (
        <MessageDrawer
          name={name}
          partition={partition}
          offset={offset}
          messages={messages}
          onClose={close}
        />
      )}
    </div>
  );
}

function nothing(search: Search, scanned: number, more: boolean): string {
  if (more) return "Nothing found so far";
  if (narrows(search)) return "No message matches";
  return search.from === "newest" || search.from === "oldest" || scanned > 0
    ? "There is no message"
    : "There is no message from there on";
}

interface Standing {
  searching: boolean;
  direction: string;
  hasNextPage: boolean;
}

function said(found: number, scanned: number, { searching, direction, hasNextPage }: Standing) {
  const looked = searching ? `${asCount(found)} found among ${asCount(scanned)} looked at` : null;
  if (hasNextPage) return `${looked ?? `${asCount(found)} shown`}; there are ${direction} ones`;
  return `${looked ?? `${asCount(found)} shown`}; that is all${direction === "newer" ? " up to now" : ""}`;
}
