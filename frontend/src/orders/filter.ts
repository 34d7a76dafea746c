import { type OrderStatus, STATUSES } from "./status";

export const SORTS = [
  "-created_at",
  "created_at",
  "-updated_at",
  "updated_at",
  "-total",
  "total",
] as const;
export type Sort = (typeof SORTS)[number];

/** What the table is narrowed to. */
export interface Filter {
  status: OrderStatus | null;
  q: string;
  sort: Sort;
}

/** Where a page begins or ends, as the API says it; null is where a filter's orders begin. */
export type Place = { cursor: string; page: number } | null;

/** The filter in an address, so that a link shows the same orders; what it has wrong is left out. */
export function readFilter(params: URLSearchParams): Filter {
  return {
    status: STATUSES.find((status) => status === params.get("status")) ?? null,
    q: (params.get("q") ?? "").slice(0, 100),
    sort: SORTS.find((sort) => sort === params.get("sort")) ?? "-created_at",
  };
}

/** The page in an address; the first where that does not say both where it is and its number. */
export function readPlace(params: URLSearchParams): Place {
  const [cursor, page] = [params.get("cursor"), params.get("page") ?? ""];
  return cursor && /^([2-9]|[1-9]\d{1,6})$/.test(page) ? { cursor, page: Number(page) } : null;
}

/** An address with a filter and a page of what it leaves. */
export function writeAddress({ status, q, sort }: Filter, place: Place): Record<string, string> {
  return {
    ...(status && { status }),
    ...(q && { q }),
    ...(sort !== "-created_at" && { sort }),
    ...(place && { cursor: place.cursor, page: `${place.page}` }),
  };
}
