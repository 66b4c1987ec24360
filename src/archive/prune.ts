import { fail, type Failure } from "../core/failure.ts";
import type { Clock } from "../core/clock.ts";
import { groupBy } from "../core/group-by.ts";
import { err, ok, type Result } from "../core/result.ts";
import { beginRemoval, readBegunRemovals, readKeptCopies, recordRemoved, type KeptCopy } from "../store/archive-entries.ts";
import { recordAudit } from "../store/audit.ts";
import type { Database, Transaction } from "../store/db.ts";
import { readStop } from "../store/stop-switch.ts";
import type { ArchiveStore } from "./ports.ts";

/** How long copies are kept: the newest `versions` of each thing, and whatever is younger than `ageMs`. Units: milliseconds. */
export interface KeepRules {
  /** At least 1: the last copy of a thing is never pruned. */
  readonly versions: number;
  readonly ageMs: number;
}

/**
 * Chooses the copies that may be removed: older than the age, not among the newest of their thing, and not in use. Pure.
 *
 * Shape: whatever the rules say, the newest copy of every thing stays, since the thing may exist nowhere else.
 */
export function copiesToPrune(copies: readonly KeptCopy[], rules: KeepRules, now: number): readonly KeptCopy[] {
  const byThing = groupBy(copies, (copy) => `${copy.itemKind} ${copy.itemId}`);
  const keep = Math.max(1, rules.versions);
  return [...byThing.values()].flatMap((same) =>
    same
      .toSorted((a, b) => b.savedAt - a.savedAt || (a.id < b.id ? 1 : -1))
      .slice(keep)
      .filter((copy) => !copy.inUse && now - copy.savedAt > rules.ageMs),
  );
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
 * Errors: `refused` while everything is stopped; the store's own failure, after all others were tried: the next run continues.
 */
export async function pruneArchive(c: PruneContext): Promise<Result<{ readonly removed: number; readonly bytes: number }, Failure>> {
  for (const copy of copiesToPrune(await readKeptCopies(c.db, c.now()), c.rules, c.now())) {
    if ((await readStop(c.db)).stopped) return stopped();
    await c.db.tx(async (q) => {
      // A copy that came into use since is kept.
      if (await beginRemoval(q, copy.id, c.now())) await recordPrune(q, copy, "archive.prune", c);
    });
  }

  let [removed, bytes] = [0, 0];
  let problem: Failure | null = null;
  for (const copy of await readBegunRemovals(c.db)) {
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
  return problem === null ? ok({ removed, bytes }) : err(problem);
}

function stopped(): Result<never, Failure> {
  return fail("refused", "archive.stopped", "Nothing is pruned: everything is stopped");
}

function recordPrune(q: Transaction, { id, key: _, inUse: __, ...copy }: KeptCopy, kind: string, c: PruneContext) {
  return recordAudit(q, { at: c.now(), actor: "twokey", kind, subject: id, data: { ...copy, ...c.rules } });
}
