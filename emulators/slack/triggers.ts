import { randomBytes } from "node:crypto";
import { refuse } from "./refusal.ts";

/** How much longer than it is good a trigger_id is remembered. */
const REMEMBERED = 60;

/** The trigger ids that were given out: each opens one view, within three seconds at Slack. Source: facts, trigger_id. */
export class Triggers {
  readonly #now: () => number;
  readonly #goodMs: number;
  readonly #given = new Map<string, { readonly user: string; readonly at: number; used: boolean }>();

  /** `goodMs`: how long a trigger_id is good. */
  constructor(now: () => number, goodMs: number) {
    this.#now = now;
    this.#goodMs = goodMs;
  }

  /** A trigger for what this person just did. */
  give(user: string): string {
    const at = this.#now();
    for (const [id, trigger] of this.#given) if (at - trigger.at > REMEMBERED * this.#goodMs) this.#given.delete(id);
    const id = `${Math.floor(at)}.${this.#given.size + 1}.${randomBytes(16).toString("hex")}`;
    this.#given.set(id, { user, at, used: false });
    return id;
  }

  /** Whose trigger this is. Errors: refuses `invalid_trigger_id`, `exchanged_trigger_id`, `expired_trigger_id`. */
  ownerOf(id: string): string {
    const trigger = this.#given.get(id) ?? refuse("invalid_trigger_id");
    if (trigger.used) refuse("exchanged_trigger_id");
    if (this.#now() - trigger.at > this.#goodMs) refuse("expired_trigger_id");
    return trigger.user;
  }

  /** Uses a trigger up. Errors: as `ownerOf`. */
  exchange(id: string): void {
    this.ownerOf(id);
    const trigger = this.#given.get(id);
    if (trigger !== undefined) trigger.used = true;
  }
}
