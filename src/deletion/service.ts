import { recordRefusal, parseReason } from "../approvals/act.ts";
import { recordRejection, recordWithdrawal } from "../approvals/ballot.ts";
import { fail, failure, type Failure } from "../core/failure.ts";
import type { CiUserId, DeletionId, OperatorId, ProjectId } from "../core/ids.ts";
import { mayHalt, teamOnly, type Asker } from "../core/people.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Transaction } from "../store/db.ts";
import {
  readDeletion,
  readLiveDeletions,
  readUnreadable,
  recordDeletionEvent,
  updateDeletion,
  type DeletionRow,
  type UnreadableDeletion,
} from "../store/deletions.ts";
import { actOnDeletion, endDeletion, showAfter, unknownDeletion } from "./act.ts";
import { buildView } from "./build-view.ts";
import type { DeletionContext } from "./context.ts";
import { approveDeletion, assessApproval, waiveItem, type ApproveClick, type WaiveClick } from "./decide.ts";
import { goOn, lookAgain, type GoOnClick } from "./go-on.ts";
import { readRequest, wrongPhase } from "./question.ts";
import type { DeletionClick, DeletionView } from "./view.ts";

type RejectClick = DeletionClick & { readonly reason: string };

/** That an approval counts; the deciding one takes the domain's name, and says how long each wait is before anything is destroyed. */
export interface MayApprove {
  readonly mustTypeName: boolean;
  readonly name: string;
  /** Units: milliseconds. */
  readonly waits: { readonly coolOffMs: number; readonly graceMs: number };
}

/** The deletion service, as commands use it. Every refusal is a `Failure` with a sentence for the person, and is recorded. */
export interface DeletionService {
  view(id: DeletionId): Promise<Result<DeletionView, Failure>>;
  /** Those under way; of each that cannot be read, `unreadable` says so. */
  list(): Promise<Result<readonly DeletionView[], Failure>>;
  /** Those under way whose row cannot be read. */
  unreadable(): Promise<readonly UnreadableDeletion[]>;
  /** Whether this approval would be the deciding one, so that the name must be typed. Errors: refusals, as for `approve`. */
  mayApprove(click: DeletionClick): Promise<Result<MayApprove, Failure>>;
  approve(click: ApproveClick): Promise<Result<DeletionView, Failure>>;
  /** Votes to waive one thing that could not be saved; it takes two distinct approvers. */
  waive(click: WaiveClick): Promise<Result<DeletionView, Failure>>;
  reject(click: RejectClick): Promise<Result<DeletionView, Failure>>;
  withdraw(click: DeletionClick): Promise<Result<DeletionView, Failure>>;
  /** Ends once it is stored, as `restore` does: a halt waits neither for Slack nor for the CI database. */
  cancel(click: DeletionClick): Promise<Result<null, Failure>>;
  restore(click: DeletionClick): Promise<Result<null, Failure>>;
  /** One person has a frozen deletion continue, if the guard permits it now. */
  lookAgain(click: DeletionClick): Promise<Result<DeletionView, Failure>>;
  /** Votes to continue a deletion that froze after the point of no return; it takes two distinct approvers. */
  goOn(click: GoOnClick): Promise<Result<DeletionView, Failure>>;
  /** A member of the domain says it is still needed. */
  keep(id: DeletionId, by: Asker): Promise<Result<DeletionView, Failure>>;
  /** Records a click that never reached a deletion: forged values, messages of others. */
  recordRefusal(by: OperatorId, what: string, why: string): Promise<void>;
}

/** The members of a project as the CI database says now. Errors: then nobody counts as one. */
export type MembersOf = (project: ProjectId) => Promise<Result<readonly CiUserId[], Failure>>;

/** Builds the service through which people decide on deletions. Every refusal is recorded with who and why. */
export function createDeletionService(c: DeletionContext, membersOf: MembersOf): DeletionService {
  type Click = Parameters<typeof actOnDeletion>[1];
  type Run = Parameters<typeof actOnDeletion>[3];
  const act = async (what: string, click: Click, run: Run) => {
    const done = await actOnDeletion(what, click, c, run);
    return done.ok ? showAfter(click.deletionId, c) : done;
  };
  const halt = async (what: string, click: Click, run: Run) => {
    const done = await actOnDeletion(what, click, c, run);
    if (done.ok) void showAfter(click.deletionId, c).catch(() => undefined);
    return done;
  };
  return {
    async view(id) {
      const row = await readDeletion(c.db, id);
      return row === null ? err(unknownDeletion()) : ok(await buildView(row, c));
    },
    list: async () => ok(await Promise.all((await readLiveDeletions(c.db)).map((row) => buildView(row, c)))),
    unreadable: () => readUnreadable(c.db),
    async mayApprove(click) {
      const may = await assessApproval(click, await c.readOutside(), c);
      if (may.ok) {
        const [{ row, mustTypeName }, now] = [may.value, await c.policyNow(c.db)];
        const waits = { coolOffMs: Math.max(row.policy.coolOffMs, now.coolOffMs), graceMs: Math.max(row.policy.graceMs, now.graceMs) };
        return ok({ mustTypeName, name: row.name, waits });
      }
      await recordRefusal({ kind: "deletion.approve", subject: click.deletionId, by: click.by.operator.id }, may.error, c);
      return may;
    },
    approve: (click) => approveDeletion(click, c),
    waive: (click) => waiveItem(click, c),
    reject: (click) => act("reject", click, (row, q) => reject(row, click, q, c)),
    withdraw: (click) => act("withdraw", click, (row, q) => withdraw(row, click.by, q, c)),
    cancel: (click) =>
      halt("cancel", click, async (row, q) => {
        if (!mayHalt(click.by)) return err(teamOnly("cancel a deletion"));
        if (row.phase !== "cooling_off") return err(wrongPhase(row, "Cancel is for the cool-off; after it there is Restore."));
        return endDeletion(row, q, "cancelled", click.by, "cancelled in the cool-off", c);
      }),
    restore: (click) =>
      halt("restore", click, async (row, q) =>
        mayHalt(click.by) ? requestRestore(row, q, "restored", click.by, c) : err(teamOnly("restore a domain")),
      ),
    lookAgain: (click) => act("look_again", click, (row, q) => lookAgain(row, click.by, q, c)),
    goOn: (click) => goOn(click, c),
    keep: (id, by) => act("keep", { deletionId: id, by }, (row, q) => keep(row, by, membersOf, q, c)),
    recordRefusal: (by, what, why) => recordRefusal({ kind: what, subject: "", by }, failure("refused", "click.refused", why), c),
  };
}

async function reject(row: DeletionRow, click: RejectClick, q: Transaction, c: DeletionContext): Promise<Result<void, Failure>> {
  if (!click.by.isTeam) return err(teamOnly("reject a deletion"));
  if (row.phase !== "proposed" && row.phase !== "archiving")
    return err(wrongPhase(row, "It can be rejected only while it waits for approvals; later there is Cancel, then Restore."));
  const reason = parseReason(click.reason);
  if (!reason.ok) return reason;
  // What speaks against an approval does not speak against a rejection; before the question was put there is nothing to vote on.
  const request = row.phase === "proposed" ? await readRequest(row, q) : null;
  const ref = { kind: "deletion", id: row.id } as const;
  if (request !== null) await recordRejection({ ...request, ref }, click.by, reason.value, c.now(), q);
  return endDeletion(row, q, "rejected", click.by, reason.value, c);
}

async function withdraw(row: DeletionRow, by: Asker, q: Transaction, c: DeletionContext): Promise<Result<void, Failure>> {
  if (row.phase !== "proposed" && row.phase !== "cooling_off")
    return err(wrongPhase(row, "An approval can be withdrawn until the cool-off ends."));
  const withdrawn = await recordWithdrawal({ kind: "deletion", id: row.id }, by, c.now(), q);
  if (!withdrawn.ok) return withdrawn;
  if (row.phase === "cooling_off") return endDeletion(row, q, "cancelled", by, "an approval was withdrawn", c);
  await recordDeletionEvent(q, row.id, c.now(), "withdrawn", { voter: by.operator.id });
  return ok(undefined);
}

async function keep(row: DeletionRow, by: Asker, membersOf: MembersOf, q: Transaction, c: DeletionContext): Promise<Result<void, Failure>> {
  const members = await membersOf(row.project_id);
  if (!members.ok)
    return fail("unavailable", "deletion.members", `Whether you are a member could not be read: ${members.error.message}`, {
      remedy: "Try again in a minute, or ask the CI team to press Cancel or Restore.",
    });
  if (by.operator.ciUserId === null || !members.value.includes(by.operator.ciUserId))
    return fail("refused", "deletion.not_member", `Only members of the project ${row.slug} can ask to keep its domain`, {
      remedy: "Ask a member of it, or the CI team.",
    });
  if (row.phase === "proposed" || row.phase === "archiving" || row.phase === "cooling_off")
    return endDeletion(row, q, "kept", by, `${by.operator.name}, a member of the project, still needs it`, c);
  return requestRestore(row, q, "kept", by, c);
}

/** Has a domain given back. Errors: `refused` in a phase in which nothing was taken yet, or nothing comes back any more. */
export async function requestRestore(
  row: DeletionRow,
  q: Transaction,
  because: "restored" | "kept",
  by: Asker,
  c: Pick<DeletionContext, "now">,
): Promise<Result<void, Failure>> {
  if (
    !["quarantining", "grace", "dismantling", "expunging", "frozen"].includes(row.phase) ||
    (row.phase === "frozen" && row.frozen_from === "removing")
  )
    return err(wrongPhase(row, "Restore is for the quarantine, the grace period and as long as CloudStack keeps the machines."));
  // Who asks again, such as after a crash, changes nothing of who asked first and why.
  if (row.phase !== "frozen" && row.restore_by !== null)
    return err(wrongPhase(row, `It is being given back already: ${row.restore_by === "twokey" ? "Twokey" : row.restore_by} asked for it.`));
  const { name } = by.operator;
  const asked = { restore_by: name, closed_because: because, closed_by: name, activity: `${name} asked for it back` };
  const thaw = row.phase === "frozen" && row.frozen_from !== null ? { phase: row.frozen_from, entered_at: c.now() } : {};
  await updateDeletion(q, row.id, { ...thaw, ...asked });
  await recordDeletionEvent(q, row.id, c.now(), "restore asked", { by: by.operator.id });
  return ok(undefined);
}
