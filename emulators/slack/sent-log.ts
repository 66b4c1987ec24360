import type { Json, JsonObject, SentCall } from "./control-api.ts";
import { parseJson } from "./json.ts";

const KEPT = 5_000;
const JSON_ARGUMENTS = ["blocks", "view", "metadata", "attachments", "files"];

/** What the app called, in order; the oldest are forgotten. */
export class SentLog {
  readonly #now: () => number;
  readonly #calls: SentCall[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Notes one call. Tokens are left out; JSON inside the form is shown as JSON. */
  add(method: string, args: JsonObject, answer: JsonObject): void {
    const shown = Object.entries(args)
      .filter(([name]) => name !== "token")
      .map(([name, value]): [string, Json] => [
        name,
        typeof value === "string" && JSON_ARGUMENTS.includes(name) ? (parseJson(value) ?? value) : value,
      ]);
    this.#calls.push({ at: new Date(this.#now()).toISOString(), method, args: Object.fromEntries(shown), answer });
    if (this.#calls.length > KEPT) this.#calls.shift();
  }

  list(): readonly SentCall[] {
    return [...this.#calls];
  }
}
