import type { Schemas } from "../api/client";
import { CONTROL } from "../ui/Field";
import { asWords } from "../ui/format";
import { SearchField } from "../ui/SearchField";
import { useTyped } from "../ui/useTyped";
import { LONGEST, STATES, writeLetters } from "./letters";
import type { LetterState } from "./queries";
import type { LetterFilter } from "./redrive";

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
  const [typed, setTyped] = useTyped(filter.text, (text) => change({ text }));
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
      <SearchField
        label="Search letters"
        placeholder="In cause, key or value"
        maxLength={LONGEST}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
        className="col-span-2 md:ml-auto md:w-72"
      />
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
