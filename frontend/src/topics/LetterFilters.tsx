import { useEffect, useState } from "react";
import type { Schemas } from "../api/client";
import { asWords } from "../ui/format";
import { Icon } from "../ui/Icon";
import { STATES, writeLetters } from "./letters";
import type { LetterState } from "./queries";
import type { LetterFilter } from "./redrive";

const TYPING = 300; // ms without a key until what was typed is looked for
const CONTROL = "h-8 min-w-0 rounded-md border border-line-strong bg-surface px-2";

interface Props {
  filter: LetterFilter;
  state: LetterState;
  origins: Schemas["DeadLetterPage"]["byOrigin"];
  causes: Schemas["DeadLetterPage"]["byCause"];
  onChange: (params: Record<string, string>) => void;
}

/** Which letters are shown, by state and by what the API narrows them by. */
export function LetterFilters({ filter, state, origins, causes, onChange }: Props) {
  const change = (part: Partial<LetterFilter>) =>
    onChange(writeLetters({ ...filter, ...part }, state));
  return (
    <search
      aria-label="Dead letters"
      className="grid shrink-0 grid-cols-2 items-center gap-2 border-b border-line bg-surface px-4 py-2 md:flex md:flex-wrap"
    >
      <select
        aria-label="State"
        value={state}
        onChange={({ target }) => onChange(writeLetters(filter, target.value as LetterState))}
        className={CONTROL}
      >
        {STATES.map((each) => (
          <option key={each} value={each}>
            {each === "all" ? "All states" : asWords(each)}
          </option>
        ))}
      </select>
      <Choice
        label="Service"
        all="All services"
        value={filter.service}
        values={origins.map(({ service }) => service)}
        onChange={(service) => change({ service })}
      />
      <Choice
        label="Topic"
        all="All topics"
        value={filter.topic}
        values={origins.map(({ topic }) => topic)}
        onChange={(topic) => change({ topic })}
      />
      <Choice
        label="Error"
        all="All errors"
        value={filter.error}
        values={causes.map(({ error }) => error)}
        onChange={(error) => change({ error })}
      />
      <Text text={filter.text} onChange={(text) => change({ text })} />
    </search>
  );
}

interface ChoiceProps {
  label: string;
  all: string;
  value: string;
  values: (string | null)[];
  onChange: (value: string) => void;
}

/** One of those that there are; what is chosen is among them, even where it leaves nothing. */
function Choice({ label, all, value, values, onChange }: ChoiceProps) {
  const known = new Set([...values, value].filter((each) => each !== null && each !== ""));
  return (
    <select
      aria-label={label}
      value={value}
      onChange={({ target }) => onChange(target.value)}
      className={CONTROL}
    >
      <option value="">{all}</option>
      {[...known].sort().map((each) => (
        <option key={each}>{each}</option>
      ))}
    </select>
  );
}

function Text({ text, onChange }: { text: string; onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another filter changes the text
  useEffect(() => {
    if (typed.trim() !== text) setTyped(text);
  }, [text]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only what is typed is waited for
  useEffect(() => {
    if (typed.trim() === text) return;
    const timer = setTimeout(() => onChange(typed.trim()), TYPING);
    return () => clearTimeout(timer);
  }, [typed, text]);
  return (
    <label className="relative col-span-2 block md:ml-auto md:w-72">
      <span className="sr-only">Search letters</span>
      <span className="pointer-events-none absolute inset-y-0 left-2.5 flex items-center text-faint">
        <Icon name="search" size={14} />
      </span>
      <input
        type="search"
        value={typed}
        maxLength={249}
        placeholder="In cause, key or value"
        onChange={({ target }) => setTyped(target.value)}
        className="h-8 w-full rounded-md border border-line-strong bg-surface pr-2 pl-8"
      />
    </label>
  );
}
