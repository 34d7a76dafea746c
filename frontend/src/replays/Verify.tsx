import { useMutation } from "@tanstack/react-query";
import type { Schemas } from "../api/client";
import type { Problem } from "../api/problem";
import { useOnce } from "../api/submission";
import { Button } from "../ui/Button";
import { Callout } from "../ui/Callout";
import { asCount } from "../ui/format";
import { Icon } from "../ui/Icon";
import { type Replay, verifiable } from "./phase";
import { verifyReplay } from "./queries";
import { verdictWords } from "./words";

type Verdict = Schemas["Verdict"];

/** Counts a replay that stands still anew, and says what was found. */
export function Verify({ replay }: { replay: Replay }) {
  const once = useOnce();
  const verifying = useMutation<Verdict, Problem>({ mutationFn: () => verifyReplay(replay.id) });
  if (!verifiable(replay)) return null;
  return (
    <section aria-label="Verify" className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-3">
        <Button
          disabled={verifying.isPending}
          onClick={() => once.run(() => verifying.mutateAsync())}
        >
          <Icon name="check" size={14} />
          {verifying.isPending ? "Counting…" : verifying.data ? "Verify again" : "Verify"}
        </Button>
        {!verifying.data && !verifying.error && (
          <span className="min-w-0 flex-1 text-xs text-muted">
            Reads history and topic again and compares both with the report.
          </span>
        )}
      </div>
      {verifying.error && (
        <Callout role="alert" tone="bad" title={verifying.error.title}>
          {verifying.error.detail}
        </Callout>
      )}
      {verifying.data && <Found verdict={verifying.data} />}
    </section>
  );
}

function Found({ verdict }: { verdict: Verdict }) {
  const { agree, faults, reported, source, target } = verdict;
  const counts = [
    ["Reported", reported],
    ["Stored history", source],
    ["Topic", target],
  ] as const;
  return (
    <div role="status" className="rounded-md border border-line">
      <div
        className={`rounded-t-md px-3 py-2 ${agree ? "bg-good-ground text-good" : "bg-bad-ground text-bad"}`}
      >
        <p className="font-medium">{verdictWords(verdict)}</p>
        {faults.length > 0 && (
          <ul className="mt-1 list-disc pl-4 break-words">
            {faults.map((fault) => (
              <li key={fault}>{fault}</li>
            ))}
          </ul>
        )}
      </div>
      <table className="w-full text-left">
        <caption className="sr-only">Counts</caption>
        <tbody>
          {counts.map(([name, { events, checksum }]) => (
            <tr key={name} className="*:px-3 *:py-1">
              <th scope="row" className="font-normal whitespace-nowrap text-muted">
                {name}
              </th>
              <td className="text-right whitespace-nowrap">{asCount(events)} events</td>
              <td className="font-mono text-2xs break-all text-muted">{checksum}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
