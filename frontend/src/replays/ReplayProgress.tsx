import { asCount } from "../ui/format";
import { Progress } from "../ui/Progress";
import type { Phase, Replay } from "./phase";
import { handle } from "./words";

const TONES = { Completed: "good", Failed: "bad", Suspended: "calm", Cancelled: "calm" } as const;

/** Events done of those planned; of a dry run, what it counted. */
export function ReplayProgress({ replay }: { replay: Replay }) {
  const { spec, plan, progress, phase, id } = replay;
  if (spec.dryRun) {
    return (
      <span className="text-muted">{plan ? `would be ${asCount(plan.events)} events` : ""}</span>
    );
  }
  if (!progress) return null;
  return (
    <div>
      <div className="mb-1 flex justify-between text-xs">
        <span>
          {asCount(progress.replayed)}{" "}
          <span className="text-muted">of {asCount(progress.planned)}</span>
        </span>
        <span className="text-muted">{progress.percent}%</span>
      </div>
      <Progress
        label={`Progress of ${handle(id)}`}
        percent={progress.percent}
        tone={
          (TONES as Partial<Record<Phase, (typeof TONES)[keyof typeof TONES]>>)[phase] ?? "accent"
        }
      />
    </div>
  );
}
