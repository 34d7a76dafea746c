import { useState } from "react";

/** Does one thing at a time: what is asked for while that goes on is not done. */
export class Once {
  #going = false;

  run(act: () => Promise<unknown>): void {
    if (this.#going) return;
    this.#going = true;
    const end = () => {
      this.#going = false;
    };
    // What went wrong is told by what was called.
    act().then(end, end);
  }
}

/** A guard for a button: the second of two clicks may come before what the first did is rendered. */
export function useOnce(): Once {
  return useState(() => new Once())[0];
}

/**
 * One idempotency key a submission: the same body gets the same key until it is `done`, so neither
 * a double click nor a retry after an error makes a second one.
 */
export class Submission {
  #body = "";
  #key = "";

  keyFor(body: unknown): string {
    const text = JSON.stringify(body);
    if (text !== this.#body || !this.#key) {
      this.#body = text;
      this.#key = randomKey();
    }
    return this.#key;
  }

  done(): void {
    this.#key = "";
  }
}

function randomKey(): string {
  // randomUUID is there on https and localhost only.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
