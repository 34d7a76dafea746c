import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { useFailure } from "../api/failure";
import { Button } from "../ui/Button";
import { asCount } from "../ui/format";
import { Stale } from "../ui/Stale";
import { Empty, Failed, Skeleton } from "../ui/states";
import { Toolbar } from "../ui/Toolbar";
import { Causes } from "./Causes";
import { LetterDrawer } from "./LetterDrawer";
import { LetterFilters } from "./LetterFilters";
import { LetterList } from "./LetterList";
import { readLetters, redrivable } from "./letters";
import { type DeadLetter, lettersQuery } from "./queries";
import { type Ask, RedriveDialog } from "./RedriveDialog";
import { conditions } from "./redrive";
import { readNumber, withParams } from "./search";
import { TopicsTabs } from "./TopicsTabs";

const NONE: ReadonlySet<number> = new Set();

/** What could not be handled and why, and giving it back. */
export function DeadLetters() {
  const [params, setParams] = useSearchParams();
  const { filter, state } = readLetters(params);
  const of = JSON.stringify([filter, state]);
  const query = useInfiniteQuery(lettersQuery(filter, state));
  const failure = useFailure(query);
  const pages = query.data?.pages;
  const letters = useMemo(() => (pages ?? []).flatMap((page) => page.deadLetters), [pages]);
  const newest = pages?.[0];

  // What is selected is of one filter.
  const [selection, setSelection] = useState({ of, numbers: NONE });
  const selected = selection.of === of ? selection.numbers : NONE;
  const select = (numbers: ReadonlySet<number>) => setSelection({ of, numbers });
  const chosen = letters.filter(({ number }) => selected.has(number));
  const free = letters.filter(redrivable);

  const [asking, setAsking] = useState<Ask | null>(null);
  const number = readNumber(params.get("letter"));
  const close = useCallback(() => {
    setParams((before) => new URLSearchParams(withParams(before, { letter: null })));
    document.querySelector<HTMLElement>(`[data-letter="${number}"]`)?.focus();
  }, [setParams, number]);
  const ask = useCallback((letter: DeadLetter) => setAsking({ letters: [letter] }), []);
  const narrowed = Object.keys(conditions(filter)).length > 0;
  const waiting = newest?.byOrigin.reduce((sum, each) => sum + each.redrivable, 0) ?? 0;

  return (
    <>
      <Toolbar title="Dead letters" note={newest && asCount(newest.total)}>
        <Link
          to="/topics/dead-letters/topic"
          className="flex h-8 items-center rounded px-1 font-medium text-muted hover:text-ink"
        >
          As a topic
        </Link>
        <Button
          kind="primary"
          disabled={waiting === 0}
          onClick={() => setAsking({ filter })}
          title="Gives back those that wait, of all pages"
        >
          {narrowed ? "Redrive all that match" : "Redrive all"}
        </Button>
      </Toolbar>
      <TopicsTabs part="dead-letters" />
      <LetterFilters
        filter={filter}
        state={state}
        origins={newest?.byOrigin ?? []}
        causes={newest?.byCause ?? []}
        onChange={(to) => setParams(to)}
      />
      {newest && <Stale error={query.error} since={query.dataUpdatedAt} />}
      {newest && !newest.complete && (
        <p className="shrink-0 border-b border-line bg-info-ground px-4 py-1.5 text-info">
          There are more dead letters than are looked at here; the command orderflow dlq knows the
          older ones.
        </p>
      )}
      <Causes
        causes={newest?.byCause ?? []}
        chosen={filter}
        onChoose={(part) => setParams(withParams(params, { ...part, letter: null }))}
      />
      {failure ? (
        <Failed error={failure} onRetry={() => void query.refetch()} />
      ) : !pages ? (
        <div className="flex flex-col gap-3 p-4">
          {Array.from({ length: 10 }, (_, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
            <Skeleton key={row} className="h-8" />
          ))}
        </div>
      ) : letters.length === 0 ? (
        <div className="flex-1">
          {narrowed || state !== "waiting" ? (
            <Empty title="No dead letter matches">
              <Button className="mt-2" onClick={() => setParams({ state: "all" })}>
                Show all dead letters
              </Button>
            </Empty>
          ) : (
            <Empty title="No dead letter waits">Every service could handle what it read.</Empty>
          )}
        </div>
      ) : (
        <>
          <div className="flex min-h-11 shrink-0 flex-wrap items-center gap-3 border-b border-line px-4 py-1.5">
            <label className="flex items-center gap-2 text-muted">
              <input
                type="checkbox"
                disabled={free.length === 0}
                checked={chosen.length > 0 && chosen.length === free.length}
                ref={(box) => {
                  if (box) box.indeterminate = chosen.length > 0 && chosen.length < free.length;
                }}
                onChange={({ target }) =>
                  select(target.checked ? new Set(free.map((letter) => letter.number)) : NONE)
                }
                className="size-3.5 accent-accent"
              />
              {chosen.length > 0 ? `${asCount(chosen.length)} selected` : "Select all shown"}
            </label>
            {chosen.length > 0 && (
              <Button onClick={() => setAsking({ letters: chosen })}>Redrive selected</Button>
            )}
            <span className="ml-auto text-xs text-muted">
              {asCount(letters.length)} of {asCount(newest?.total ?? 0)} shown
            </span>
            {query.hasNextPage && (
              <Button disabled={query.isFetching} onClick={() => void query.fetchNextPage()}>
                Show older
              </Button>
            )}
          </div>
          <LetterList letters={letters} selected={selected} onSelect={select} of={of} />
        </>
      )}
      {number !== null && <LetterDrawer number={number} onRedrive={ask} onClose={close} />}
      {asking && (
        <RedriveDialog
          ask={asking}
          onClose={(some) => {
            setAsking(null);
            if (some) select(NONE);
          }}
        />
      )}
    </>
  );
}
