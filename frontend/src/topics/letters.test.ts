import { expect, test } from "vitest";
import { destinations, NO_FILTER, ofCause, readLetters, writeLetters } from "./letters";

test("an address holds which letters are shown", () => {
  const filter = { ...NO_FILTER, service: "payment", text: "a&b" };
  const params = new URLSearchParams(writeLetters(filter, "redriven"));
  expect(readLetters(params)).toEqual({ filter, state: "redriven" });
  expect(writeLetters(NO_FILTER, "waiting")).toEqual({});
  expect(readLetters(new URLSearchParams("state=lost")).state).toBe("waiting");
});

test("a cause leaves its letters, however long it is", () => {
  const cause = "x".repeat(1000);
  expect(ofCause({ error: "KeyError", cause })).toEqual({
    error: "KeyError",
    text: cause.slice(0, 249),
  });
  expect(ofCause({ error: null, cause: null })).toEqual({ error: "", text: "" });
});

test("letters go back to the service that gave them up, on the topic that it read", () => {
  expect(
    destinations([
      { service: "payment", topic: "orders" },
      { service: "shipping", topic: "orders" },
      { service: "shipping", topic: "orders" },
      { service: null, topic: null },
    ]),
  ).toEqual([
    { service: "shipping", topic: "orders", count: 2 },
    { service: "payment", topic: "orders", count: 1 },
  ]);
});
