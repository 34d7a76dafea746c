import { Badge } from "../ui/Badge";
import type { Tone } from "../ui/tones";
import type { State } from "./state";

const TONES: Record<State, Tone> = {
  offline: "bad",
  unhealthy: "bad",
  lagging: "warn",
  "lag unknown": "warn",
  healthy: "good",
};

export function StateBadge({ state }: { state: State }) {
  return (
    <Badge tone={TONES[state]} className="capitalize">
      {state}
    </Badge>
  );
}
