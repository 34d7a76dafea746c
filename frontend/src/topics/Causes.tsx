import type { Schemas } from "../api/client";
import { asCount } from "../ui/format";
import { ofCause } from "./letters";
import type { LetterFilter } from "./redrive";

interface Props {
  causes: Schemas["DeadLetterPage"]["byCause"];
  chosen: LetterFilter;
  onChoose: (part: { error: string | null; text: string | null }) => void;
}

/** What letters died of, each of which leaves its own when it is chosen. */
export function Causes({ causes, chosen, onChoose }: Props) {
  if (causes.length === 0) return null;
  return (
    <section
      aria-label="Causes"
      className="max-h-36 shrink-0 overflow-y-auto border-b border-line bg-surface"
    >
      <ul>
        {causes.map((each) => {
          const of = ofCause(each);
          const on = chosen.error === of.error && chosen.text === of.text && of.error !== "";
          return (
            <li key={`${each.error} ${each.cause}`}>
              <button
                type="button"
                aria-pressed={on}
                onClick={() =>
                  onChoose(
                    on
                      ? { error: null, text: null }
                      : { error: of.error || null, text: of.text || null },
                  )
                }
                className="flex h-8 w-full items-center gap-3 px-4 text-left -outline-offset-2 hover:bg-hover aria-pressed:bg-accent-ground"
              >
                <span className="min-w-5 shrink-0 font-semibold">{asCount(each.count)}</span>
                <span className="shrink-0 font-medium text-bad">
                  {each.error ?? "Of unknown cause"}
                </span>
                <span
                  className="min-w-0 flex-1 truncate text-muted"
                  title={each.cause ?? undefined}
                >
                  {each.cause}
                </span>
                <span className="shrink-0 text-xs text-muted">
                  {each.open === 0 ? "none waits" : `${asCount(each.open)} waiting`}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
