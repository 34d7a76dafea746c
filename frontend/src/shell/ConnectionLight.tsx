import { useEffect, useState } from "react";
import type { Connection } from "../live/feed";
import { feed, useConnection } from "../live/live";
import { asCount, asTime } from "../ui/format";
import { notify } from "../ui/notices";

const LATE = 5; // s

interface Shown {
  tone: string;
  text: string;
  hint: string;
  action?: { label: string; run: () => void };
}

/** What the connection is, in words; it says live only when everything has come. */
function describe(connection: Connection, now: number): Shown {
  const { phase, since, retryAt, missed, missedUnknown } = connection;
  if (phase === "offline") {
    const wait = retryAt ? Math.max(0, Math.ceil((retryAt - now) / 1000)) : 0;
    return {
      tone: "bg-bad",
      text: since ? `Offline since ${asTime(since)}` : "Offline",
      hint: wait ? `Next attempt in ${wait} s` : "Connecting",
      action: { label: "Connect now", run: feed.start },
    };
  }
  if (phase === "connecting") {
    return { tone: "bg-warn animate-pulse", text: "Connecting", hint: "To the live feed" };
  }
  if (missed > 0 || missedUnknown) {
    const count = missed > 0 ? asCount(missed) : "Some";
    return {
      tone: "bg-warn",
      text: `Live, missed ${missedUnknown && missed > 0 ? `over ${count}` : count.toLowerCase()}`,
      hint: "Events went by unseen; what is shown was read anew",
      action: { label: "Got it", run: feed.acknowledge },
    };
  }
  const { caughtUp, behind, fault } = connection;
  if (fault) {
    return {
      tone: "bg-warn",
      text: "Waiting for Kafka",
      hint: `Nothing can come: ${fault}`,
    };
  }
  if (behind >= LATE) {
    return {
      tone: "bg-warn",
      text: `${asCount(Math.round(behind))} s behind`,
      hint: "More happens than the feed can read at once",
    };
  }
  return {
    tone: "bg-good",
    text: "Live",
    hint:
      caughtUp > 0 ? `Reconnected, caught up ${asCount(caughtUp)} events` : "Nothing was missed",
  };
}

/** Tells how current the page is. */
export function ConnectionLight() {
  const connection = useConnection();
  const [now, setNow] = useState(Date.now);
  const waiting = connection.phase === "offline";
  useEffect(() => {
    if (!waiting) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [waiting]);
  const { phase, caughtUp } = connection;
  useEffect(() => {
    if (phase !== "live" || caughtUp === 0) return;
    const events = caughtUp === 1 ? "1 event" : `${asCount(caughtUp)} events`;
    notify({ tone: "good", title: "Live again", detail: `Caught up ${events}.` });
  }, [phase, caughtUp]);
  const { tone, text, hint, action } = describe(connection, now);
  return (
    <div className="flex min-w-0 items-center gap-2">
      <span className={`size-2 shrink-0 rounded-full ${tone}`} />
      <span
        role="status"
        title={hint}
        className="truncate text-xs text-muted"
        data-phase={connection.phase}
      >
        {text}
        {action && <span className="hidden xl:inline"> · {hint}</span>}
      </span>
      {action && (
        <button
          type="button"
          onClick={action.run}
          className="text-xs font-medium whitespace-nowrap text-accent hover:text-accent-strong"
        >
          {action.label}
        </button>
      )}
    </div>
  );
}
