import { recordAct } from "../approvals/act.ts";
import { staleCard, type BallotContext } from "../approvals/ballot.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { Asker } from "../core/people.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Transaction } from "../store/db.ts";
import {
  readDeletion,
  readIfReadable,
  readUnreadable,
  recordDeletionEvent,
  updateDeletion,
  type DeletionRow,
  type UnreadableDeletion,
} from "../store/deletions.ts";
import type { DeletionContext } from "./context.ts";
import { buildCard, showBuilt } from "./build-view.ts";
import type { DeletionClick, DeletionView } from "./view.ts";

/** What the ballot needs, out of what deletions need. */
export function ballotOf(c: DeletionContext): BallotContext {
  return { ...c, scopeIsConfirmed: async () => (await c.policyNow(c.db)).scopeIsConfirmed };
}

/**
 * Locks a deletion's row until the transaction ends. Errors: there is none, it cannot be read, or the click has a version that does not
 * exist yet.
 */
export async function lockDeletion(q: Transaction, id: string, version = 0): Promise<Result<DeletionRow, Failure>> {
  const row = await readIfReadable(q, id, true);
  if (row === null) {
    const bad = (await readUnreadable(q)).find((d) => d.id === id);
    return err(bad === undefined ? unknownDeletion() : unreadableDeletion(bad));
  }
  return version > row.version ? err(staleCard("deletion")) : ok(row);
}

/** What the audit log keeps of an act, besides who and when. */
export function auditOf(row: DeletionRow) {
  return { phase: row.phase, version: row.version, digest: row.digest };
}

/** One person's act on one deletion: its row locked, every refusal recorded, the work enqueued. It has ended once that is stored. */
export async function actOnDeletion(
  what: string,
  click: Pick<DeletionClick, "deletionId" | "by"> & { readonly version?: number },
  c: DeletionContext,
  run: (row: DeletionRow, q: Transaction) => Promise<Result<void, Failure>>,
): Promise<Result<null, Failure>> {
  const id = click.deletionId;
  return recordAct<null>({ kind: `deletion.${what}`, subject: id, by: click.by.operator.id }, c, async (q) => {
    const row = await lockDeletion(q, id, click.version);
    if (!row.ok) return row;
    const acted = await run(row.value, q);
    if (!acted.ok) return acted;
    await c.work.enqueue("deletion", id, { tx: q });
    return ok({ value: null, data: auditOf(row.value) });
  });
}

/** How a deletion is after an act. Nobody waits until Slack shows that: what fails is shown by its next run, which begins with it. */
export async function showAfter(id: string, c: DeletionContext): Promise<Result<DeletionView, Failure>> {
  const row = await readDeletion(c.db, id);
  if (row === null) return err(unknownDeletion());
  const view = await buildCard(row, c);
  void showBuilt(view, c).catch(() => undefined);
  return ok(view);
}

/** Closes a deletion, by a person, with nothing lost. */
export async function endDeletion(
  row: DeletionRow,
  q: Transaction,
  because: NonNullable<DeletionRow["closed_because"]>,
  by: Asker,
  reason: string,
  c: Pick<DeletionContext, "now">,
): Promise<Result<void, Failure>> {
  const at = c.now();
  const closed = { closed_because: because, closed_by: by.operator.name, closed_reason: reason, activity: reason };
  await updateDeletion(q, row.id, { phase: "closed", entered_at: at, until_at: null, ...closed });
  await recordDeletionEvent(q, row.id, at, "entered closed", { because, by: by.operator.id, reason });
  return ok(undefined);
}

/** The refusal for a deletion that does not exist. */
export function unknownDeletion(): Failure {
  return failure("refused", "deletion.unknown", "There is no such deletion", { remedy: "/ci-deletions lists the live ones." });
}

/** The refusal for a deletion whose row cannot be read. */
export function unreadableDeletion({ path, why }: Pick<UnreadableDeletion, "path" | "why">): Failure {
  const remedy = "Start the version of Twokey that wrote it, or restore the row from a backup of Twokey's own database.";
  return failure("contract_broken", "deletion.unreadable", `The deletion of ${path}: ${why}`, { remedy });
}
