import { type LiveEvent, parse, type Summary } from "./protocol";

/** Events that are kept; older ones are let go. */
export const KEPT = 2000;
/** ms between two times that events are handed on: nobody reads a list that changes more often. */
const HAND_ON = 100;
/** ms after which no frame is waited for. */
const FRAMELESS = 250;
const RATE_SECONDS = 5;
const FIRST_RETRY = 500;
const LONGEST_RETRY = 15_000;
/** A connection that lasted this long counts as a good one: the next retry begins anew. */
const STEADY = 5_000;
/** After so long without a heartbeat, which comes every 5 s, the connection is dead. */
export const SILENCE = 15_000;

export interface Connection {
  phase: "connecting" | "live" | "offline";
  /** When the page went offline, ms since 1970; null while it is not. */
  since: number | null;
  /** When the next attempt begins, ms since 1970; null where none is waited for. */
  retryAt: number | null;
  /** Events that were skipped and will not come, since the page was loaded or told. */
  missed: number;
  /** Whether more were skipped than the feed can count. */
  missedUnknown: boolean;
  /** Events that were caught up after the last lost connection. */
  caughtUp: number;
  /** How old what comes now is, in seconds, as the server is behind Kafka. */
  behind: number;
  /** Why nothing can come just now, where the server does not reach Kafka. */
  fault: string | null;
}

/** What the feed needs of its surroundings; tests hand in their own. */
export interface Surroundings {
  open(url: string): WebSocket;
  now(): number;
  random(): number;
  /** Calls back before a frame, or soon where none is drawn; ten times a second at most. */
  soon(callback: () => void): void;
}

const browser: Surroundings = {
  open: (url) => new WebSocket(url),
  now: () => Date.now(),
  random: () => Math.random(),
  soon: (callback) => {
    const call = () => {
      cancelAnimationFrame(frame);
      clearTimeout(late);
      lastCall = performance.now();
      callback();
    };
    let frame = 0;
    let late: ReturnType<typeof setTimeout> | undefined;
    setTimeout(
      () => {
        frame = requestAnimationFrame(call);
        // Pages that are hidden, even by now, draw no frames, and what comes must not pile up.
        late = setTimeout(call, FRAMELESS);
      },
      Math.max(0, lastCall + HAND_ON - performance.now()),
    );
  },
};
let lastCall = 0;

/**
 * The live feed, outside of React: one WebSocket for the page.
 *
 * What comes is gathered and handed on ten times a second at most, before a frame, so that
 * thousands of events a second cost ten renders. A lost connection is opened again, later each time,
 * and resumes after the last event that came; what the server no longer holds is counted as missed.
 */
export class Feed {
  #connection: Connection = {
    phase: "connecting",
    since: null,
    retryAt: null,
    missed: 0,
    missedUnknown: false,
    caughtUp: 0,
    behind: 0,
    fault: null,
  };
  #events: readonly LiveEvent[] = [];
  #known = new Set<string>();
  #pending: LiveEvent[] = [];
  #flushing = false;
  #stats: Summary | null = null;
  #last: string | null = null;
  #greeted = false;
  #socket: WebSocket | null = null;
  #openedAt = 0;
  #attempts = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #seconds = new Map<number, number>();
  #listeners = new Set<() => void>();
  #batchListeners = new Set<(events: readonly LiveEvent[]) => void>();
  #gapListeners = new Set<() => void>();

  constructor(
    private readonly url: string,
    private readonly around: Surroundings = browser,
  ) {}

  // --- what is known; the functions are bound, as useSyncExternalStore calls them alone

  connection = (): Connection => this.#connection;

  /** The newest events, oldest first; at most KEPT. */
  events = (): readonly LiveEvent[] => this.#events;

  stats = (): Summary | null => this.#stats;

  /** Events a second, over the last whole seconds. */
  rate = (): number => {
    const now = Math.floor(this.around.now() / 1000);
    let count = 0;
    for (let second = now - RATE_SECONDS; second < now; second += 1) {
      count += this.#seconds.get(second) ?? 0;
    }
    return count / RATE_SECONDS;
  };

  /** Calls back whenever anything above has changed, at most ten times a second for events. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Calls back with the events that came since the last time. */
  onBatch(listener: (events: readonly LiveEvent[]) => void): () => void {
    this.#batchListeners.add(listener);
    return () => this.#batchListeners.delete(listener);
  }

  /** Calls back when events were skipped, and what is shown must be read anew. */
  onGap(listener: () => void): () => void {
    this.#gapListeners.add(listener);
    return () => this.#gapListeners.delete(listener);
  }

  // --- the connection

  /** Opens the connection now, also in the middle of a wait; does nothing where it is open. */
  start = (): void => {
    clearTimeout(this.#retry);
    if (this.#socket) return;
    this.#change({ phase: this.#connection.since ? "offline" : "connecting", retryAt: null });
    const resume = this.#last ? `&lastEventId=${encodeURIComponent(this.#last)}` : "";
    const socket = this.around.open(`${this.url}?batch=true${resume}`);
    this.#socket = socket;
    this.#listen();
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#receive(String(data));
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
  };

  /** Gives up the connection, as when the machine is off the network. */
  drop = (): void => {
    const socket = this.#socket;
    if (!socket) return;
    this.#lost();
    socket.close();
  };

  /** Forgets what was missed: the person was told. */
  acknowledge = (): void => {
    this.#change({ missed: 0, missedUnknown: false, caughtUp: 0 });
  };

  /** Waits for a sign of life. A network that is cut in the middle tells of no end. */
  #listen(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(this.drop, SILENCE);
  }

  #lost(): void {
    this.#socket = null;
    clearTimeout(this.#silence);
    const now = this.around.now();
    if (this.#openedAt && now - this.#openedAt > STEADY) this.#attempts = 0;
    this.#openedAt = 0;
    // Full jitter: a thousand pages that lost one server must not come back at one moment.
    const most = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** this.#attempts);
    const wait = Math.round(most * (0.5 + this.around.random() / 2));
    this.#attempts += 1;
    this.#retry = setTimeout(this.start, wait);
    this.#change({
      phase: "offline",
      since: this.#connection.since ?? now,
      retryAt: now + wait,
      behind: 0,
      fault: null,
    });
  }

  #receive(text: string): void {
    const message = parse(text);
    switch (message?.type) {
      case "CONNECTED": {
        this.#openedAt = this.around.now();
        // Whoever had seen no event cannot resume; the first that it sees then are not all.
        const unseen = this.#greeted && !this.#last && Boolean(message.lastEventId);
        const gone = message.resumed === false || unseen;
        this.#greeted = true;
        this.#change({
          phase: "live",
          since: null,
          retryAt: null,
          caughtUp: message.resumed ? (message.missed ?? 0) : 0,
          missedUnknown: this.#connection.missedUnknown || gone,
        });
        if (gone || !this.#last) this.#last = message.lastEventId ?? this.#last;
        if (gone) this.#tellGap();
        break;
      }
      case "EVENT": // of a server that does not know batches yet
        this.#take([message.event]);
        break;
      case "EVENTS":
        this.#take(message.events);
        break;
      case "STATS_UPDATE":
        this.#stats = message.stats;
        this.#flushSoon();
        break;
      case "GAP":
        this.#change({ missed: this.#connection.missed + message.missed });
        this.#tellGap();
        break;
      case "HEARTBEAT":
        this.#listen();
        if (
          message.behindSeconds !== this.#connection.behind ||
          message.fault !== this.#connection.fault
        ) {
          this.#change({ behind: message.behindSeconds, fault: message.fault });
        }
        break;
    }
  }

  #take(events: readonly LiveEvent[]): void {
    this.#last = events.at(-1)?.eventId ?? this.#last;
    this.#pending.push(...events);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.around.soon(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    // A server that started anew may tell again what it told before.
    const fresh = this.#pending.filter(({ eventId }) => !this.#known.has(eventId));
    this.#pending = [];
    if (fresh.length > 0) {
      this.#count(fresh.length);
      this.#events = [...this.#events, ...fresh].slice(-KEPT);
      for (const { eventId } of fresh) this.#known.add(eventId);
      if (this.#known.size > 2 * KEPT) {
        this.#known = new Set(this.#events.map(({ eventId }) => eventId));
      }
      for (const listener of this.#batchListeners) listener(fresh);
    }
    this.#tell();
  }

  #count(events: number): void {
    const now = Math.floor(this.around.now() / 1000);
    this.#seconds.set(now, (this.#seconds.get(now) ?? 0) + events);
    for (const second of this.#seconds.keys()) {
      if (second < now - RATE_SECONDS) this.#seconds.delete(second);
    }
  }

  #change(change: Partial<Connection>): void {
    this.#connection = { ...this.#connection, ...change };
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #tellGap(): void {
    for (const listener of this.#gapListeners) listener();
  }
}
