import { Badge } from "../ui/Badge";
import type { DeadLetter } from "./queries";

/** Whether a letter waits, was given back or cannot be. */
export function LetterState({ letter }: { letter: DeadLetter }) {
  const last = letter.redriven.at(-1);
  if (last) {
    return (
      <Badge tone="good" title={`${last.at} by ${last.by}`}>
        redriven{letter.redriven.length > 1 && ` ${letter.redriven.length}×`}
      </Badge>
    );
  }
  if (letter.obstacle !== null) {
    return (
      <Badge tone="calm" title={`It ${letter.obstacle}`}>
        stuck
      </Badge>
    );
  }
  return <Badge tone="warn">waiting</Badge>;
}
