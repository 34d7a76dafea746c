import { type FormEvent, type ReactNode, useState } from "react";
import { Button } from "../ui/Button";
import { CONTROL } from "../ui/Field";
import { Icon } from "../ui/Icon";
import { type Begin, type Draft, fromDraft, LONGEST, NEWEST, type Search, toDraft } from "./search";

const BEGINS: Record<Begin, string> = {
  newest: "Newest first",
  oldest: "Oldest first",
  offset: "From offset",
  time: "From time",
};
const WORDS = [
  { name: "key", label: "Key", hint: "Key, exactly" },
  { name: "type", label: "Event type", hint: "Type: ORDER_CREATED" },
  { name: "header", label: "Header", hint: "Header: name=value" },
  { name: "text", label: "Text in the value", hint: "Text in the value" },
] as const;

interface Props {
  search: Search;
  partitions: readonly number[];
  onSearch: (search: Search) => void;
  children: ReactNode;
}

/** Where to begin and what to look for. A scan costs, so words are looked for when sent. */
export function MessageSearch({ search, partitions, onSearch, children }: Props) {
  const [draft, setDraft] = useState(() => toDraft(search));
  const [wrong, setWrong] = useState<string | null>(null);
  // Another search is taken over in place: whoever is typing keeps the focus.
  const [taken, setTaken] = useState(search);
  if (search !== taken) {
    setTaken(search);
    setDraft(toDraft(search));
    setWrong(null);
  }
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const send = (wanted: Draft) => {
    const read = fromDraft(wanted);
    if ("why" in read) return setWrong(read.why);
    setWrong(null);
    onSearch(read);
  };
  function choose(change: Partial<Draft>) {
    const wanted = { ...draft, ...change };
    if (wanted.begin === "offset" && wanted.partition === "") {
      wanted.partition = String(partitions[0] ?? 0);
    }
    setDraft(wanted);
    // What is chosen holds at once, unless an offset or a time is yet to be said.
    if (!("why" in fromDraft(wanted))) send(wanted);
  }
  function submit(event: FormEvent) {
    event.preventDefault();
    send(draft);
  }

  const numbers =
    search.partition === null || partitions.includes(search.partition)
      ? partitions
      : [...partitions, search.partition];
  const narrowed = WORDS.some(({ name }) => draft[name] !== "");
  return (
    <form
      onSubmit={submit}
      noValidate
      aria-label="Search messages"
      className="grid shrink-0 grid-cols-2 items-center gap-2 border-b border-line bg-surface px-4 py-2 md:flex md:flex-wrap"
    >
      <select
        aria-label="Begin"
        value={draft.begin}
        onChange={({ target }) => choose({ begin: target.value as Begin })}
        className={CONTROL}
      >
        {Object.entries(BEGINS).map(([begin, label]) => (
          <option key={begin} value={begin}>
            {label}
          </option>
        ))}
      </select>
      {draft.begin === "offset" && (
        <input
          aria-label="Offset"
          aria-invalid={wrong ? true : undefined}
          aria-describedby="search-wrong"
          inputMode="numeric"
          placeholder="Offset"
          value={draft.offset}
          onChange={({ target }) => set({ offset: target.value })}
          className={`${CONTROL} aria-invalid:border-bad md:w-24`}
        />
      )}
      {draft.begin === "time" && (
        <input
          type="datetime-local"
          step={1}
          aria-label="Time, in your zone"
          aria-invalid={wrong ? true : undefined}
          aria-describedby="search-wrong"
          value={draft.time}
          onChange={({ target }) => set({ time: target.value })}
          className={`${CONTROL} aria-invalid:border-bad`}
        />
      )}
      <select
        aria-label="Partition"
        value={draft.partition}
        onChange={({ target }) => choose({ partition: target.value })}
        className={CONTROL}
      >
        {draft.begin !== "offset" && <option value="">All partitions</option>}
        {numbers.map((number) => (
          <option key={number} value={number}>
            Partition {number}
          </option>
        ))}
      </select>
      {WORDS.map(({ name, label, hint }) => (
        <input
          key={name}
          aria-label={label}
          placeholder={hint}
          maxLength={LONGEST[name]}
          autoComplete="off"
          spellCheck={false}
          value={draft[name]}
          onChange={({ target }) => set({ [name]: target.value })}
          className={`${CONTROL} md:w-32 md:flex-1`}
        />
      ))}
      <span className="col-span-2 flex gap-2">
        <Button type="submit" kind="primary" className="max-md:flex-1">
          <Icon name="search" size={14} />
          Search
        </Button>
        {narrowed && (
          <Button
            kind="quiet"
            onClick={() => {
              const plain = { ...NEWEST, from: search.from, partition: search.partition };
              setDraft(toDraft(plain)); // what was typed may not have been sent
              onSearch(plain);
            }}
          >
            Clear
          </Button>
        )}
        {children}
      </span>
      {wrong && (
        <p id="search-wrong" role="alert" className="col-span-2 text-xs text-bad md:w-full">
          {wrong}
        </p>
      )}
    </form>
  );
}
