/** Where the API and the live feed are. Both are where the page came from, unless the build says. */
export interface Env {
  /** Put before the path of every request; empty where the page and the API share an origin. */
  apiUrl: string;
  /** The live feed, ws:// or wss://. */
  liveUrl: string;
}

/** Reads VITE_API_URL and VITE_LIVE_URL; throws an Error that names the one at fault. */
export function readEnv(given: Record<string, unknown>, origin: string): Env {
  const apiUrl = address("VITE_API_URL", given.VITE_API_URL, ["http:", "https:"]);
  const liveUrl = address("VITE_LIVE_URL", given.VITE_LIVE_URL, ["ws:", "wss:"]);
  return {
    apiUrl: apiUrl.replace(/\/$/, ""),
    liveUrl: liveUrl || `${origin.replace(/^http/, "ws")}/ws`,
  };
}

function address(name: string, value: unknown, schemes: string[]): string {
  if (value === undefined || value === "") return "";
  if (typeof value === "string" && URL.canParse(value)) {
    if (schemes.includes(new URL(value).protocol)) return value;
  }
  throw new Error(
    `${name}=${JSON.stringify(value)} is no address that begins with ${schemes.join("// or ")}//. ` +
      "Mend it and build the dashboard again, or leave it out.",
  );
}
