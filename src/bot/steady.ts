/** What is remembered of Slack's answers: so that it is asked seldom, and so that one bad answer takes away nobody's right. */
import { counted } from "../core/plural.ts";
import { after, type Clock } from "../core/clock.ts";
import { fail, type Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import { ok, type Result } from "../core/result.ts";

/** Short enough that a removed approver is noticed before the next step, long enough for Slack's rate limits. Units: milliseconds. */
export const CACHE_MS = 15_000;
/** How long an answer that is much shorter than the one before is not believed, and the last good one stands in. Units: milliseconds. */
export const LAST_GOOD_MS = 600_000;

type Read<T> = (key: string) => Promise<Result<T, Failure>>;

/** Keeps good answers for a short while, by a clock that may jump; failures are never kept. */
export function cached<T>(now: Clock, forMs: number, read: Read<T>): Read<T> {
  const kept = new Map<string, { readonly at: number; readonly value: Promise<Result<T, Failure>> }>();
  return async (key) => {
    const old = kept.get(key);
    if (old !== undefined && Math.abs(now() - old.at) < forMs) return old.value;
    const value = read(key);
    kept.set(key, { at: now(), value });
    const got = await value;
    if (!got.ok) kept.delete(key);
    return got;
  };
}

/** Remembers the newest good answer, however old; `before` there was one. */
export function newestOf<T>(before: T, read: Read<T>): Read<T> & { newest(): T } {
  let newest = before;
  const reading: Read<T> = async (key) => {
    const got = await read(key);
    if (got.ok) newest = got.value;
    return got;
  };
  return Object.assign(reading, { newest: () => newest });
}

/** How many of the last good list are still there. */
function stillIn(list: readonly string[], good: readonly string[]): number {
  return good.filter((one) => list.includes(one)).length;
}

/** Whether a list lost so much at once that it is taken for a fault of the answer: more than half, or all but one. */
function isShort(list: readonly string[], good: readonly string[]): boolean {
  const still = stillIn(list, good);
  return good.length > 1 && (still < 2 || still * 2 < good.length);
}

interface Memory {
  readonly good: readonly string[];
  readonly at: Instant;
  /** Since when the answers are short; null while they are not. */
  shortSince: Instant | null;
}

/** Remembers the last good list under each key. */
export interface LastGood {
  /**
   * The list, or a passing refusal while it is much shorter than the last good one. Short for long enough, it is the truth.
   *
   * Errors: `unavailable` `slack.short_answer`. Invariant: INV-2: nobody decides by a list that may be wrong.
   */
  assess(key: string, list: readonly string[]): Result<void, Failure>;
  /** The list, or the last good one while it could not be read or is much shorter. Errors: `read`'s, once the last good one is too old. */
  keep(key: string, read: Result<readonly string[], Failure>): Result<readonly string[], Failure>;
  /** The last good list, however old; empty before there was one. */
  last(key: string): readonly string[];
}

/** Makes that memory; a new process begins without one. */
export function lastGood(now: Clock): LastGood {
  const memories = new Map<string, Memory>();
  /** Until when a short list is not believed; null: it is not short, and is the last good one from now on. */
  const doubtedUntil = (key: string, list: readonly string[]): Instant | null => {
    const memory = memories.get(key);
    if (memory !== undefined && isShort(list, memory.good)) {
      // A clock that jumped back does not begin the wait in the future.
      memory.shortSince = Math.min(memory.shortSince ?? now(), now()) as Instant;
      const until = after(memory.shortSince, LAST_GOOD_MS);
      if (now() < until) return until;
    }
    memories.set(key, { good: list, at: now(), shortSince: null });
    return null;
  };
  return {
    assess(key, list) {
      const good = memories.get(key)?.good ?? [];
      const until = doubtedUntil(key, list);
      if (until === null) return ok(undefined);
      const minutes = Math.ceil((until - now()) / 60_000);
      const sentence = `Slack and the CI database now name only ${stillIn(list, good)} of the ${good.length} approvers of a moment ago, so nobody's approval counts for now`;
      return fail("unavailable", "slack.short_answer", sentence, {
        remedy: `Nothing is lost. If it stays like this, it counts in ${counted(minutes, "minute")}; if it is wrong, check the user group and the CI database.`,
      });
    },
    keep(key, read) {
      const memory = memories.get(key);
      if (read.ok && doubtedUntil(key, read.value) === null) return read;
      const mayStand = read.ok || (read.error.kind !== "refused" && Math.abs(now() - (memory?.at ?? 0)) < LAST_GOOD_MS);
      return memory !== undefined && mayStand ? ok(memory.good) : read;
    },
    last: (key) => memories.get(key)?.good ?? [],
  };
}
