import type { LiveEvent } from "../live/protocol";
import type { Copy, Place, Places } from "./places";
import type { OrderEvent } from "./queries";

/** One event of an order, wherever it was learned of. */
export interface Step {
  id: string;
  type: string;
  service: string;
  at: string;
  /** ms since the step before; null for the first, never negative. */
  since: number | null;
  payload: unknown;
  /** Where it lies in Kafka, as far as that is known. */
  place: Place | null;
  /** What replays have written of it. */
  copies: readonly Copy[];
}

/** What the API knows of an order, in its order, and after that what only the feed has told. */
export function timeline(
  known: readonly OrderEvent[],
  told: readonly LiveEvent[],
  { originals, copies }: Places,
): Step[] {
  const ids = new Set(known.map(({ id }) => id));
  const steps = [
    ...known.map((event) => ({
      id: event.id,
      type: event.event_type,
      service: event.service_name,
      at: event.created_at,
      payload: event.payload as unknown,
    })),
    ...told
      .filter(({ eventId }) => !ids.has(eventId))
      .sort((one, other) => one.timestamp.localeCompare(other.timestamp))
      .map((event) => ({
        id: event.eventId,
        type: event.eventType,
        service: event.source,
        at: event.timestamp,
        payload: event.data as unknown,
      })),
  ];
  return steps.map((step, index) => {
    const before = steps[index - 1];
    return {
      ...step,
      since: before ? Math.max(0, Date.parse(step.at) - Date.parse(before.at)) : null,
      place: originals.get(step.id) ?? null,
      copies: copies.get(step.id) ?? [],
    };
  });
}
