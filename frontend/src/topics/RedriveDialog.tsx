import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useRef, useState } from "react";
import { useFailure } from "../api/failure";
import { useOnce } from "../api/submission";
import { Button } from "../ui/Button";
import { Callout } from "../ui/Callout";
import { asCount } from "../ui/format";
import { Progress } from "../ui/Progress";
import { Failed, Skeleton } from "../ui/states";
import { Dialog } from "./Dialog";
import { destinations } from "./letters";
import { type DeadLetter, sendRedrive, waitingQuery } from "./queries";
import { type LetterFilter, type Outcome, redrive, type Target } from "./redrive";

/** Which letters are to be given back: these, or all that match and wait. */
export type Ask = { letters: readonly DeadLetter[] } | { filter: LetterFilter };

type Phase = "asking" | "running" | "stopping" | "done";

interface Props {
  ask: Ask;
  /** With whether any were given back. */
  onClose: (some: boolean) => void;
}

/** Asks before letters are given back, shows how far it is, and tells what came of it. */
export function RedriveDialog({ ask, onClose }: Props) {
  const queries = useQueryClient();
  const once = useOnce();
  const [phase, setPhase] = useState<Phase>("asking");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [target, setTarget] = useState<Target | null>(null);
  const stopped = useRef(false);
  const total = target && ("numbers" in target ? target.numbers.length : target.count);

  async function run(to: Target) {
    setTarget(to);
    setPhase("running");
    const last = await redrive(to, sendRedrive, setOutcome, () => stopped.current);
    setOutcome(last);
    setPhase("done");
    void queries.invalidateQueries({ queryKey: ["dead-letters"] });
  }
  const close = () => onClose((outcome?.redriven.length ?? 0) > 0);
  const underWay = phase === "running" || phase === "stopping";

  return (
    <Dialog
      title={phase === "done" ? "What came of it" : "Redrive dead letters"}
      onClose={underWay ? undefined : close}
    >
      {phase === "asking" ? (
        "letters" in ask ? (
          <AskForSome
            letters={ask.letters}
            onRun={(to) => once.run(() => run(to))}
            onCancel={close}
          />
        ) : (
          <AskForAll filter={ask.filter} onRun={(to) => once.run(() => run(to))} onCancel={close} />
        )
      ) : underWay ? (
        <>
          <p role="status">
            {asCount(outcome?.redriven.length ?? 0)} of {asCount(total ?? 0)} redriven
          </p>
          <div className="mt-2 mb-4">
            <Progress
              label="Redriven"
              percent={Math.floor((100 * (outcome?.redriven.length ?? 0)) / (total || 1))}
            />
          </div>
          <Buttons>
            <Button
              disabled={phase === "stopping"}
              onClick={() => {
                stopped.current = true;
                setPhase("stopping");
              }}
            >
              {phase === "stopping" ? "Stopping after this step" : "Stop"}
            </Button>
          </Buttons>
        </>
      ) : (
        outcome && (
          <>
            <Told outcome={outcome} total={total ?? 0} />
            <Buttons>
              <Button kind="primary" autoFocus onClick={close}>
                Done
              </Button>
            </Buttons>
          </>
        )
      )}
    </Dialog>
  );
}

interface AskProps {
  onRun: (target: Target) => void;
  onCancel: () => void;
}

function AskForSome({ letters, onRun, onCancel }: AskProps & { letters: readonly DeadLetter[] }) {
  const before = letters.filter(({ redriven }) => redriven.length > 0).length;
  const numbers = letters.map(({ number }) => number);
  return (
    <Question
      to={destinations(letters)}
      count={letters.length}
      onConfirm={() => onRun({ numbers, again: before > 0 })}
      onCancel={onCancel}
    >
      {before > 0 && (
        <Callout tone="warn">
          {before === letters.length && before === 1 ? "It was" : `${asCount(before)} of them were`}{" "}
          redriven before. An event that took effect then takes none again.
        </Callout>
      )}
    </Question>
  );
}

function AskForAll({ filter, onRun, onCancel }: AskProps & { filter: LetterFilter }) {
  const waiting = useQuery({ ...waitingQuery(filter), staleTime: 0, refetchInterval: false });
  const failure = useFailure(waiting);
  if (failure) return <Failed error={failure} onRetry={() => void waiting.refetch()} />;
  if (!waiting.data || waiting.isFetching) return <Skeleton className="h-24" />;
  const to = waiting.data.byOrigin.flatMap(({ service, topic, redrivable }) =>
    service !== null && topic !== null && redrivable > 0
      ? [{ service, topic, count: redrivable }]
      : [],
  );
  const count = to.reduce((sum, each) => sum + each.count, 0);
  const stuck = waiting.data.total - count;
  return (
    <Question to={to} count={count} onConfirm={() => onRun({ filter, count })} onCancel={onCancel}>
      {stuck > 0 && (
        <p className="text-muted">
          {asCount(stuck)} more cannot be redriven and stay; each says why.
        </p>
      )}
    </Question>
  );
}

interface QuestionProps {
  to: readonly { service: string; topic: string; count: number }[];
  count: number;
  onConfirm: () => void;
  onCancel: () => void;
  children: ReactNode;
}

function Question({ to, count, onConfirm, onCancel, children }: QuestionProps) {
  const letters = count === 1 ? "1 letter" : `${asCount(count)} letters`;
  return (
    <div className="flex flex-col gap-3">
      <p>
        {letters} {count === 1 ? "goes" : "go"} back, oldest first, each on its own topic and for
        the one service that could not handle it:
      </p>
      <ul className="max-h-48 overflow-y-auto rounded-md border border-line">
        {to.map(({ service, topic, count: of }) => (
          <li
            key={`${service} ${topic}`}
            className="flex gap-3 border-b border-line px-3 py-1.5 last:border-b-0"
          >
            <span className="w-12 text-right font-semibold">{asCount(of)}</span>
            <span>
              to <span className="font-medium">{service}</span> on{" "}
              <span className="font-medium">{topic}</span>
            </span>
          </li>
        ))}
      </ul>
      {children}
      <Buttons>
        <Button onClick={onCancel}>Leave them</Button>
        <Button kind="primary" autoFocus disabled={count === 0} onClick={onConfirm}>
          Redrive {letters}
        </Button>
      </Buttons>
    </div>
  );
}

function Buttons({ children }: { children: ReactNode }) {
  return <div className="mt-1 flex justify-end gap-2">{children}</div>;
}

const NAMED = 12; // numbers of letters that are named

function Told({ outcome, total }: { outcome: Outcome; total: number }) {
  const { redriven, skipped, refused, failed, stopped } = outcome;
  const left =
    total - redriven.length - refused.reduce((sum, each) => sum + each.numbers.length, 0);
  return (
    <div role="status" className="mb-4 flex flex-col gap-2">
      <p className={redriven.length > 0 ? "font-medium text-good" : "font-medium"}>
        {redriven.length > 0
          ? `Redriven: ${named(redriven)}. A letter that fails again comes back as a new one.`
          : "None was redriven."}
      </p>
      {failed && <Callout tone="bad">{failed}</Callout>}
      {refused.map(({ numbers, why }) => (
        <Callout key={numbers[0]} tone="warn">
          Not redriven: {named(numbers)}. {why}
        </Callout>
      ))}
      {skipped.length > 0 && (
        <p className="text-muted">They cannot be redriven, and say why: {named(skipped)}.</p>
      )}
      {stopped && <p className="text-muted">Stopped; {asCount(left)} are as they were.</p>}
    </div>
  );
}

function named(numbers: readonly number[]): string {
  const some = numbers.slice(0, NAMED).map((number) => `#${number}`);
  const more = numbers.length - some.length;
  const list = more > 0 ? `${some.join(", ")} and ${asCount(more)} more` : some.join(", ");
  return numbers.length === 1 ? list : `${asCount(numbers.length)} (${list})`;
}
