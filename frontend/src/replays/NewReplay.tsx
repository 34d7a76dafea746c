import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import type { Schemas } from "../api/client";
import { useFailure } from "../api/failure";
import type { Problem } from "../api/problem";
import { Submission, useOnce } from "../api/submission";
import { Button } from "../ui/Button";
import { Callout } from "../ui/Callout";
import { goTo } from "../ui/goTo";
import { Icon } from "../ui/Icon";
import { notify } from "../ui/notices";
import { Manifest } from "./Manifest";
import { manifestOf } from "./manifest";
import { Preview } from "./Preview";
import { replayQuery, startReplay } from "./queries";
import { SpecFields } from "./SpecFields";
import { type Asked, BLANK, draftOf, faultsOf, type Spec, specOf } from "./spec";
import { handle } from "./words";

/** A form that builds a replay, counts it first and then starts it. */
export function NewReplay() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const given = (useLocation().state as { spec?: Spec } | null)?.spec;
  const [draft, setDraft] = useState(() => (given ? draftOf(given) : BLANK));
  const [opened] = useState(() => new Date());
  const spec = useMemo(() => specOf(draft), [draft]);
  const text = JSON.stringify(spec);
  const manifest = useMemo(() => manifestOf(spec, opened), [spec, opened]);
  const form = useRef<HTMLFormElement>(null);
  const fault = useRef<HTMLDivElement>(null);

  // The dry run that was asked for last, and of which spec.
  const [asked, setAsked] = useState<{ id: string; of: string } | null>(null);
  const dryRun = useQuery({ ...replayQuery(asked?.id ?? ""), enabled: asked !== null });
  const failure = useFailure(dryRun);
  const stale = asked !== null && asked.of !== text;
  const ready = asked !== null && !stale && dryRun.data?.phase === "Completed";

  const submission = useRef(new Submission());
  const once = useOnce();
  const sending = useMutation<Schemas["ReplayAccepted"], Problem, { body: Asked; dry: boolean }>({
    mutationFn: ({ body, dry }) => {
      const whole = dry ? { ...body, dryRun: true } : body;
      return startReplay(whole, submission.current.keyFor(whole));
    },
    onSuccess: ({ replay }, { body, dry }) => {
      submission.current.done();
      void queries.invalidateQueries({ queryKey: ["replays"] });
      if (dry) {
        setAsked({ id: replay.id, of: JSON.stringify(body) });
        return;
      }
      notify({
        tone: "good",
        title: `Replay ${handle(replay.id)} started`,
        detail: `to ${replay.topic}`,
      });
      void navigate(`/replays/${encodeURIComponent(replay.id)}`);
    },
  });
  const problem = sending.error;
  useEffect(() => {
    if (!problem) return;
    const wrong = form.current?.querySelector<HTMLElement>("[aria-invalid]");
    if (wrong) wrong.focus();
    else goTo(fault.current);
  }, [problem]);
  const faults = faultsOf(problem);
  const busy = sending.isPending;
  const send = (dry: boolean) => once.run(() => sending.mutateAsync({ body: spec, dry }));

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    send(!ready);
  }

  return (
    <form ref={form} onSubmit={submit} noValidate className="flex min-h-0 flex-1 flex-col">
      <div className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-surface px-4 py-2">
        <Button
          kind="quiet"
          square
          aria-label="Back to the replays"
          onClick={() => void navigate("/replays")}
        >
          <Icon name="left" />
        </Button>
        <h1 className="mr-auto text-sm font-semibold">New replay</h1>
        <Button kind={ready ? "plain" : "primary"} disabled={busy} onClick={() => send(true)}>
          {busy && sending.variables.dry ? "Asking…" : ready ? "Preview again" : "Preview"}
        </Button>
        <Button
          kind={ready ? "primary" : "plain"}
          disabled={!ready || busy}
          title={ready ? undefined : "Preview it first; that says what it will do"}
          onClick={() => send(false)}
        >
          <Icon name="play" size={14} />
          {busy && !sending.variables.dry ? "Starting…" : "Start replay"}
        </Button>
        <button type="submit" hidden />
      </div>
      <div className="grid min-h-0 flex-1 content-start lg:grid-cols-[1fr_26rem] lg:content-stretch xl:grid-cols-[1fr_32rem]">
        <div className="flex flex-col gap-4 p-4 lg:overflow-y-auto">
          {problem && faults.rest && (
            <div ref={fault} tabIndex={-1} className="scroll-mt-16">
              <Callout role="alert" tone="bad" title={problem.title}>
                {faults.rest}
              </Callout>
            </div>
          )}
          <SpecFields
            draft={draft}
            faults={faults.at}
            onChange={(part) => setDraft((before) => ({ ...before, ...part }))}
          />
        </div>
        <aside
          aria-label="What it will do"
          className="flex min-w-0 flex-col gap-6 border-t border-line bg-surface p-4 lg:overflow-y-auto lg:border-t-0 lg:border-l"
        >
          <Preview
            spec={spec}
            asked={asked?.id ?? null}
            stale={stale}
            replay={dryRun.data}
            failure={failure}
          />
          <Manifest text={manifest} />
        </aside>
      </div>
    </form>
  );
}
