import createClient from "openapi-fetch";
import { env } from "../config";
import { problemOf, slow, unreachable } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

const READ_LIMIT = 15_000; // ms
const ACT_LIMIT = 35_000; // ms; the API itself gives up a verify after 30 s

/** The API, typed by its OpenAPI document. */
export const api = createClient<paths>({ baseUrl: env.apiUrl, fetch: limited });

/** Fetches within a limit, so that a service that hangs is noticed. */
function limited(request: Request): Promise<Response> {
  const limit = AbortSignal.timeout(request.method === "GET" ? READ_LIMIT : ACT_LIMIT);
  return fetch(request, { signal: AbortSignal.any([request.signal, limit]) });
}

interface Outcome<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** What a request brought; throws a Problem where that is no success. */
export async function answer<Data>(request: Promise<Outcome<Data>>): Promise<Data> {
  const { data, error, response } = await request.catch((cause: unknown) => {
    const name = cause instanceof DOMException ? cause.name : "";
    if (name === "TimeoutError") throw slow();
    // A query that is not wanted any more is aborted, which is no fault.
    throw name === "AbortError" ? cause : unreachable();
  });
  if (!response.ok || data === undefined) throw problemOf(response.status, error);
  return data;
}
