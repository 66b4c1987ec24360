import { fail, type Failure } from "../core/failure.ts";
import type { Clock } from "../core/clock.ts";
import { groupBy } from "../core/group-by.ts";
import { err, ok, type Result } from "../core/result.ts";
import {
  beginRemoval,
  readBegunRemovals,
  readKeptCopies,
  recordReadWhole,
  recordRemoved,
  type KeptCopy,
} from "../store/archive-entries.ts";
import { recordAudit } from "../store/audit.ts";
import type { Database, Transaction } from "../store/db.ts";
import { readStop } from "../store/stop-switch.ts";
import { compareBytes, compareCopy } from "./copy.ts";
import type { ArchiveStore } from "./ports.ts";

/** How long copies are kept: the newest `versions` of each thing, and whatever is younger than `ageMs`. Units: milliseconds. */
export interface KeepRules {
  /** At least 1: the last copy of a thing is never pruned. */
  readonly versions: number;
  readonly ageMs: number;
}

/**
 * Chooses the copies that may be removed: not used for longer than the age, not among the newest of their thing, and not in use. Pure.
 *
 * Shape: whatever the rules say, the newest copy of every thing stays, since the thing may exist nowhere else.
 */
export function copiesToPrune(copies: readonly KeptCopy[], rules: KeepRules, now: number): readonly KeptCopy[] {
  return [...groupBy(copies, thingOf).values()].flatMap((same) =>
    newestFirst(same)
      .slice(versionsOf(rules))
      .filter((copy) => !copy.inUse && now - copy.usedAt > rules.ageMs),
  );
}

/** Whatever the rules say, one copy stays. */
function versionsOf(rules: KeepRules): number {
  return Math.max(1, rules.versions);
}

/** By when their bytes were saved: one that somebody used later is no newer for that. */
function newestFirst(copies: readonly KeptCopy[]): readonly KeptCopy[] {
  return copies.toSorted((a, b) => b.savedSeq - a.savedSeq);
}

function thingOf({ itemKind, itemId }: KeptCopy): string {
  return `${itemKind} ${itemId}`;
}

/** What pruning needs. */
export interface PruneContext {
  readonly db: Database;
  readonly store: ArchiveStore;
  readonly rules: KeepRules;
  readonly now: Clock;
}

/**
 * Removes the copies that may be removed, and finishes removals that were interrupted. Each is audited before and after.
 *
 * Before anything of a thing is removed, the copies that stay are read and compared: rows do not say what the archive still has.
 * Errors: `refused` while everything is stopped; why a copy could not be read or removed, after all others were tried: the next run continues.
 */
export async function pruneArchive(c: PruneContext): Promise<Result<{ readonly removed: number; readonly bytes: number }, Failure>> {
  const due = [...(await readBegunRemovals(c.db)), ...copiesToPrune(await readKeptCopies(c.db, c.now()), c.rules, c.now())];
  let [removed, bytes] = [0, 0];
  let problem: Failure | null = null;
  for (const [thing] of groupBy(due, thingOf)) {
    if ((await readStop(c.db)).stopped) return stopped();
    const spare = await readSpare(thing, c);
    if (!spare.ok) {
      problem = spare.error;
      continue;
    }
    for (const copy of spare.value) {
      if ((await readStop(c.db)).stopped) return stopped();
      await c.db.tx(async (q) => {
        // A copy that came into use since is kept.
        if (await beginRemoval(q, copy.id, c.now())) await recordPrune(q, copy, "archive.prune", c);
      });
    }
    for (const copy of (await readBegunRemovals(c.db)).filter((one) => thingOf(one) === thing)) {
      if ((await readStop(c.db)).stopped) return stopped();
      const gone = await c.store.remove(copy.key);
      if (!gone.ok) {
        problem = gone.error;
        continue;
      }
      await c.db.tx(async (q) => {
        await recordRemoved(q, copy.id, c.now());
        await recordPrune(q, copy, "archive.pruned", c);
      });
      removed += 1;
      bytes += copy.bytes;
    }
  }
  return problem === null ? ok({ removed, bytes }) : err(problem);
}

/**
 * The copies of a thing that may be removed, now that each of the newest ones, which stay, was read and is whole. One that is missing or
 * damaged is taken back, unless it is the last, and those before it stay instead.
 *
 * Errors: a copy cannot be read now, or none is whole: then nothing of the thing is removed. Invariant: INV-8.
 */
async function readSpare(thing: string, c: PruneContext): Promise<Result<readonly KeptCopy[], Failure>> {
  const whole = new Set<string>();
  for (;;) {
    const copies = (await readKeptCopies(c.db, c.now())).filter((copy) => thingOf(copy) === thing);
    if (copies.length === 0) return noCopy(thing);
    const unread = newestFirst(copies)
      .slice(0, versionsOf(c.rules))
      .find((copy) => !whole.has(copy.key));
    if (unread === undefined) return ok(copiesToPrune(copies, c.rules, c.now()));
    const known = { ...unread, store_key: unread.key, item_kind: unread.itemKind };
    // The last one is never taken back here: what is destroyed is checked again, and saved again, by whoever destroys it.
    const isLast = copies.length === 1;
    const read = isLast ? await compareBytes(known, c.store) : await compareCopy(known, c);
    if (!read.ok && read.error.code !== "archive.damaged") return read;
    if (!read.ok && isLast) return noCopy(thing);
    if (!read.ok) continue;
    whole.add(unread.key);
    await recordReadWhole(c.db, unread.key, c.now());
  }
}

function noCopy(thing: string): Result<never, Failure> {
  return fail("contract_broken", "archive.no_copy", `The archive has no whole copy of ${thing} any more: the one to be removed is kept`, {
    remedy: "Find out what happened to the archive, and save the thing again.",
  });
}

function stopped(): Result<never, Failure> {
  return fail("refused", "archive.stopped", "Nothing is pruned: everything is stopped");
}

function recordPrune(q: Transaction, { id, key: _, inUse: __, ...copy }: KeptCopy, kind: string, c: PruneContext) {
  return recordAudit(q, { at: c.now(), actor: "twokey", kind, subject: id, data: { ...copy, ...c.rules } });
}
