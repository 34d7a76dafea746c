import { toLocal } from "../ui/format";

/** Where to begin, as the API has it: newest, oldest, offset:N or a time in UTC. */
export type From = string;

/** What is looked for in a topic; empty is anything. */
export interface Search {
  from: From;
  partition: number | null;
  key: string;
  type: string;
  header: string;
  text: string;
}

export const NEWEST: Search = {
  from: "newest",
  partition: null,
  key: "",
  type: "",
  header: "",
  text: "",
};

/** Characters that the API takes. */
export const LONGEST = { key: 1000, type: 100, header: 1000, text: 200 };
const WORDS = ["key", "type", "header", "text"] as const;
const ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d.*(Z|[+-]\d\d:\d\d)$/;

/** A whole number in an address, or null. */
export function readNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** The search in the address, so that a link finds the same; what it has wrong is left out. */
export function readSearch(params: URLSearchParams): Search {
  const partition = readNumber(params.get("partition"));
  const from = params.get("from") ?? "newest";
  const right =
    from === "oldest" ||
    (/^offset:\d{1,15}$/.test(from) && partition !== null) ||
    (ZONED.test(from) && !Number.isNaN(Date.parse(from)));
  const search: Search = { ...NEWEST, partition, from: right ? from : "newest" };
  for (const word of WORDS) search[word] = (params.get(word) ?? "").slice(0, LONGEST[word]);
  return search;
}

/** The parameters of a search, for the address and for the API alike, without what is as usual. */
export function writeSearch({ from, partition, ...words }: Search) {
  return {
    ...(from !== "newest" && { from }),
    ...(partition !== null && { partition }),
    ...(words.key && { key: words.key }),
    ...(words.type && { type: words.type }),
    ...(words.header && { header: words.header }),
    ...(words.text && { text: words.text }),
  };
}

/** Whether a search leaves messages out. */
export function narrows(search: Search): boolean {
  return WORDS.some((word) => search[word] !== "");
}

export type Begin = "newest" | "oldest" | "offset" | "time";

/** A search while it is typed; times are in the reader's zone. */
export interface Draft {
  begin: Begin;
  offset: string;
  time: string;
  partition: string;
  key: string;
  type: string;
  header: string;
  text: string;
}

export function toDraft({ from, partition, ...words }: Search): Draft {
  const begin =
    from === "newest" || from === "oldest" ? from : from.startsWith("offset:") ? "offset" : "time";
  return {
    ...words,
    begin,
    offset: begin === "offset" ? from.slice("offset:".length) : "",
    time: begin === "time" ? toLocal(from) : "",
    partition: partition === null ? "" : String(partition),
  };
}

/** What was typed as a search, or why it is none. */
export function fromDraft(draft: Draft): Search | { why: string } {
  let from: From = draft.begin;
  let partition = readNumber(draft.partition);
  if (draft.begin === "offset") {
    if (readNumber(draft.offset.trim()) === null) {
      return { why: "Write a whole number, 0 or more" };
    }
    from = `offset:${Number(draft.offset)}`;
    partition ??= 0; // an offset is one of a partition
  } else if (draft.begin === "time") {
    const at = new Date(draft.time); // without a zone it is the reader's
    if (Number.isNaN(at.getTime())) return { why: "Choose a day and a time" };
    from = at.toISOString();
  }
  const search: Search = { ...NEWEST, from, partition };
  for (const word of WORDS) search[word] = draft[word].trim().slice(0, LONGEST[word]);
  return search;
}

/** The address of the same page with other parameters; null takes one away. */
export function withParams(
  params: URLSearchParams,
  changes: Record<string, string | number | null>,
): string {
  const changed = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) changed.delete(name);
    else changed.set(name, String(value));
  }
  return `?${changed}`;
}
