import { type ReactNode, useEffect, useRef, useState } from "react";
import { useLocation, useParams } from "react-router";
import { useFailure } from "../api/failure";
import { Button } from "../ui/Button";
import { asCount } from "../ui/format";
import { Icon } from "../ui/Icon";
import { Stale } from "../ui/Stale";
import { Empty, Failed, LoadingRows } from "../ui/states";
import { Table } from "../ui/Table";
import { OrderRow } from "./OrderRow";
import { OrdersToolbar } from "./OrdersToolbar";
import { type Order, type Sort, useOrderPage } from "./queries";
import { useFilter } from "./useFilter";
import { useNews } from "./useNews";

const NONE: Order[] = [];

/** A page of orders that keeps itself current; `children` are what else one can do. */
export function OrdersTable({ children }: { children?: ReactNode }) {
  const [filter, setFilter] = useFilter();
  // The cursors of the pages before, which are of one filter.
  const of = JSON.stringify(filter);
  const [trail, setTrail] = useState({ of, cursors: [] as string[] });
  const cursors = trail.of === of ? trail.cursors : [];
  const page = useOrderPage(filter, cursors.at(-1));
  const orders = page.data?.orders ?? NONE;
  const failure = useFailure(page);
  const { search } = useLocation();
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
  const newestFirst = filter.sort === "-created_at" && cursors.length === 0;
  const news = useNews(filter, orders, newestFirst && atTop && !held, page.refetch);

  const turn = (to: string[]) => {
    setTrail({ of, cursors: to });
    top.current?.scrollIntoView();
  };
  // Of very many the API says only that there are more.
  const asTotal = (total: number) =>
    `${asCount(total)}${page.data?.pagination.totalIsExact === false ? "+" : ""}`;
  const next = page.data?.pagination.nextCursor;
  return (
    <>
      <OrdersToolbar
        filter={filter}
        onChange={setFilter}
        total={page.data ? asTotal(page.data.pagination.total) : ""}
      >
        {children}
      </OrdersToolbar>
      {page.data && <Stale error={page.error} since={page.dataUpdatedAt} />}
      <div className="relative min-h-0 flex-1 lg:overflow-y-auto">
        <div ref={top} className="absolute top-0 h-px w-full scroll-mt-40" />
        {news > 0 && newestFirst && (
          <div className="sticky top-24 z-20 h-0 text-center lg:top-10">
            <button
              type="button"
              onClick={() => {
                void page.refetch();
                top.current?.scrollIntoView();
              }}
              className="inline-flex h-7 items-center gap-1 rounded-full bg-accent px-3 text-xs font-medium text-on-accent shadow-lift hover:bg-accent-strong"
            >
              <Icon name="up" size={13} />
              {asCount(news)} new
            </button>
          </div>
        )}
        {failure ? (
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
                <Sortable of="total" label="Total" sort={filter.sort} set={setFilter} right />
                <th scope="col">Status</th>
                <Sortable of="created_at" label="Created" sort={filter.sort} set={setFilter} wide />
                <Sortable of="updated_at" label="Updated" sort={filter.sort} set={setFilter} wide />
              </tr>
            </thead>
            <tbody
              onPointerEnter={(event) => setHeld(event.pointerType === "mouse")}
              onPointerLeave={() => setHeld(false)}
              className={page.isPlaceholderData ? "opacity-60 transition-opacity" : ""}
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
          <Empty title={filter.q || filter.status ? "No order matches" : "No orders yet"}>
            {filter.q || filter.status ? (
              <Button className="mt-2" onClick={() => setFilter({ q: "", status: null })}>
                Show all orders
              </Button>
            ) : (
              <p>Place the first one, or run make demo for a lifelike stream of them.</p>
            )}
          </Empty>
        )}
      </div>
      {page.data && (next || cursors.length > 0) && (
        <nav
          aria-label="Pages"
          className="flex shrink-0 items-center justify-between border-t border-line bg-surface px-4 py-2 text-muted"
        >
          <span className="text-xs">
            Page {asCount(cursors.length + 1)} of{" "}
            {asTotal(Math.ceil(page.data.pagination.total / page.data.pagination.limit))}
          </span>
          <span className="flex gap-1">
            <Button disabled={cursors.length === 0} onClick={() => turn(cursors.slice(0, -1))}>
              <Icon name="left" size={14} />
              Previous
            </Button>
            <Button disabled={!next} onClick={() => next && turn([...cursors, next])}>
              Next
              <Icon name="right" size={14} />
            </Button>
          </span>
        </nav>
      )}
    </>
  );
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
