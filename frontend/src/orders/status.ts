import type { Schemas } from "../api/client";
import type { EventType, LiveEvent } from "../live/protocol";

export type OrderStatus = Schemas["OrderStatus"];

/** From the first to the last; an order only moves down this list. */
export const STATUSES: readonly OrderStatus[] = [
  "pending",
  "processing",
  "reserved",
  "paid",
  "preparing",
  "shipped",
  "completed",
  "failed",
  "cancelled",
];

export const ENDS: ReadonlySet<OrderStatus> = new Set(["completed", "failed", "cancelled"]);

/** The status that an event brings; see services/events.py. */
const BROUGHT: Partial<Record<EventType, OrderStatus>> = {
  ORDER_CREATED: "pending",
  PAYMENT_PROCESSING: "processing",
  INVENTORY_RESERVED: "reserved",
  PAYMENT_PROCESSED: "paid",
  SHIPMENT_CREATED: "preparing",
  SHIPMENT_DISPATCHED: "shipped",
  SHIPMENT_DELIVERED: "completed",
  PAYMENT_FAILED: "failed",
  INVENTORY_FAILED: "failed",
  ORDER_CANCELLED: "cancelled",
};

/** The later of two statuses. */
export function later(one: OrderStatus, other: OrderStatus): OrderStatus {
  return STATUSES.indexOf(one) > STATUSES.indexOf(other) ? one : other;
}

/** The status that an event brings, if any. */
export function broughtBy(eventType: string): OrderStatus | undefined {
  return (BROUGHT as Record<string, OrderStatus | undefined>)[eventType];
}

/** What the feed has said of an order. */
export interface Told {
  status: OrderStatus;
  at: string;
  /** Why it failed, if it did. */
  reason: string | null;
}

const REMEMBERED = 5_000;

/**
 * Adds to what the feed has said of each order; the orders heard of longest ago are forgotten.
 * Returns the orders that changed.
 */
export function hear(told: Map<string, Told>, events: readonly LiveEvent[]): Set<string> {
  const changed = new Set<string>();
  for (const { orderId, eventType, timestamp, data } of events) {
    const status = broughtBy(eventType);
    if (!orderId || !status) continue;
    const before = told.get(orderId);
    if (before && later(status, before.status) === before.status) continue;
    told.delete(orderId);
    const reason = status === "failed" && typeof data.reason === "string" ? data.reason : null;
    told.set(orderId, { status, at: timestamp, reason });
    changed.add(orderId);
  }
  for (const orderId of told.keys()) {
    if (told.size <= REMEMBERED) break;
    told.delete(orderId);
  }
  return changed;
}
