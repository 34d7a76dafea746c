import { describe, expect, test } from "vitest";
import { asWaiting, faultsOf, type Service, stateOf, summaryOf } from "./state";

function service(name: string, more: Partial<Service> = {}): Service {
  return {
    name,
    status: "healthy",
    port: 4001,
    url: "http://127.0.0.1:4001",
    lag: { messages: 0, byTopic: {}, partitions: 6 },
    outbox: { rows: 0, oldestSeconds: 0 },
    ...more,
  };
}

const behind = (messages: number) => ({
  lag: { messages, byTopic: { orders: messages }, partitions: 6 },
});

describe("a service", () => {
  test("lags when too many messages wait for it or an event waits too long in its outbox", () => {
    expect(stateOf(service("payment", behind(999)))).toBe("healthy");
    expect(stateOf(service("payment", behind(1_000)))).toBe("lagging");
    expect(stateOf(service("payment", { outbox: { rows: 1, oldestSeconds: 9.9 } }))).toBe(
      "healthy",
    );
    expect(stateOf(service("payment", { outbox: { rows: 1, oldestSeconds: 10 } }))).toBe("lagging");
  });

  test("that is away is offline, however far it is behind", () => {
    expect(stateOf(service("payment", { ...behind(5_000), status: "offline" }))).toBe("offline");
  });

  test("that reads nothing and has no outbox is well", () => {
    expect(stateOf(service("replay", { lag: null, outbox: null }))).toBe("healthy");
  });

  test("that answers tells what is missing", () => {
    const titles = (checks: Record<string, string>) =>
      faultsOf(service("payment", { checks })).map(({ title, letters }) => [title, letters]);
    expect(titles({ database: "ok", kafka: "Kafka does not answer" })).toEqual([
      ["Kafka does not answer", false],
    ]);
    expect(titles({ consumer: "more than 100 dead letters a minute" })).toEqual([
      ["Its consumer stands still", true],
    ]);
    expect(titles({ consumer: "the thread has died", worker: "it ended" })).toEqual([
      ["Consumer does not work", false],
      ["Worker does not work", false],
    ]);
    expect(faultsOf(service("payment"))).toEqual([]);
  });

  test("whose messages nobody reads, or nobody knows of, is not well", () => {
    const checks = { kafka: "ok", consumer: "ok" };
    const idle = { messages: 0, byTopic: { orders: 0 }, partitions: 0 };
    expect(stateOf(service("payment", { lag: null, checks }))).toBe("lag unknown");
    expect(stateOf(service("payment", { lag: idle, checks }))).toBe("lag unknown");
    expect(summaryOf([service("payment", { lag: null, checks })]).text).toBe("payment lag unknown");
  });
});

test("one line says that all is well, or names what is not, the worst first", () => {
  const well = [service("gateway"), service("payment")];
  expect(summaryOf(well)).toEqual({ worst: "healthy", text: "All 2 services are well" });
  const bad = [
    service("inventory", behind(2_000)),
    service("shipping", { status: "offline" }),
    service("replay", { status: "offline" }),
  ];
  expect(summaryOf([...well, ...bad])).toEqual({
    worst: "offline",
    text: "shipping, replay offline · inventory lagging",
  });
});

test("an outbox tells how much waits and how long", () => {
  expect(asWaiting({ rows: 0, oldestSeconds: 0 })).toBe("Empty");
  expect(asWaiting({ rows: 1, oldestSeconds: 0.25 })).toBe("1 event, oldest 250 ms");
  expect(asWaiting({ rows: 1200, oldestSeconds: 75 })).toContain("events, oldest 1 min 15 s");
});
