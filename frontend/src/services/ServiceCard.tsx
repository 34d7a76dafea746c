import { Link } from "react-router";
import { Callout } from "../ui/Callout";
import { asCount, asSentence, asSpan } from "../ui/format";
import { Time } from "../ui/Time";
import { Lag } from "./Lag";
import { StateBadge } from "./StateBadge";
import { aboutOf, asWaiting, faultsOf, LONG_WAIT, type Service, stateOf, unread } from "./state";

interface Props {
  service: Service;
  /** How far it was behind at each look. */
  lags: readonly (number | null)[];
}

const EDGES = {
  offline: "border-bad",
  unhealthy: "border-bad",
  lagging: "border-warn",
  "lag unknown": "border-warn",
  healthy: "border-line",
};

/** How one service is. */
export function ServiceCard({ service, lags }: Props) {
  const { name, version, commit, uptime, outbox, lastError, checks } = service;
  const state = stateOf(service);
  const faults = faultsOf(service);
  return (
    <article
      aria-label={name}
      className={`flex min-w-0 flex-col gap-3 rounded-lg border bg-surface p-4 ${EDGES[state]}`}
    >
      <header className="flex items-start gap-2">
        <div className="mr-auto min-w-0">
          <h2 className="text-sm font-semibold">{name}</h2>
          <p className="text-xs text-muted">{aboutOf(name).does}</p>
        </div>
        <StateBadge state={state} />
      </header>
      {state === "offline" && <Offline service={service} />}
      {faults.map(({ check, title, said, letters }) => (
        <Callout key={check} tone="bad" title={title}>
          {asSentence(said)}
          {letters && (
            <>
              {" "}
              <Link
                to={`/topics/dead-letters?service=${encodeURIComponent(name)}`}
                className="font-medium text-accent"
              >
                See its dead letters
              </Link>
            </>
          )}
        </Callout>
      ))}
      {state === "lag unknown" && (
        <Callout tone="warn" title="Whether it keeps up is not known">
          {unread(service)} If this does not pass within a minute, look at its log.
        </Callout>
      )}
      {state === "lagging" && (
        <Callout tone="warn" title="It does its work, but is behind with it">
          Orders take longer. If it does not catch up by itself, look at its last error and at its
          log, or start another process of it.
        </Callout>
      )}
      <dl className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-y-1.5 *:odd:text-muted">
        <dt>Consumer lag</dt>
        <dd title="Messages that it has not handled yet">
          {state === "lag unknown" ? (
            <span className="font-medium text-warn">lag unknown</span>
          ) : (
            <Lag lag={service.lag} lags={lags} />
          )}
        </dd>
        <dt>Outbox</dt>
        <dd
          title="Events that are written and not yet on Kafka"
          className={outbox && outbox.oldestSeconds >= LONG_WAIT ? "font-medium text-warn" : ""}
        >
          {outbox ? asWaiting(outbox) : "–"}
        </dd>
        <dt>Checks</dt>
        <dd>{checks ? <Checks checks={checks} /> : "–"}</dd>
        <dt>Uptime</dt>
        <dd>{uptime === undefined ? "–" : asSpan(uptime * 1000)}</dd>
        <dt>Version</dt>
        <dd>{[version, commit].filter(Boolean).join(" · ") || "–"}</dd>
      </dl>
      <div className="mt-auto border-t border-line pt-3">
        {lastError ? (
          <>
            <p className="flex flex-wrap items-baseline gap-x-2">
              <span className={`font-medium ${levelTone(lastError.level)}`}>
                Last {lastError.level.toLowerCase()}
              </span>
              <Time at={lastError.time} className="text-xs text-muted" />
            </p>
            <p className="mt-0.5 font-mono text-xs leading-5 text-muted [overflow-wrap:anywhere]">
              {lastError.message}
            </p>
          </>
        ) : (
          <p className="text-muted">
            {state === "offline" ? "Its last error is in its log" : "No error since its start"}
          </p>
        )}
      </div>
    </article>
  );
}

function Offline({ service: { name, url } }: { service: Service }) {
  return (
    <Callout tone="bad" title={`Nothing answers at ${url}`}>
      {aboutOf(name).away} Look at the end of its log and start it again, here with{" "}
      <code className="font-mono text-xs">make run-{name}</code>; it goes on where it was.
    </Callout>
  );
}

function Checks({ checks }: { checks: Record<string, string> }) {
  const names = Object.keys(checks);
  const good = names.filter((name) => checks[name] === "ok").length;
  return (
    <span title={names.join(", ")}>
      {asCount(good)} of {asCount(names.length)} passed
    </span>
  );
}

function levelTone(level: string): string {
  return level === "WARNING" ? "text-warn" : "text-bad";
}
