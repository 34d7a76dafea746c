import { Badge } from "../ui/Badge";
import type { Tone } from "../ui/tones";
import type { Phase } from "./phase";

const TONES: Record<Phase, Tone> = {
  Pending: "calm",
  Running: "info",
  Suspended: "warn",
  Completed: "good",
  Failed: "bad",
  Cancelled: "calm",
};

export function PhaseBadge({ phase, preview }: { phase: Phase; preview: boolean }) {
  return (
    <span className="inline-flex gap-1">
      <Badge
        tone={TONES[phase]}
        className={phase === "Cancelled" ? "line-through decoration-1" : ""}
      >
        {phase}
      </Badge>
      {preview && (
        <span
          title="A dry run: it only counts, and writes nothing"
          className="inline-flex h-5 items-center rounded-full border border-dashed border-line-strong px-2 text-2xs font-medium text-muted"
        >
          Preview
        </span>
      )}
    </span>
  );
}
