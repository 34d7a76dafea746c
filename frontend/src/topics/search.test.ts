import { expect, test } from "vitest";
import { fromDraft, NEWEST, narrows, readSearch, toDraft, withParams, writeSearch } from "./search";

test("an address holds a search and gives it back", () => {
  const search = {
    from: "offset:1200",
    partition: 3,
    key: "a b&c",
    type: "ORDER_CREATED",
    header: "is-replay=true",
    text: 'total": 10',
  };
  const params = new URLSearchParams(withParams(new URLSearchParams(), writeSearch(search)));
  expect(readSearch(params)).toEqual(search);
  expect(writeSearch(NEWEST)).toEqual({});
});

test("what an address has wrong is left out", () => {
  for (const wrong of ["from=offset:3", "from=first", "partition=-1", "from=2026-11-22T17:00"]) {
    expect(readSearch(new URLSearchParams(wrong))).toEqual(NEWEST);
  }
  expect(readSearch(new URLSearchParams("from=2026-11-22T17:00:00%2B01:00")).from).toBe(
    "2026-11-22T17:00:00+01:00",
  );
});

test("a time is typed in the reader's zone and asked for in UTC", () => {
  const draft = { ...toDraft(NEWEST), begin: "time" as const, time: "2026-11-22T17:00:01" };
  const search = fromDraft(draft);
  const at = new Date(2026, 10, 22, 17, 0, 1).toISOString();
  expect(search).toEqual({ ...NEWEST, from: at });
  expect(toDraft({ ...NEWEST, from: at }).time).toBe("2026-11-22T17:00:01");
  expect(fromDraft({ ...draft, time: "" })).toHaveProperty("why");
});

test("an offset is one of a partition", () => {
  const draft = { ...toDraft(NEWEST), begin: "offset" as const, offset: " 12 " };
  expect(fromDraft(draft)).toEqual({ ...NEWEST, from: "offset:12", partition: 0 });
  expect(fromDraft({ ...draft, partition: "2" })).toMatchObject({ partition: 2 });
  expect(fromDraft({ ...draft, offset: "-1" })).toHaveProperty("why");
});

test("a search narrows by its words and not by where it begins", () => {
  expect(narrows({ ...NEWEST, from: "oldest", partition: 1 })).toBe(false);
  expect(narrows({ ...NEWEST, header: "is-replay" })).toBe(true);
});
