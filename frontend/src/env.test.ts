import { expect, test } from "vitest";
import { readEnv } from "./env";

test("without settings everything is where the page came from", () => {
  expect(readEnv({}, "https://shop.example")).toEqual({
    apiUrl: "",
    liveUrl: "wss://shop.example/ws",
  });
});

test("a setting that is no address is named", () => {
  expect(() => readEnv({ VITE_LIVE_URL: "http://x" }, "http://localhost")).toThrow("VITE_LIVE_URL");
  expect(() => readEnv({ VITE_API_URL: "nowhere" }, "http://localhost")).toThrow("VITE_API_URL");
});
