import type { State } from "./state";

const TONES: Record<State, string> = {
  offline: "bg-bad-ground text-bad",
  unhealthy: "bg-bad-ground text-bad",
  lagging: "bg-warn-ground text-warn",
  healthy: "bg-good-ground text-good",
};

export function StateBadge({ state }: { state: State }) {
  return (
    <span
      className={`inline-flex h-5 items-center rounded-full px-2 text-2xs font-medium capitalize ${TONES[state]}`}
    >
      {state}
    </span>
  );
}
