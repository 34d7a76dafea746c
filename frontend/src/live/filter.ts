import { type LiveEvent, SERVICES, TYPES } from "./protocol";

/** What the view of the feed is narrowed to; empty is all. */
export interface LiveFilter {
  type: string;
  service: string;
  /** Text in the order's id. */
  order: string;
}

export const ALL: LiveFilter = { type: "", service: "", order: "" };

/** The filter in an address, so that a link shows the same; what it has wrong is left out. */
export function readLive(params: URLSearchParams): LiveFilter {
  return {
    type: TYPES.find((type) => type === params.get("type")) ?? "",
    service: SERVICES.find((service) => service === params.get("service")) ?? "",
    order: (params.get("order") ?? "").slice(0, 36),
  };
}

export function writeLive({ type, service, order }: LiveFilter): Record<string, string> {
  return { ...(type && { type }), ...(service && { service }), ...(order && { order }) };
}

/** The events that a filter leaves, newest first. */
export function narrowed(events: readonly LiveEvent[], filter: LiveFilter): LiveEvent[] {
  const order = filter.order.trim().toLowerCase();
  const left: LiveEvent[] = [];
  for (let index = events.length - 1; index >= 0; index -= 1) {
    const event = events[index];
    if (
      event &&
      (!filter.type || event.eventType === filter.type) &&
      (!filter.service || event.source === filter.service) &&
      (!order || event.orderId?.includes(order))
    ) {
      left.push(event);
    }
  }
  return left;
}

/** The few words of a payload that tell one event of a type from another. */
export function gist({ data }: LiveEvent): string {
  const said: string[] = [];
  for (const name of ["customerId", "total", "amount", "reason", "carrier", "trackingNumber"]) {
    const value = data[name];
    if (typeof value === "string" && value) said.push(value);
  }
  if (Array.isArray(data.items)) {
    said.push(`${data.items.length} ${data.items.length === 1 ? "line" : "lines"}`);
  }
  return said.join(" · ");
}
