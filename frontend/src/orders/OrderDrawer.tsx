import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useCallback, useEffect, useMemo } from "react";
import { useLocation, useNavigate, useParams } from "react-router";
import { again, useFailure } from "../api/failure";
import { useEvents, usePolling } from "../live/live";
import { Callout } from "../ui/Callout";
import { CopyLink } from "../ui/CopyButton";
import { Drawer, DrawerSkeleton } from "../ui/Drawer";
import { asMoney, shortId } from "../ui/format";
import { Stale } from "../ui/Stale";
import { Failed } from "../ui/states";
import { Time } from "../ui/Time";
import { CancelOrder } from "./CancelOrder";
import { type Order, orderEventsQuery, orderQuery } from "./queries";
import { StatusBadge } from "./StatusBadge";
import { later } from "./status";
import { Timeline } from "./Timeline";
import { timeline } from "./timeline";
import { useTold } from "./told";
import { usePlaces } from "./usePlaces";

const BEHIND = 700; // ms between reads while the API is behind the feed

/** One order, over the list that it was chosen from. */
export function OrderDrawer() {
  const { orderId = "" } = useParams();
  const { search } = useLocation();
  const navigate = useNavigate();

  const close = useCallback(() => {
    void navigate(`/orders${search}`);
    // Its row may be on another page by now.
    const row = document.querySelector<HTMLElement>(`a[href^="/orders/${CSS.escape(orderId)}"]`);
    (row ?? document.getElementById("main"))?.focus();
  }, [navigate, search, orderId]);

  return (
    <Drawer
      label={`Order ${shortId(orderId)}`}
      title={
        <>
          Order <span className="font-mono">{shortId(orderId)}</span>
        </>
      }
      closeLabel="Close order"
      onClose={close}
      actions={<CopyLink path={`/orders/${orderId}`} />}
    >
      <Contents orderId={orderId} />
    </Drawer>
  );
}

function Contents({ orderId }: { orderId: string }) {
  const polling = usePolling();
  const all = useEvents();
  const heard = useMemo(() => all.filter((event) => event.orderId === orderId), [all, orderId]);
  const told = useTold(orderId);

  const order = useQuery({
    ...orderQuery(orderId),
    refetchInterval: ({ state: { data, error } }) =>
      (data && told && later(told.status, data.status) !== data.status) ||
      data?.cancellation?.status === "requested"
        ? BEHIND
        : again(error, polling),
  });
  // An event may change more of the order than its status: a cancel is asked for elsewhere.
  const { refetch } = order;
  useEffect(() => {
    if (heard.length > 0) void refetch({ cancelRefetch: false });
  }, [heard.length, refetch]);
  const events = useQuery({
    ...orderEventsQuery(orderId),
    refetchInterval: ({ state: { data, error } }) =>
      data && heard.some(({ eventId }) => !data.some(({ id }) => id === eventId))
        ? BEHIND
        : again(error, polling),
  });
  const failure = useFailure(order);
  const noEvents = useFailure(events);
  const { places, missing } = usePlaces(orderId, events.data, heard);
  const steps = useMemo(
    () => timeline(events.data ?? [], heard, places),
    [events.data, heard, places],
  );

  if (failure) {
    return <Failed error={failure} onRetry={() => void order.refetch()} />;
  }
  if (!order.data) {
    return <DrawerSkeleton />;
  }
  const old = events.data && events.error && !order.error ? events : order;
  const status = told ? later(told.status, order.data.status) : order.data.status;
  return (
    <>
      <Stale error={old.error} since={old.dataUpdatedAt} />
      <div className="flex flex-col gap-6 p-4">
        <Facts order={order.data} status={<StatusBadge status={status} />} />
        <CancelOrder order={order.data} status={status} />
        <Lines order={order.data} />
        <section>
          <h3 className="mb-3 text-xs font-medium text-muted">What has happened</h3>
          {noEvents ? (
            <Failed error={noEvents} onRetry={() => void events.refetch()} />
          ) : (
            <>
              <Timeline steps={steps} />
              {missing && <p className="text-xs text-faint">{missing}</p>}
            </>
          )}
        </section>
      </div>
    </>
  );
}

function Facts({ order, status }: { order: Order; status: ReactNode }) {
  return (
    <>
      <dl className="grid grid-cols-[5rem_1fr] gap-y-1.5 *:odd:text-muted">
        <dt>Status</dt>
        <dd>{status}</dd>
        <dt>Order id</dt>
        <dd className="font-mono text-xs leading-5 break-all">{order.id}</dd>
        <dt>Customer</dt>
        <dd className="break-words">
          <bdi>{order.customer_id}</bdi>{" "}
          <span className="text-muted">
            · <bdi>{order.customer_email}</bdi>
          </span>
        </dd>
        <dt>Created</dt>
        <dd>
          <Time at={order.created_at} />
        </dd>
        <dt>Updated</dt>
        <dd>
          <Time at={order.updated_at} />
        </dd>
      </dl>
      {order.failure_reason && (
        <Callout tone="bad" className="-mt-2">
          {order.failure_reason}
        </Callout>
      )}
    </>
  );
}

function Lines({ order }: { order: Order }) {
  return (
    <table className="w-full">
      <caption className="mb-1 text-left text-xs font-medium text-muted">Items</caption>
      <tbody>
        {order.items.map(({ productId, name, quantity, price }) => (
          <tr key={productId} className="*:border-b *:border-line *:py-1.5">
            <td>{name}</td>
            <td className="text-right whitespace-nowrap text-muted">
              {quantity} × {asMoney(price.toFixed(2))}
            </td>
          </tr>
        ))}
        <tr className="font-medium *:py-1.5">
          <td>Total</td>
          <td className="text-right">{asMoney(order.total)}</td>
        </tr>
      </tbody>
    </table>
  );
}
