import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Feed, KEPT, SILENCE } from "./feed";
import type { LiveEvent } from "./protocol";

class FakeSocket {
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;

  constructor(readonly url: string) {}

  close(): void {
    this.closed = true;
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

function event(id: string): LiveEvent {
  return {
    eventId: id,
    eventType: "ORDER_CREATED",
    orderId: "order",
    timestamp: "2026-11-22T17:56:34.798Z",
    source: "gateway",
    data: {},
    topic: "orders",
    partition: 0,
    offset: 0,
  };
}

function world() {
  const sockets: FakeSocket[] = [];
  const frames: (() => void)[] = [];
  const feed = new Feed("ws://here/ws", {
    open: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    now: () => Date.now(),
    random: () => 1,
    soon: (callback) => frames.push(callback),
  });
  return {
    feed,
    sockets,
    get socket(): FakeSocket {
      const socket = sockets.at(-1);
      if (!socket) throw new Error("no socket was opened");
      return socket;
    },
    frame: () => {
      for (const draw of frames.splice(0)) draw();
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the feed", () => {
  test("hands on all events of a frame at once", () => {
    const here = world();
    const batches: number[] = [];
    here.feed.onBatch((events) => batches.push(events.length));
    here.feed.start();
    here.socket.say({ type: "CONNECTED" });
    for (let n = 0; n < 80; n += 1) here.socket.say({ type: "EVENT", event: event(`${n}`) });
    expect(batches).toEqual([]);
    here.frame();
    expect(batches).toEqual([80]);
    expect(here.feed.events()).toHaveLength(80);
  });

  test("takes several events of one message in their order, and resumes after the last", () => {
    const here = world();
    here.feed.start();
    here.socket.say({ type: "CONNECTED" });
    here.socket.say({ type: "EVENTS", events: [event("1"), event("2")] });
    here.socket.say({ type: "EVENTS", events: [event("3")] });
    here.frame();
    expect(here.feed.events().map(({ eventId }) => eventId)).toEqual(["1", "2", "3"]);
    here.socket.onclose?.();
    vi.advanceTimersByTime(500);
    expect(here.socket.url).toBe("ws://here/ws?batch=true&lastEventId=3");
  });

  test("keeps no more than so many events, and each once", () => {
    const here = world();
    here.feed.start();
    for (let n = 0; n < KEPT + 500; n += 1)
      here.socket.say({ type: "EVENT", event: event(`${n}`) });
    here.frame();
    here.socket.say({ type: "EVENT", event: event(`${KEPT + 499}`) });
    here.frame();
    expect(here.feed.events()).toHaveLength(KEPT);
    expect(here.feed.events().at(-1)?.eventId).toBe(`${KEPT + 499}`);
  });

  test("gives up a connection without a sign of life, and opens it anew", () => {
    const here = world();
    here.feed.start();
    here.socket.say({ type: "CONNECTED" });
    const first = here.socket;
    vi.advanceTimersByTime(SILENCE - 1);
    here.socket.say({ type: "HEARTBEAT", behindSeconds: 0, fault: null });
    vi.advanceTimersByTime(SILENCE - 1);
    expect(here.feed.connection().phase).toBe("live");
    vi.advanceTimersByTime(1);
    expect(first.closed).toBe(true);
    expect(here.feed.connection()).toMatchObject({ phase: "offline", since: Date.now() });
    vi.advanceTimersByTime(500);
    expect(here.sockets).toHaveLength(2);
  });

  test("knows whether anything can come, and how late", () => {
    const here = world();
    here.feed.start();
    here.socket.say({ type: "CONNECTED" });
    here.socket.say({ type: "HEARTBEAT", behindSeconds: 7.5, fault: "no broker" });
    expect(here.feed.connection()).toMatchObject({ behind: 7.5, fault: "no broker" });
    here.socket.say({ type: "HEARTBEAT", behindSeconds: 0, fault: null });
    expect(here.feed.connection()).toMatchObject({ phase: "live", behind: 0, fault: null });
  });

  test("resumes after the last event that came", () => {
    const here = world();
    here.feed.start();
    here.socket.say({ type: "CONNECTED", lastEventId: "before" });
    here.socket.say({ type: "EVENT", event: event("seen") });
    here.socket.onclose?.();
    expect(here.feed.connection()).toMatchObject({ phase: "offline", since: Date.now() });
    vi.advanceTimersByTime(500);
    expect(here.socket.url).toBe("ws://here/ws?batch=true&lastEventId=seen");
    here.socket.say({ type: "CONNECTED", resumed: true, missed: 31 });
    expect(here.feed.connection()).toMatchObject({
      phase: "live",
      since: null,
      caughtUp: 31,
      missed: 0,
    });
  });

  test("resumes from the greeting where no event came", () => {
    const here = world();
    here.feed.start();
    here.socket.say({ type: "CONNECTED", lastEventId: "newest" });
    here.socket.onclose?.();
    vi.advanceTimersByTime(500);
    expect(here.socket.url).toBe("ws://here/ws?batch=true&lastEventId=newest");
  });

  test("says that it missed what the server no longer holds, and has it read anew", () => {
    const here = world();
    const gap = vi.fn();
    here.feed.onGap(gap);
    here.feed.start();
    here.socket.say({ type: "CONNECTED", lastEventId: "old" });
    here.socket.onclose?.();
    vi.advanceTimersByTime(500);
    here.socket.say({ type: "CONNECTED", resumed: false, missed: null, lastEventId: "new" });
    expect(here.feed.connection().missedUnknown).toBe(true);
    here.socket.say({ type: "GAP", missed: 120 });
    here.socket.say({ type: "GAP", missed: 5 });
    expect(here.feed.connection().missed).toBe(125);
    expect(gap).toHaveBeenCalledTimes(3);
    here.feed.acknowledge();
    expect(here.feed.connection()).toMatchObject({ missed: 0, missedUnknown: false });
  });

  test("says that it missed what came while it was away from a server that had nothing before", () => {
    const here = world();
    here.feed.start();
    here.socket.say({ type: "CONNECTED", lastEventId: null });
    here.socket.onclose?.();
    vi.advanceTimersByTime(500);
    expect(here.socket.url).toBe("ws://here/ws?batch=true");
    here.socket.say({ type: "CONNECTED", lastEventId: "new" });
    expect(here.feed.connection()).toMatchObject({ phase: "live", missedUnknown: true });
  });

  test("waits longer after each failure, but not for ever, and says since when", () => {
    const here = world();
    here.feed.start();
    const began = Date.now();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      here.socket.onclose?.();
      const { retryAt, since } = here.feed.connection();
      expect(since).toBe(began);
      waits.push((retryAt ?? 0) - Date.now());
      vi.advanceTimersByTime(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
    expect(here.sockets).toHaveLength(9);
  });

  test("goes offline at once when it is told to, and ignores the old socket", () => {
    const here = world();
    here.feed.start();
    here.socket.say({ type: "CONNECTED" });
    const old = here.socket;
    here.feed.drop();
    expect(old.closed).toBe(true);
    expect(here.feed.connection().phase).toBe("offline");
    here.feed.start();
    old.onclose?.();
    expect(here.sockets).toHaveLength(2);
  });

  test("knows its rate", () => {
    const here = world();
    here.feed.start();
    for (let second = 0; second < 5; second += 1) {
      for (let n = 0; n < 40; n += 1)
        here.socket.say({ type: "EVENT", event: event(`${second}-${n}`) });
      here.frame();
      vi.advanceTimersByTime(1000);
    }
    expect(here.feed.rate()).toBe(40);
  });

  test("does not stumble over what it does not know", () => {
    const here = world();
    here.feed.start();
    here.socket.say({ type: "SOMETHING_NEW" });
    here.socket.onmessage?.({ data: "no JSON" });
    here.frame();
    expect(here.feed.events()).toEqual([]);
  });
});
