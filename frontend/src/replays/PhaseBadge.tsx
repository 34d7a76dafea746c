import type { Phase } from "./phase";

const TONES: Record<Phase, string> = {
  Pending: "bg-calm-ground text-calm",
  Running: "bg-info-ground text-info",
  Suspended: "bg-warn-ground text-warn",
  Completed: "bg-good-ground text-good",
  Failed: "bg-bad-ground text-bad",
  Cancelled: "bg-calm-ground text-calm line-through decoration-1",
};

export function PhaseBadge({ phase, preview }: { phase: Phase; preview: boolean }) {
  return (
    <span className="inline-flex gap-1">
      <span
        className={`inline-flex h-5 items-center rounded-full px-2 text-2xs font-medium ${TONES[phase]}`}
      >
        {phase}
      </span>
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
