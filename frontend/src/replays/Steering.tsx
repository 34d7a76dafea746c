import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Problem } from "../api/problem";
import { useOnce } from "../api/submission";
import { Button } from "../ui/Button";
import { Callout } from "../ui/Callout";
import { asCount } from "../ui/format";
import { Icon } from "../ui/Icon";
import { type Action, allowed, type Replay } from "./phase";
import { replayQuery, steerReplay } from "./queries";

/** Suspends, resumes and cancels, as far as the API allows it now. */
export function Steering({ replay }: { replay: Replay }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const once = useOnce();
  const steering = useMutation<Replay, Problem, Action>({
    mutationFn: (action) => steerReplay(replay.id, action),
    onSuccess: (after) => queries.setQueryData(replayQuery(replay.id).queryKey, after),
    onSettled: () => {
      setAsking(false);
      void queries.invalidateQueries({ queryKey: ["replays"] });
      void queries.invalidateQueries(replayQuery(replay.id));
    },
  });
  const steer = (action: Action) => once.run(() => steering.mutateAsync(action));
  const actions = allowed(replay);
  if (actions.length === 0 && !steering.error) return null;
  return (
    <div className="flex flex-col gap-3">
      {asking && actions.includes("cancel") ? (
        <div className="rounded-lg border border-line p-3">
          <p className="font-medium">Cancel this replay for good?</p>
          <p className="text-muted">
            It cannot be taken up again. The {asCount(replay.progress?.replayed ?? 0)} events that
            it has written stay on the topic.
          </p>
          <div className="mt-3 flex gap-2">
            <Button
              kind="danger"
              autoFocus
              disabled={steering.isPending}
              onClick={() => steer("cancel")}
            >
              {steering.isPending ? "Asking…" : "Cancel this replay"}
            </Button>
            <Button kind="quiet" onClick={() => setAsking(false)}>
              Keep it
            </Button>
          </div>
        </div>
      ) : (
        <div className="flex flex-wrap gap-2">
          {actions.includes("suspend") && (
            <Button disabled={steering.isPending} onClick={() => steer("suspend")}>
              <Icon name="pause" size={14} />
              Suspend
            </Button>
          )}
          {actions.includes("resume") && (
            <Button disabled={steering.isPending} onClick={() => steer("resume")}>
              <Icon name="play" size={14} />
              Resume
            </Button>
          )}
          {actions.includes("cancel") && (
            <Button kind="danger" onClick={() => setAsking(true)}>
              Cancel replay
            </Button>
          )}
        </div>
      )}
      {steering.error && (
        <Callout role="alert" tone="bad">
          {steering.error.detail}
        </Callout>
      )}
    </div>
  );
}
