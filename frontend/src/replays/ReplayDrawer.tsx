import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { Link, useLocation, useNavigate, useParams } from "react-router";
import { useFailure } from "../api/failure";
import { TYPES } from "../live/protocol";
import { Button } from "../ui/Button";
import { Callout } from "../ui/Callout";
import { CopyLink } from "../ui/CopyButton";
import { Drawer, DrawerSkeleton } from "../ui/Drawer";
import { asCount, asSpan, asWords } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Stale } from "../ui/Stale";
import { Failed } from "../ui/states";
import { Time } from "../ui/Time";
import { Counts } from "./Counts";
import { Manifest } from "./Manifest";
import { manifestOf } from "./manifest";
import { PhaseBadge } from "./PhaseBadge";
import { PlanFacts } from "./PlanFacts";
import { eta, type Replay, rateOf, standing } from "./phase";
import { replayQuery } from "./queries";
import { ReplayProgress } from "./ReplayProgress";
import { Shards } from "./Shards";
import { Steering } from "./Steering";
import { Verify } from "./Verify";
import { asRate, filterWords, handle, inOrder, paceWords, typesWords, windowWords } from "./words";

/** One replay, over the list that it was chosen from. */
export function ReplayDrawer() {
  const { id = "" } = useParams();
  const { search } = useLocation();
  const navigate = useNavigate();

  const close = useCallback(() => {
    void navigate(`/replays${search}`);
    const row = `a[href^="/replays/${CSS.escape(encodeURIComponent(id))}"]`;
    document.querySelector<HTMLElement>(row)?.focus();
  }, [navigate, search, id]);

  return (
    <Drawer
      label={`Replay ${handle(id)}`}
      title={
        <>
          Replay <span className="font-mono">{handle(id)}</span>
        </>
      }
      closeLabel="Close replay"
      onClose={close}
      actions={<CopyLink path={`/replays/${encodeURIComponent(id)}`} />}
    >
      <Contents key={id} id={id} />
    </Drawer>
  );
}

function Contents({ id }: { id: string }) {
  const replay = useQuery(replayQuery(id));
  const failure = useFailure(replay);
  const { data, error, refetch, dataUpdatedAt } = replay;
  if (failure) return <Failed error={failure} onRetry={() => void refetch()} />;
  if (!data) {
    return <DrawerSkeleton />;
  }
  return (
    <>
      <Stale error={error} since={dataUpdatedAt} />
      <div className="flex flex-col gap-6 p-4">
        <State replay={data} />
        <Steering replay={data} />
        <What replay={data} />
        {data.report && !data.spec.dryRun && <Report report={data.report} />}
        <Verify key={data.phase} replay={data} />
        {data.progress && data.progress.shards.length > 1 && <Shards {...data.progress} />}
        {data.plan && (
          <section>
            <h3 className="mb-2 text-xs font-medium text-muted">Plan</h3>
            <PlanFacts plan={data.plan} ran={!data.spec.dryRun} />
          </section>
        )}
        <Again replay={data} />
      </div>
    </>
  );
}

function State({ replay }: { replay: Replay }) {
  const rate = rateOf(replay);
  const left = eta(replay);
  const { phase, spec, startTime, completionTime } = replay;
  return (
    <section aria-label="How it stands" className="flex flex-col gap-3">
      <div role="status" className="flex flex-wrap items-center gap-2">
        <PhaseBadge phase={phase} preview={spec.dryRun} />
        {phase !== "Failed" && <span className="text-muted">{standing(replay)}</span>}
      </div>
      {phase === "Failed" && (
        <Callout role="alert" tone="bad" title={standing(replay)}>
          It is not tried again by itself. Mend what is said here, then make a new one of the same;
          what was written stays on the topic.
        </Callout>
      )}
      <ReplayProgress replay={replay} />
      {!spec.dryRun && (
        <dl className="grid grid-cols-2 gap-x-4 gap-y-2 sm:grid-cols-4">
          <Figure name={replay.report ? "Rate, on average" : "Rate"}>
            {rate !== null && asRate(rate)}
          </Figure>
          <Figure name="ETA">{left}</Figure>
          <Figure name="Started">{startTime && <Time at={startTime} />}</Figure>
          <Figure name="Ended">{completionTime && <Time at={completionTime} />}</Figure>
        </dl>
      )}
    </section>
  );
}

function Figure({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-muted">{name}</dt>
      <dd>{children || <span className="text-faint">–</span>}</dd>
    </div>
  );
}

function What({ replay }: { replay: Replay }) {
  const { spec, topic, id, createdAt } = replay;
  return (
    <dl className="grid grid-cols-[6.5rem_1fr] gap-y-1.5 *:odd:text-muted">
      <dt>Topic</dt>
      <dd className="min-w-0">
        {spec.dryRun ? (
          <span className="break-all">{topic}</span>
        ) : (
          <Link
            to={`/topics/${encodeURIComponent(topic)}`}
            className="font-medium break-all text-accent hover:text-accent-strong hover:underline"
          >
            {topic}
          </Link>
        )}
      </dd>
      <dt>Window</dt>
      <dd>{windowWords(spec)}</dd>
      <dt>Events</dt>
      <dd>
        {spec.eventTypes.length < TYPES.length
          ? spec.eventTypes.map(asWords).join(", ")
          : typesWords(spec)}
      </dd>
      <dt>Orders</dt>
      <dd className="break-words">
        <bdi>{filterWords(spec) || "all"}</bdi>
      </dd>
      <dt>Pace</dt>
      <dd>
        {paceWords(spec)}
        {spec.parallelism > 1 && `, by ${spec.parallelism} shards`}
      </dd>
      <dt>Created</dt>
      <dd>
        <Time at={createdAt} />
      </dd>
      <dt>Replay id</dt>
      <dd className="font-mono text-xs leading-5 break-all">{id}</dd>
    </dl>
  );
}

function Report({ report }: { report: NonNullable<Replay["report"]> }) {
  return (
    <section aria-label="Report" className="flex flex-col gap-3">
      <h3 className="text-xs font-medium text-muted">Report</h3>
      <dl className="grid grid-cols-[6.5rem_1fr] gap-y-1.5 *:odd:text-muted">
        <dt>Replayed</dt>
        <dd className="font-medium">
          {asCount(report.replayed)} of {asCount(report.planned)} events
        </dd>
        <dt>Filtered out</dt>
        <dd>{asCount(report.filtered)}</dd>
        <dt>Time taken</dt>
        <dd>
          {asSpan(report.durationSeconds * 1000)}, {asRate(report.rate)}
        </dd>
        <dt>Checksum</dt>
        <dd className="font-mono text-xs leading-5 break-all">{report.checksum}</dd>
      </dl>
      <Counts caption="Replayed by type" counts={inOrder(report.byType)} label={asWords} />
      <Counts caption="By day (UTC)" counts={report.byDay} label={(day) => day} />
    </section>
  );
}

/** The same once more: as a form to change, and as YAML. */
function Again({ replay }: { replay: Replay }) {
  const navigate = useNavigate();
  const text = useMemo(
    () => manifestOf({ ...replay.spec }, new Date(replay.createdAt)),
    [replay.spec, replay.createdAt],
  );
  return (
    <section aria-label="Once more" className="flex flex-col gap-4">
      <div>
        <Button onClick={() => void navigate("/replays/new", { state: { spec: replay.spec } })}>
          <Icon name="replays" size={14} />
          New replay from this one
        </Button>
      </div>
      <Manifest text={text} />
    </section>
  );
}
