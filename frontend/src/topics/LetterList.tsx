import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { Link, useSearchParams } from "react-router";
import { asPlace } from "../ui/format";
import { Time } from "../ui/Time";
import { isTime } from "./describe";
import { LetterState } from "./LetterState";
import { redrivable } from "./letters";
import type { DeadLetter } from "./queries";
import { readNumber, withParams } from "./search";
import { KeyText } from "./Value";

const ROW = 52; // px

interface Props {
  letters: readonly DeadLetter[];
  selected: ReadonlySet<number>;
  onSelect: (numbers: ReadonlySet<number>) => void;
  /** What is listed; another list is read from its top. */
  of: string;
}

/** The letters that are shown, of which those in sight are drawn. */
export function LetterList({ letters, selected, onSelect, of }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [params] = useSearchParams();
  const open = readNumber(params.get("letter"));
  const virtualizer = useVirtualizer({
    count: letters.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 10,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: see `of`
  useEffect(() => {
    scroller.current?.scrollTo(0, 0);
  }, [of]);
  const toggle = (number: number) => {
    const next = new Set(selected);
    if (!next.delete(number)) next.add(number);
    onSelect(next);
  };
  return (
    <section
      ref={scroller}
      aria-label="Letters"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className="h-[65dvh] overflow-y-auto -outline-offset-2 lg:h-auto lg:min-h-0 lg:flex-1"
    >
      <ol style={{ height: virtualizer.getTotalSize() }} className="relative">
        {virtualizer.getVirtualItems().map(({ index, start }) => {
          const letter = letters[index];
          return (
            letter && (
              <li
                key={letter.number}
                aria-posinset={index + 1}
                aria-setsize={letters.length}
                style={{ transform: `translateY(${start}px)` }}
                className={`absolute inset-x-0 top-0 flex h-13 items-center border-b border-line ${letter.number === open ? "bg-accent-ground" : "bg-surface hover:bg-hover"}`}
              >
                <label className="flex h-full items-center pr-1 pl-4">
                  <input
                    type="checkbox"
                    aria-label={`Select letter ${letter.number}`}
                    title={letter.obstacle ? `It ${letter.obstacle}` : undefined}
                    disabled={!redrivable(letter)}
                    checked={selected.has(letter.number)}
                    onChange={() => toggle(letter.number)}
                    className="size-3.5 accent-accent"
                  />
                </label>
                <Row letter={letter} to={withParams(params, { letter: letter.number })} />
              </li>
            )
          );
        })}
      </ol>
    </section>
  );
}

function Row({ letter, to }: { letter: DeadLetter; to: string }) {
  const { number, service, topic, partition, offset, error, cause, at, key } = letter;
  return (
    <Link
      to={to}
      data-letter={number}
      className="grid h-full min-w-0 flex-1 grid-cols-[1fr_auto] items-center gap-x-4 pr-4 pl-2 -outline-offset-2 md:grid-cols-[1fr_14rem_9rem_6rem]"
    >
      <span className="min-w-0">
        <span className="block truncate" title={cause ?? undefined}>
          <span className="font-medium text-bad">{error ?? "Of unknown cause"}</span>{" "}
          <span className="text-muted">{cause}</span>
        </span>
        <span className="block truncate font-mono text-xs text-muted">
          #{number} <span className="md:hidden">{service}</span> <KeyText value={key} />
        </span>
      </span>
      <span className="hidden min-w-0 md:block">
        <span className="block truncate">{service ?? "unknown service"}</span>
        <span className="block truncate text-xs text-muted">
          {topic === null ? "from unknown" : asPlace({ topic, partition, offset })}
        </span>
      </span>
      <span className="hidden text-muted md:block">{isTime(at) && <Time at={at} />}</span>
      <span className="justify-self-end">
        <LetterState letter={letter} />
      </span>
    </Link>
  );
}
