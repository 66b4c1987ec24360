import type { Inventory } from "../core/inventory.ts";
import { err, type Result } from "../core/result.ts";
import { recordDeletionEvent, updateDeletion, type DeletionRow } from "../store/deletions.ts";
import { recordLatestInventory } from "../store/inventories.ts";
import { recordNeighbours } from "../store/neighbours.ts";
import { buildView } from "./build-view.ts";
import type { DeletionContext } from "./context.ts";
import { describeDifference } from "./difference.ts";
import { describeUnfinished, grantPassage, inspectBeforeStep, type Passage, type Seen } from "./guard.ts";
import { guardRefusal, type Reason, type Refusal } from "./reasons.ts";

/**
 * Asks the guard before a step. What it read is stored and shown, whatever it says; the grant is made after that, however slow Slack is.
 *
 * Errors: those of `inspectBeforeStep` and `grantPassage`.
 */
export async function takePassage(row: DeletionRow, c: DeletionContext): Promise<Result<Passage, Refusal>> {
  const { seen, found } = await inspectBeforeStep(row, c);
  // With a list missing, things would seem to have gone, and to appear at the next look.
  const isUnproven = !found.ok && found.error.reason === "unproven";
  if (seen !== null && !isUnproven) await recordSeen(row, seen, c);
  const passage = found.ok ? await grantPassage(row, found.value, c) : found;
  return passage.ok || seen === null ? passage : err(await orUnfinished(row, passage.error, seen.fresh, c));
}

/** What a job may have caused that began before the quarantine and has not ended: what it leaves is seen once it has. */
const LEFT_BY_JOBS: ReadonlySet<Reason> = new Set(["changed", "alive", "unproven"]);

/** A refusal, or that such a job runs: while there are other accounts to disable, jobs are asked for only then. */
async function orUnfinished(row: DeletionRow, refusal: Refusal, fresh: Inventory, c: DeletionContext): Promise<Refusal> {
  if (row.phase !== "quarantining" || !LEFT_BY_JOBS.has(refusal.reason)) return refusal;
  const jobs = await c.reader.readRunningJobs(row.domain_id);
  const unfinished = jobs.ok ? describeUnfinished(jobs.value, fresh) : null;
  return unfinished === null ? refusal : guardRefusal("job_running", unfinished);
}

/**
 * Stores what an inspection read; records and shows how it differs from the inventory before: by the last step, and by others.
 *
 * One transaction, so that a crash loses neither; the card and the thread follow.
 */
async function recordSeen(row: DeletionRow, { fresh, difference, neighbours }: Seen, c: DeletionContext): Promise<void> {
  const at = c.now();
  const sentence = difference === null ? null : describeDifference(difference);
  await c.db.tx(async (q) => {
    await recordLatestInventory(q, row.id, fresh, at);
    if (neighbours !== null) await recordNeighbours(q, row.id, neighbours);
    if (sentence === null) return;
    await recordDeletionEvent(q, row.id, at, "inventory changed", difference);
    await updateDeletion(q, row.id, { activity: sentence });
  });
  if (sentence === null) return;
  // The thread tells the story of its phases; every difference is in the log, which is put there as a file at the end.
  await c.announcer.showCard(await buildView({ ...row, activity: sentence }, c));
}
