import { useEffect, useRef } from "react";
import { Callout } from "../ui/Callout";
import { goTo } from "../ui/goTo";
import { Failed, Skeleton } from "../ui/states";
import { PlanFacts } from "./PlanFacts";
import type { Replay } from "./phase";
import { standing } from "./phase";
import type { Asked, Spec } from "./spec";
import { estimate } from "./words";

interface Props {
  spec: Asked;
  /** The id of the dry run; null where none was asked for. */
  asked: string | null;
  /** Whether the form says something else by now. */
  stale: boolean;
  /** The dry run. */
  replay: Replay | undefined;
  /** Why it is not there. */
  failure: unknown;
}

/** What a dry run counted, and whether that is still what the form says. */
export function Preview({ spec, asked, stale, replay, failure }: Props) {
  const place = useRef<HTMLElement>(null);
  const told = useRef<string>(null);
  const ended = failure || replay?.phase === "Completed" || replay?.phase === "Failed";
  // On a phone it lies below the form. Who has gone on with the form is not taken away from it.
  useEffect(() => {
    if (!ended || told.current === asked) return;
    told.current = asked;
    if (!stale) goTo(place.current);
  }, [ended, asked, stale]);
  return (
    <section
      ref={place}
      aria-label="Preview"
      tabIndex={-1}
      className="flex scroll-mt-16 flex-col gap-3"
    >
      <h2 className="text-sm font-semibold">Preview</h2>
      {stale && (
        <Callout role="status" tone="warn">
          The form has changed since; preview it again before you start it.
        </Callout>
      )}
      <div className={stale ? "opacity-70" : ""}>
        {asked === null ? (
          <p className="rounded-md border border-dashed border-line-strong p-4 text-center text-muted">
            A preview counts what would be replayed and writes nothing. Then the replay can be
            started.
          </p>
        ) : failure ? (
          <Failed error={failure} />
        ) : replay?.phase === "Failed" ? (
          <Callout role="alert" tone="bad">
            {standing(replay)}
          </Callout>
        ) : replay?.phase === "Completed" && replay.plan ? (
          <PlanFacts
            plan={replay.plan}
            {...(!stale && { time: estimate(spec as Partial<Spec>, replay.plan) })}
          />
        ) : (
          <div role="status">
            <p className="mb-2 text-muted">Counting…</p>
            <Skeleton className="h-32" />
          </div>
        )}
      </div>
    </section>
  );
}
