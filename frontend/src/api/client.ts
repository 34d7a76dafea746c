import createClient from "openapi-fetch";
import { env } from "../config";
import { late, problemOf, unreachable } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

// ms; the API gives up before: it asks Kafka for 4 s, and verifies for 30 s.
const GET_LIMIT = 15_000;
const POST_LIMIT = 35_000;

/** The API, typed by its OpenAPI document. */
export const api = createClient<paths>({
  baseUrl: env.apiUrl,
  fetch: (request) => {
    const limit = AbortSignal.timeout(request.method === "GET" ? GET_LIMIT : POST_LIMIT);
    return fetch(request, { signal: AbortSignal.any([request.signal, limit]) });
  },
});

interface Outcome<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** What a request brought; throws a Problem where that is no success. */
export async function answer<Data>(request: Promise<Outcome<Data>>): Promise<Data> {
  const { data, error, response } = await request.catch((cause: unknown) => {
    // A query that is not wanted any more is aborted, which is no fault.
    const name = cause instanceof DOMException ? cause.name : "";
    throw name === "AbortError" ? cause : name === "TimeoutError" ? late() : unreachable();
  });
  if (!response.ok || data === undefined) throw problemOf(response.status, error);
  return data;
}
