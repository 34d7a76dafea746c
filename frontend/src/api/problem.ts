import type { components } from "./schema";

type Details = components["schemas"]["Problem"];

/** A request that did not succeed, in the words of the API where it gave any. */
export class Problem extends Error {
  override name = "Problem";

  constructor(
    /** In a few words. */
    readonly title: string,
    /** What is wrong and what to do. */
    readonly detail: string,
    /** The HTTP status; 0 where no answer came, 504 where it did not come in time. */
    readonly status: number,
    /** What is wrong with each field, by its path in the request: `items[0].quantity`. */
    readonly fields: ReadonlyMap<string, string> = new Map(),
  ) {
    super(`${title}: ${detail}`);
  }

  /** Whether the same request may succeed later: no answer, or one that says so. */
  get passing(): boolean {
    return this.status === 0 || this.status === 503 || this.status === 504;
  }
}

/** What an answer that is no success says. */
export function problemOf(status: number, body: unknown): Problem {
  if (isDetails(body)) {
    const fields = new Map(body.errors?.map(({ field, message }) => [field, message]));
    return new Problem(body.title, body.detail, status, fields);
  }
  return status >= 500
    ? new Problem(
        "The API does not answer",
        `Something before it answered ${status}. Is the gateway running?`,
        status >= 502 ? 503 : status,
      )
    : new Problem("Unexpected answer", `The API answered ${status} without saying why.`, status);
}

/** What a request that got no answer says. */
export function unreachable(): Problem {
  return new Problem(
    "The API cannot be reached",
    "Check that you are online and that the gateway runs; then try again.",
    0,
  );
}

/** What a request says whose answer does not come in time. */
export function slow(): Problem {
  return new Problem(
    "The API does not answer in time",
    "The gateway, or a database or broker that it needs, may hang: look at their logs; then try again.",
    504,
  );
}

/** Any error as a Problem, so that it can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(
    "Something went wrong",
    error instanceof Error ? error.message : `${error}`,
    0,
  );
}

function isDetails(body: unknown): body is Details {
  return typeof body === "object" && body !== null && "title" in body && "detail" in body;
}
