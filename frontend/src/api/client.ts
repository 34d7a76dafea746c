import createClient from "openapi-fetch";
import { env } from "../config";
import { problemOf, unreachable } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The API, typed by its OpenAPI document. */
export const api = createClient<paths>({ baseUrl: env.apiUrl });

interface Outcome<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

/** What a request brought; throws a Problem where that is no success. */
export async function answer<Data>(request: Promise<Outcome<Data>>): Promise<Data> {
  const { data, error, response } = await request.catch((cause: unknown) => {
    // A query that is not wanted any more is aborted, which is no fault.
    throw cause instanceof DOMException && cause.name === "AbortError" ? cause : unreachable();
  });
  if (!response.ok || data === undefined) throw problemOf(response.status, error);
  return data;
}
