import { expect, test } from "vitest";
import { readFilter, readPlace, writeAddress } from "./filter";

test("an address keeps the filter and the page", () => {
  const filter = { status: "failed", q: "ada & co", sort: "-total" } as const;
  const place = { cursor: "eyJz==", page: 12 };
  const params = new URLSearchParams(writeAddress(filter, place));
  expect(readFilter(params)).toEqual(filter);
  expect(readPlace(params)).toEqual(place);
  expect(readPlace(new URLSearchParams(writeAddress(filter, null)))).toBe(null);
});

test("what is wrong in an address is left out", () => {
  const wrong = new URLSearchParams(`status=lost&sort=name&q=${"a".repeat(300)}`);
  expect(readFilter(wrong)).toEqual({ status: null, q: "a".repeat(100), sort: "-created_at" });
  for (const page of ["", "0", "1", "-3", "2.5", "1e3", "0x10", "99999999"]) {
    expect(readPlace(new URLSearchParams({ cursor: "abc", page }))).toBe(null);
  }
  expect(readPlace(new URLSearchParams("page=7"))).toBe(null);
});
