import type { Schemas } from "../api/client";
import { asCount, asSpan, asWords } from "../ui/format";

export type Service = Schemas["ServiceStatus"];

/** How a service is, the worst first. */
export const STATES = ["offline", "unhealthy", "lagging", "lag unknown", "healthy"] as const;
export type State = (typeof STATES)[number];

/** Two full batches of a consumer: fewer than that may be there at any moment. */
export const MANY_MESSAGES = 1_000;
/** Seconds; a relay takes events to Kafka within one where all is well. */
export const LONG_WAIT = 10;

/** How a service is; it lags where it does its work and is behind with it. */
export function stateOf(service: Service): State {
  const { status, lag, outbox } = service;
  if (status !== "healthy") return status;
  const behind = (lag?.messages ?? 0) >= MANY_MESSAGES || (outbox?.oldestSeconds ?? 0) >= LONG_WAIT;
  if (behind) return "lagging";
  return unread(service) === null ? "healthy" : "lag unknown";
}

/** Why it is not known whether a service that should read messages does; null where it does. */
export function unread({ lag, checks = {} }: Service): string | null {
  if (!lag)
    return "consumer" in checks ? "Kafka does not tell how far its consumer group is." : null;
  return lag.partitions > 0
    ? null
    : "None of its consumers holds a partition, so nobody reads its messages.";
}

/** Whether all is well, in a line; else what is not, the worst first. */
export function summaryOf(services: readonly Service[]): { worst: State; text: string } {
  const told = STATES.flatMap((state) => {
    const names = services.filter((each) => stateOf(each) === state).map(({ name }) => name);
    return names.length > 0 ? [{ state, names }] : [];
  });
  const worst = told[0]?.state ?? "healthy";
  if (worst === "healthy") return { worst, text: `All ${services.length} services are well` };
  const bad = told.filter(({ state }) => state !== "healthy");
  return {
    worst,
    text: bad.map(({ state, names }) => `${names.join(", ")} ${state}`).join(" · "),
  };
}

interface Fault {
  check: string;
  /** What that means. */
  title: string;
  said: string;
  /** Whether the dead letters tell more. */
  letters: boolean;
}

const FAULTS: Record<string, string> = {
  database: "Its database does not answer",
  kafka: "Kafka does not answer",
  draining: "It is being stopped",
};

/** What is wrong with a service that answers: each failed check with its fault. */
export function faultsOf({ checks = {} }: Service): Fault[] {
  return Object.entries(checks)
    .filter(([, said]) => said !== "ok")
    .map(([check, said]) => {
      const still = check === "consumer" && !said.includes("has died");
      const title = still
        ? "Its consumer stands still"
        : (FAULTS[check] ?? `${asWords(check)} does not work`);
      return { check, title, said, letters: still && said.includes("dead letter") };
    });
}

interface About {
  /** What it is there for. */
  does: string;
  /** What happens while it is away. */
  away: string;
}

const WAITING = "Its messages wait in Kafka, up to 7 days.";

const ABOUT: Record<string, About> = {
  gateway: {
    does: "Takes orders and answers the API",
    away: "No order is taken.",
  },
  payment: {
    does: "Authorises, captures and refunds",
    away: `Orders are taken and wait to be paid. ${WAITING}`,
  },
  inventory: {
    does: "Reserves stock and takes it off the shelf",
    away: `Orders are taken and wait for their stock. ${WAITING}`,
  },
  shipping: {
    does: "Sends parcels and decides cancels",
    away: `Paid orders wait for their parcel, and cancels to be decided. ${WAITING}`,
  },
  analytics: {
    does: "Keeps the statistics and the live feed",
    away: `Figures and the live feed stand still; orders go on. ${WAITING}`,
  },
  replay: {
    does: "Runs replays",
    away: "Replays stand still and go on from their checkpoints; orders go on.",
  },
};

/** What one should know of a service. */
export function aboutOf(name: string): About {
  return ABOUT[name] ?? { does: "A service of your own", away: WAITING };
}

/** What waits in an outbox, in words. */
export function asWaiting({ rows, oldestSeconds }: NonNullable<Service["outbox"]>): string {
  if (rows === 0) return "Empty";
  return `${asCount(rows)} ${rows === 1 ? "event" : "events"}, oldest ${asSpan(oldestSeconds * 1000)}`;
}
