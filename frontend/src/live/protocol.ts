import type { Schemas } from "../api/client";

export type EventType = Schemas["EventType"];
export type Summary = Schemas["Summary"];

/** An event as the feed tells it; see FeedEvent in contracts/asyncapi.yaml. */
export interface LiveEvent {
  eventId: string;
  /** One of EventType, or one that came after this page was built. */
  eventType: string;
  orderId: string | null;
  timestamp: string;
  /** The service that says so. */
  source: string;
  data: Record<string, unknown>;
  topic: string;
  partition: number;
  offset: number;
}

export type Message =
  | { type: "CONNECTED"; lastEventId?: string | null; resumed?: boolean; missed?: number | null }
  | { type: "EVENT"; event: LiveEvent }
  | { type: "EVENTS"; events: LiveEvent[] }
  | { type: "STATS_UPDATE"; stats: Summary }
  | { type: "GAP"; missed: number }
  | { type: "HEARTBEAT"; behindSeconds: number; fault: string | null };

const KINDS: unknown[] = ["CONNECTED", "EVENT", "EVENTS", "STATS_UPDATE", "GAP", "HEARTBEAT"];

/** A message of the feed; null for one that is of a kind that this page does not know. */
export function parse(text: string): Message | null {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  const type = (message as { type?: unknown } | null)?.type;
  return KINDS.includes(type) ? (message as Message) : null;
}

/** The types of events, in the order of the saga. */
export const TYPES: readonly EventType[] = [
  "ORDER_CREATED",
  "ORDER_CANCEL_REQUESTED",
  "ORDER_CANCELLED",
  "PAYMENT_PROCESSING",
  "PAYMENT_PROCESSED",
  "PAYMENT_FAILED",
  "PAYMENT_VOIDED",
  "PAYMENT_REFUNDED",
  "INVENTORY_RESERVED",
  "INVENTORY_FAILED",
  "INVENTORY_RELEASED",
  "INVENTORY_COMMITTED",
  "SHIPMENT_CREATED",
  "SHIPMENT_DISPATCHED",
  "SHIPMENT_DELIVERED",
  "SHIPMENT_CANCELLED",
  "SHIPMENT_CANCEL_REFUSED",
];

/** The services that say so. */
export const SERVICES = ["gateway", "payment", "inventory", "shipping"];
