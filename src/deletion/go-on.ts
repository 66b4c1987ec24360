/**
 * The ways out of a freeze. *Look again*, by one person: the deletion continues in the phase it froze in, and the guard says whether the
 * reason is gone. *Go on*, by two approvers, after the point of no return: what was found when it froze is from then on what was approved.
 */
import { assessVote, decide, type Question } from "../approvals/ballot.ts";
import type { GrantQuestion } from "../approvals/grant.ts";
import { fail, type Failure } from "../core/failure.ts";
import { inventoryDigest, type Inventory } from "../core/inventory.ts";
import { OperatorId } from "../core/ids.ts";
import { teamOnly, type Asker } from "../core/people.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { IsOutside } from "../core/scope.ts";
import type { QuestionRef } from "../core/votes.ts";
import { readEntries } from "../store/archive-entries.ts";
import type { Queryable, Transaction } from "../store/db.ts";
import { readDeletion, recordDeletionEvent, updateDeletion, type DeletionRow } from "../store/deletions.ts";
import { readClosers, readDecidedGoOns, readGoOn, recordGoOnDecision, type GoOnRow } from "../store/go-on.ts";
import { readApprovedInventory } from "../store/inventories.ts";
import { recordNeighbours } from "../store/neighbours.ts";
import { auditOf, ballotOf, lockDeletion, showAfter, unknownDeletion } from "./act.ts";
import { objectionsTo } from "./build-view.ts";
import type { Closing, DeletionContext } from "./context.ts";
import { assessRead, readAround } from "./neighbours.ts";
import { readRequest, requireUnprotected, wrongPhase } from "./question.ts";
import type { Refusal } from "./reasons.ts";
import { archiveContents } from "./steps/archive.ts";
import type { DeletionClick, DeletionView } from "./view.ts";

/** A click on the Go on button of one question. */
export type GoOnClick = DeletionClick & { readonly questionId: string };

/** What two people approved last, and which votes count for it. */
export type Approved = Pick<GrantQuestion, "request" | "approved"> & {
  readonly ref: QuestionRef;
  /** What two people have accepted of the project: that it is back, or closed again, by this closing; null: only what was approved. */
  readonly accepted: Pick<GoOnRow, "reason" | "closedAt" | "closedBy"> | null;
  /** Whether two people have accepted that the domain is gone. */
  readonly acceptsGone: boolean;
};

/** What was approved last: the deletion itself, or what was found when it froze; null before it was proposed. */
export async function readApproved(row: DeletionRow, q: Queryable): Promise<Approved | null> {
  const decided = row.phase === "removing" ? await readDecidedGoOns(q, row.id) : [];
  const request = await readRequest(row, q, decided.length === 0 ? [] : await readClosers(q, row.id));
  const approved = await readApprovedInventory(q, row.id);
  if (request === null || approved === null) return null;
  // A word on one closing or opening of the project is none on a later one.
  const accepted = decided.find((g) => g.reason === "came_back" || g.reason === "closed_again") ?? null;
  const acceptsGone = decided.some((g) => g.reason === "domain_gone");
  const [newest] = decided;
  if (newest === undefined) return { request, approved, ref: { kind: "deletion", id: row.id }, accepted, acceptsGone };
  const { id, digest, body, openedAt, expiresAt } = newest;
  return { request: { ...request, digest, openedAt, expiresAt }, approved: body, ref: { kind: "go_on", id }, accepted, acceptsGone };
}

/**
 * Reads what people are asked about when a deletion freezes in `removing`; null when it cannot be read now: then there is Look again only.
 * The caller stores it together with the freeze.
 */
export async function readQuestion(
  row: DeletionRow,
  why: Refusal,
  c: DeletionContext,
): Promise<Omit<GoOnRow, "openedAt" | "expiresAt"> | null> {
  const found = await readFound(row, c);
  if (!found.ok) return null;
  const closing = why.reason === "closed_again" ? await readClosing(row, c) : ok(null);
  if (!closing.ok) return null;
  const around = why.reason === "neighbours" ? await readAround(row.domain_id, c) : ok(null);
  if (!around.ok) return null;
  // The sentence names what these neighbours lost: no more than that is accepted.
  const ids = new Set((await readApproved(row, c.db))?.approved.items.map((i) => i.id));
  const assessed = around.value === null ? ok(null) : await assessRead(row, around.value.read, around.value.seen, ids, c);
  // What appeared since the approval must be in the archive before it may go.
  await archiveContents(row, found.value, c, async () => undefined);
  return {
    id: c.newId(),
    deletionId: row.id,
    reason: why.reason,
    sentence: assessed.ok ? why.message : assessed.error.message,
    digest: inventoryDigest(found.value),
    body: found.value,
    neighbours: around.value?.read ?? null,
    closedAt: closing.value?.closedAt ?? null,
    closedBy: closing.value?.closedBy ?? null,
  };
}

/**
 * By whom the project is closed now, known by every account that is theirs.
 *
 * Errors: the CI database does not say for certain. Invariant: INV-2.
 */
async function readClosing(row: DeletionRow, c: DeletionContext): Promise<Result<Closing, Failure>> {
  const found = await c.evidence.project({ id: row.project_id });
  if (!found.ok) return found;
  const state = found.value === null ? ok("absent") : await c.evidence.readProjectState(row.project_id, found.value);
  if (!state.ok) return state;
  if (found.value === null || state.value !== "closed")
    return fail("unavailable", "deletion.closing_unknown", "The CI database does not say for certain who closed the project, and when");
  const { closedBy } = found.value;
  if (closedBy !== null) await c.approvers.learnAccounts([OperatorId.parse(`ci:${closedBy}`)]);
  return ok(found.value);
}

/** The domain's contents; of a domain that is gone, nothing. */
async function readFound(row: DeletionRow, c: DeletionContext): Promise<Result<Inventory, Failure>> {
  const found = await c.reader.readInventory(row.domain_id, row.path, { obstacles: "all" });
  if (found.ok || found.error.code !== "cloudstack.domain_gone") return found;
  return ok({ domainId: row.domain_id, path: row.path, items: [], obstacles: [], asOf: c.now() });
}

/** One person has a frozen deletion looked at again: it continues where it froze, if the guard permits it now. */
export async function lookAgain(row: DeletionRow, by: Asker, q: Transaction, c: DeletionContext): Promise<Result<void, Failure>> {
  if (!by.isTeam) return err(teamOnly("have a deletion looked at again"));
  if (row.phase !== "frozen" || row.frozen_from === null) return err(wrongPhase(row, "Look again is for a frozen deletion."));
  const activity = `${by.operator.name} pressed Look again`;
  await updateDeletion(q, row.id, { phase: row.frozen_from, entered_at: c.now(), activity });
  await recordDeletionEvent(q, row.id, c.now(), "looked at again", { by: by.operator.id });
  return ok(undefined);
}

interface GoOnQuestion extends Question {
  readonly row: DeletionRow;
  readonly asked: GoOnRow;
}

/**
 * Records one person's Go on; the second distinct one lets the deletion continue, on exactly what was found when it froze.
 *
 * Errors: the ballot's refusals; the domain has changed since it froze; something speaks against it. Invariant: INV-2, INV-8, INV-9.
 */
export async function goOn(click: GoOnClick, c: DeletionContext): Promise<Result<DeletionView, Failure>> {
  // CloudStack is read only for a click that could count, and before the row is locked.
  const outside = await c.readOutside();
  const seen = await readDeletion(c.db, click.deletionId);
  const asked = seen === null ? err(unknownDeletion()) : await readGoOnQuestion(seen, click, outside, c, c.db);
  const may = asked.ok ? await assessVote(asked.value, click, ballotOf(c)) : asked;
  const found = may.ok && seen !== null ? await readFound(seen, c) : null;
  const done = await decide<GoOnQuestion, null>(
    {
      act: { kind: "deletion.go_on", subject: click.deletionId },
      click,
      ref: { kind: "go_on", id: click.questionId },
      async open(q) {
        const row = await lockDeletion(q, click.deletionId, click.version);
        return row.ok ? readGoOnQuestion(row.value, click, outside, c, q) : row;
      },
      examine: ({ row, asked }, _standing, q) => examineGoOn(row, asked, found, q),
      async follow({ row, asked }, { decided, have, at }, q) {
        await recordDeletionEvent(q, row.id, at, "go on", { voter: click.by.operator.id, have, question: asked.id, reason: asked.reason });
        if (decided) {
          await recordGoOnDecision(q, asked.id, at);
          if (asked.neighbours !== null) await recordNeighbours(q, row.id, asked.neighbours);
          const rest = { waiting_for: null, waiting_since: null, activity: "two people said Go on" };
          await updateDeletion(q, row.id, { phase: "removing", entered_at: at, ...rest });
        }
        await c.work.enqueue("deletion", row.id, { tx: q });
        return { value: null, data: { ...auditOf(row), question: asked.id, digest: asked.digest } };
      },
    },
    ballotOf(c),
  );
  return done.ok ? showAfter(click.deletionId, c) : done;
}

/** The question of this freeze. Errors: nothing is asked, or something else by now; the domain is protected. */
async function readGoOnQuestion(
  row: DeletionRow,
  click: GoOnClick,
  outside: Result<IsOutside, Failure>,
  c: DeletionContext,
  q: Queryable,
): Promise<Result<GoOnQuestion, Failure>> {
  const asked = row.phase === "frozen" && row.frozen_from === "removing" ? await readGoOn(q, row) : null;
  if (asked?.id !== click.questionId)
    return fail("stale", "go_on.stale", "This card is not the newest; nothing was done", { remedy: "Use the newest one, or Look again." });
  const open = await requireUnprotected(row, outside, c, q);
  if (!open.ok) return open;
  const request = await readRequest(row, q, await readClosers(q, row.id));
  if (request === null) return err(wrongPhase(row, "It was never proposed."));
  return ok({
    ...request,
    ref: { kind: "go_on", id: asked.id },
    digest: asked.digest,
    openedAt: asked.openedAt,
    expiresAt: asked.expiresAt,
    settlesScope: false,
    askedBy: "You asked for this deletion (you closed the project or started the pass)",
    row,
    asked,
  });
}

async function examineGoOn(
  row: DeletionRow,
  asked: GoOnRow,
  found: Result<Inventory, Failure> | null,
  q: Transaction,
): Promise<Result<void, Failure>> {
  if (found === null) return fail("unavailable", "deletion.not_looked", "What the domain holds was not read in time; nothing was done");
  if (!found.ok) return found;
  if (found.value.unproven === undefined && inventoryDigest(found.value) !== asked.digest)
    return fail("stale", "deletion.changed", "What the domain holds has changed since it froze", { remedy: "Press Look again." });
  const entries = await readEntries(q, { kind: "deletion", id: row.id });
  const [objection] = objectionsTo(found.value, entries, row.policy.archiveKinds);
  return objection === undefined ? ok(undefined) : fail("refused", "deletion.veto", `It cannot go on now: ${objection}`);
}
