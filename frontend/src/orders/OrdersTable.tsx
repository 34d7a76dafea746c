import { type ReactNode, useEffect, useRef, useState } from "react";
import { useLocation, useParams } from "react-router";
import { useFailure } from "../api/failure";
import { Problem } from "../api/problem";
import { Button } from "../ui/Button";
import { asCount } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Stale } from "../ui/Stale";
import { Empty, Failed, LoadingRows } from "../ui/states";
import { Table } from "../ui/Table";
import type { Filter, Sort } from "./filter";
import { OrderRow } from "./OrderRow";
import { OrdersToolbar } from "./OrdersToolbar";
import { type Order, useOrderPage } from "./queries";
import { useFilter } from "./useFilter";
import { useNews } from "./useNews";

const NONE: Order[] = [];
const LATE = 300; // ms until a page that is being read is seen to be: most are there by then

/** A page of orders that keeps itself current; `children` are what else one can do. */
export function OrdersTable({ children }: { children?: ReactNode }) {
  const { filter, place, change, turn } = useFilter();
  const page = useOrderPage(filter, place?.cursor);
  const orders = page.data?.orders ?? NONE;
  const failure = useFailure(page);
  const search = useSettled(useLocation().search, !page.isPlaceholderData);
  const late = useLate(page.isPlaceholderData);
  const { orderId } = useParams();

  const top = useRef<HTMLDivElement>(null);
  const [atTop, setAtTop] = useState(true);
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (!top.current) return;
    const observer = new IntersectionObserver(([entry]) => setAtTop(entry?.isIntersecting ?? true));
    observer.observe(top.current);
    return () => observer.disconnect();
  }, []);
  // Rows may move only under a reader who looks at the top of the newest, and points at none.
  const newestFirst = filter.sort === "-created_at" && !place;
  const news = useNews(filter, orders, newestFirst && atTop && !held, page.refetch);

  // Of very many the API says only that there are more.
  const asTotal = (total: number) =>
    `${asCount(total)}${page.data?.pagination.totalIsExact === false ? "+" : ""}`;
  const { nextCursor: next, prevCursor: before } = page.data?.pagination ?? {};
  const number = place?.page ?? 1;
  // A step that is asked for while a page is being read is taken from there: until then the cursors
  // are of the page that is being left. Of another filter it was not asked for.
  const [step, take] = useState<{ by: -1 | 1; of: Filter } | null>(null);
  useEffect(() => {
    if (!step || page.isPlaceholderData) return;
    take(null);
    const cursor = step.by === 1 ? next : before;
    if (step.of !== filter || (step.by === 1 && !cursor)) return;
    // The first page is the one of now, and not what was before the second when that was read.
    turn(cursor && number + step.by > 1 ? { cursor, page: number + step.by } : null);
    top.current?.scrollIntoView();
  }, [step, page.isPlaceholderData, next, before, number, filter, turn]);
  const narrowed = filter.q || filter.status || place;
  return (
    <>
      <OrdersToolbar
        filter={filter}
        onChange={change}
        total={page.data ? asTotal(page.data.pagination.total) : ""}
      >
        {children}
      </OrdersToolbar>
      {page.data && <Stale error={page.error} since={page.dataUpdatedAt} />}
      <div className="relative min-h-0 flex-1 lg:overflow-y-auto">
        <div ref={top} className="absolute top-0 h-px w-full scroll-mt-40" />
        {news > 0 && newestFirst && (
          // Over the heads beside what they say, and not over a row that one is about to choose.
          <div className="sticky top-12 z-20 h-0 pl-16 md:pl-44 lg:top-0">
            <button
              type="button"
              onClick={() => {
                void page.refetch();
                top.current?.scrollIntoView();
              }}
              className="mt-1 inline-flex h-6 items-center gap-1 rounded-full bg-accent px-2.5 text-xs font-medium text-on-accent shadow-lift hover:bg-accent-strong"
            >
              <Icon name="up" size={13} />
              {asCount(news)} new
            </button>
          </div>
        )}
        {place && failure instanceof Problem && failure.status === 400 ? (
          <Empty title="There is no such page of these orders">
            <Button className="mt-2" onClick={() => turn(null)}>
              Show the first page
            </Button>
          </Empty>
        ) : failure ? (
          <Failed error={failure} onRetry={() => void page.refetch()} />
        ) : (
          <Table caption="Orders">
            <thead>
              <tr>
                <th scope="col">Order</th>
                <th scope="col" className="hidden md:table-cell">
                  Customer
                </th>
                <th scope="col" className="hidden xl:table-cell">
                  Items
                </th>
                <Sortable of="total" label="Total" sort={filter.sort} set={change} right />
                <th scope="col">Status</th>
                <Sortable of="created_at" label="Created" sort={filter.sort} set={change} wide />
                <Sortable of="updated_at" label="Updated" sort={filter.sort} set={change} wide />
              </tr>
            </thead>
            <tbody
              onPointerEnter={(event) => setHeld(event.pointerType === "mouse")}
              onPointerLeave={() => setHeld(false)}
              aria-busy={page.isPlaceholderData}
              className={late ? "opacity-60" : ""}
            >
              {page.isPending ? <LoadingRows columns={7} /> : null}
              {orders.map((order) => (
                <OrderRow
                  key={order.id}
                  order={order}
                  search={search}
                  selected={order.id === orderId}
                />
              ))}
            </tbody>
          </Table>
        )}
        {page.data && orders.length === 0 && (
          <Empty title={narrowed ? "No order matches" : "No orders yet"}>
            {narrowed ? (
              <Button className="mt-2" onClick={() => change({ q: "", status: null })}>
                Show all orders
              </Button>
            ) : (
              <p>Place the first one, or run make demo for a lifelike stream of them.</p>
            )}
          </Empty>
        )}
      </div>
      {page.data && (next || place) && (
        <nav
          aria-label="Pages"
          className="flex shrink-0 items-center justify-between border-t border-line bg-surface px-4 py-2 text-muted"
        >
          <span className="text-xs">
            Page {asCount(number)} of{" "}
            {asTotal(
              Math.max(number, Math.ceil(page.data.pagination.total / page.data.pagination.limit)),
            )}
          </span>
          <span className="flex gap-1">
            <Button disabled={!place} onClick={() => take({ by: -1, of: filter })}>
              <Icon name="left" size={14} />
              Previous
            </Button>
            <Button disabled={!next} onClick={() => take({ by: 1, of: filter })}>
              Next
              <Icon name="right" size={14} />
            </Button>
          </span>
        </nav>
      )}
    </>
  );
}

/** Whether something goes on for so long that it must be seen to. */
function useLate(going: boolean): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!going) return;
    const timer = setTimeout(() => setLate(true), LATE);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [going]);
  return late;
}

/** A value as it last was while `settled`: the rows that are about to go are not drawn anew. */
function useSettled<Value>(value: Value, settled: boolean): Value {
  const [kept, keep] = useState(value);
  if (settled && kept !== value) keep(value);
  return kept;
}

interface SortableProps {
  of: "total" | "created_at" | "updated_at";
  label: string;
  sort: Sort;
  set: (change: { sort: Sort }) => void;
  right?: boolean;
  wide?: boolean;
}

function Sortable({ of, label, sort, set, right, wide }: SortableProps) {
  const order = sort === of ? "ascending" : sort === `-${of}` ? "descending" : undefined;
  return (
    <th
      scope="col"
      aria-sort={order}
      className={`${right ? "text-right" : ""} ${wide ? "hidden sm:table-cell" : ""}`}
    >
      <button
        type="button"
        onClick={() => set({ sort: order === "descending" ? of : `-${of}` })}
        className={`inline-flex items-center gap-0.5 rounded hover:text-ink ${order ? "text-ink" : ""} ${right ? "flex-row-reverse" : ""}`}
      >
        {label}
        <span className={order ? "" : "invisible"}>
          <Icon name={order === "ascending" ? "up" : "down"} size={12} />
        </span>
      </button>
    </th>
  );
}
