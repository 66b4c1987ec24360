import { assessVote, decide, type Question, type Standing } from "../approvals/ballot.ts";
import { after } from "../core/clock.ts";
import { isComplete } from "../core/complete-inventory.ts";
import { fail, failure, type Failure } from "../core/failure.ts";
import { inventoryDigest, type Inventory } from "../core/inventory.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { IsOutside } from "../core/scope.ts";
import { APPROVALS_MIN } from "../core/votes.ts";
import { readEntries, withWaiversOf, type ArchiveEntryRow } from "../store/archive-entries.ts";
import type { Transaction } from "../store/db.ts";
import { readDeletion, recordDeletionEvent, updateDeletion, type DeletionRow } from "../store/deletions.ts";
import { auditOf, ballotOf, lockDeletion, showAfter, unknownDeletion } from "./act.ts";
import { vetoesOf } from "./build-view.ts";
import type { DeletionContext } from "./context.ts";
import { closedAgain, deletionQuestion, readProject } from "./question.ts";
import type { DeletionClick, DeletionView } from "./view.ts";

/** A click on Approve; the deciding one carries the name that was typed. */
export type ApproveClick = DeletionClick & { readonly typedName: string | null };
/** A click on the Waive button of one thing. */
export type WaiveClick = DeletionClick & { readonly entryId: string };

interface DeletionQuestion extends Question {
  readonly row: DeletionRow;
}

/** Whether this approval would be the deciding one, so that the name must be typed. Errors: refusals, as for `approveDeletion`. */
export async function assessApproval(
  click: DeletionClick,
  outside: Result<IsOutside, Failure>,
  c: DeletionContext,
): Promise<Result<{ readonly mustTypeName: boolean; readonly row: DeletionRow }, Failure>> {
  const row = await readDeletion(c.db, click.deletionId);
  if (row === null) return err(unknownDeletion());
  const question = await deletionQuestion(row, outside, c);
  if (!question.ok) return question;
  const standing = await assessVote(question.value, click, ballotOf(c));
  return standing.ok ? ok({ mustTypeName: standing.value.have + 1 >= standing.value.need, row }) : standing;
}

/**
 * Records one person's approval; the deciding one begins the cool-off.
 *
 * Errors: the ballot's refusals; what the domain holds has changed, or speaks against it; the name was not typed. Invariant: INV-2, INV-8.
 */
export async function approveDeletion(click: ApproveClick, c: DeletionContext): Promise<Result<DeletionView, Failure>> {
  // CloudStack is read only for a click that could count: an inventory takes some thirty calls, and anybody can click.
  const outside = await c.readOutside();
  const may = await assessApproval(click, outside, c);
  const project = may.ok ? await readProject(may.value.row, c) : null;
  const fresh = may.ok ? await c.reader.readInventory(may.value.row.domain_id, may.value.row.path, { obstacles: "all" }) : null;
  const done = await decide<DeletionQuestion, null>(
    {
      act: { kind: "deletion.approve", subject: click.deletionId },
      click,
      ref: { kind: "deletion", id: click.deletionId },
      async open(q) {
        const row = await lockDeletion(q, click.deletionId);
        if (!row.ok) return row;
        const question = await deletionQuestion(row.value, outside, c, q);
        return question.ok ? ok({ ...question.value, row: row.value }) : question;
      },
      examine: async ({ row }, standing, q) =>
        project?.ok === true && project.value === "closed_again"
          ? fail("stale", "deletion.changed", closedAgain(row))
          : examineApproval(row, fresh, click, standing, q),
      async follow({ row }, { decided, have, clocks, at }, q) {
        await recordDeletionEvent(q, row.id, at, "approved", { voter: click.by.operator.id, have });
        if (decided) {
          const until = after(clocks.latest, Math.max(row.policy.coolOffMs, (await c.policyNow(q)).coolOffMs));
          await updateDeletion(q, row.id, { phase: "cooling_off", entered_at: at, until_at: until });
          await recordDeletionEvent(q, row.id, at, "entered cooling_off", null);
        }
        await c.work.enqueue("deletion", row.id, { tx: q });
        return { value: null, data: auditOf(row) };
      },
    },
    ballotOf(c),
  );
  return done.ok ? showAfter(click.deletionId, c) : done;
}

async function examineApproval(
  row: DeletionRow,
  fresh: Result<Inventory, Failure> | null,
  { typedName }: ApproveClick,
  { have, need, approvers }: Standing,
  q: Transaction,
): Promise<Result<void, Failure>> {
  if (fresh === null) {
    const sentence = "What the domain holds was not read in time; nothing was done";
    return fail("unavailable", "deletion.not_looked", sentence, { remedy: "Click again." });
  }
  if (!fresh.ok) return fresh;
  // A list that could not be asked makes things seem gone: that is a reason of its own, which may pass.
  if (isComplete(fresh.value) && inventoryDigest(fresh.value) !== row.digest)
    return fail("stale", "deletion.changed", "What the domain holds has changed since the card was made; people will be asked again");
  const entries = (await readEntries(q, { kind: "deletion", id: row.id })).map((e) => withWaiversOf(e, approvers));
  const unproven = isComplete(fresh.value) ? [] : ["it is not proved that all is seen"];
  const vetoes = [...vetoesOf(fresh.value, entries, row.policy.archiveKinds), ...unproven];
  if (vetoes.length > 0) return fail("refused", "deletion.veto", `It cannot be approved now: ${vetoes[0]}`);
  return have + 1 < need || typedName?.trim() === row.name
    ? ok(undefined)
    : fail("invalid", "deletion.name", `Type the domain's name exactly: ${row.name}`);
}

interface WaiverQuestion extends DeletionQuestion {
  readonly entry: ArchiveEntryRow;
}

/**
 * Records one person's vote that one thing may be lost; the second distinct one makes it waived.
 *
 * Errors: the ballot's refusals; there is nothing to waive, or it is being saved. Invariant: INV-8.
 */
export async function waiveItem(click: WaiveClick, c: DeletionContext): Promise<Result<DeletionView, Failure>> {
  const outside = await c.readOutside();
  const done = await decide<WaiverQuestion, null>(
    {
      act: { kind: "deletion.waive", subject: click.deletionId },
      click,
      ref: { kind: "waiver", id: click.entryId },
      async open(q) {
        const row = await lockDeletion(q, click.deletionId, click.version);
        if (!row.ok) return row;
        const question = await deletionQuestion(row.value, outside, c, q);
        if (!question.ok) return question;
        const entry = (await readEntries(q, { kind: "deletion", id: row.value.id })).find((e) => e.id === click.entryId);
        if (entry === undefined) return fail("refused", "waiver.unknown", "This deletion has no such thing to waive; nothing was done");
        const objection = waiverObjection(entry);
        if (objection !== null) return err(objection);
        const waiver = { ref: { kind: "waiver", id: entry.id } as const, quorum: APPROVALS_MIN };
        return ok({ ...question.value, ...waiver, itemName: entry.name, entry, row: row.value });
      },
      async examine({ entry }, { have, need }) {
        return have >= need ? fail("refused", "waiver.done", `${entry.name} is already waived`) : ok(undefined);
      },
      async follow({ row, entry }, { have, at }, q) {
        const problem = entry.problem ?? "not saved";
        const data = { entry: entry.id, kind: entry.item_kind, item: entry.item_id, name: entry.name, problem, have };
        await recordDeletionEvent(q, row.id, at, "waived", { voter: click.by.operator.id, ...data });
        await c.work.enqueue("deletion", row.id, { tx: q });
        const waived = { at, actor: click.by.operator.id, kind: "archive.waived", subject: row.id, data };
        return { value: null, data: auditOf(row), results: [waived] };
      },
    },
    ballotOf(c),
  );
  return done.ok ? showAfter(click.deletionId, c) : done;
}

function waiverObjection(entry: ArchiveEntryRow): Failure | null {
  const objection = (rule: string, sentence: string): Failure => failure("refused", `waiver.${rule}`, sentence);
  if (entry.state === "verified") return objection("saved", `${entry.name} is saved now: there is nothing to waive`);
  if (entry.state !== "failed") return objection("saving", `${entry.name} is being saved: wait until that has ended`);
  return null;
}
