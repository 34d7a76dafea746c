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
