import { DeletionId, type CiUserId, type OperatorId, type ProjectId } from "../core/ids.ts";
import type { Asker, Operator } from "../core/people.ts";
import type { DeletionClick, DeletionView } from "./view.ts";
import { after } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { recordAudit } from "../store/audit.ts";
import { readEntries } from "../store/archive-entries.ts";
import type { Transaction } from "../store/db.ts";
import {
  readDeletion,
  readLiveDeletions,
  readNewestDeletion,
  recordDeletionEvent,
  updateDeletion,
  type DeletionRow,
} from "../store/deletions.ts";
import { readBallot, recordVote, recordWithdrawal } from "../store/votes.ts";
import { isConstraintError } from "../store/store-error.ts";
import { inventoryDigest, type Inventory } from "../core/inventory.ts";
import { readClocks, type Clocks } from "./clocks.ts";
import type { DeletionContext } from "./context.ts";
import { isProtectedRow, unconfirmedScope } from "./guard.ts";
import { buildView, countVotes, vetoesOf } from "./build-view.ts";
import { showAndTell } from "./runner.ts";
import { waiveLocked } from "./waive.ts";
import type { Phase } from "../core/phases.ts";

/** The deletion service, as commands use it. Every refusal is a `Failure` with a sentence for the person, and is recorded. */
export interface DeletionService {
  view(id: DeletionId): Promise<Result<DeletionView, Failure>>;
  list(): Promise<Result<readonly DeletionView[], Failure>>;
  forProject(projectId: ProjectId): Promise<Result<DeletionView | null, Failure>>;
  /** Whether this approval would be the deciding one, so that the name must be typed. Errors: refusals, as for `approve`. */
  mayApprove(click: DeletionClick): Promise<Result<{ readonly mustTypeName: boolean; readonly name: string }, Failure>>;
  approve(click: DeletionClick & { readonly typedName: string | null }): Promise<Result<DeletionView, Failure>>;
  /** Gives up, by name, one thing that could not be saved; the second distinct approver makes it so. */
  waive(click: DeletionClick & { readonly entryId: string }): Promise<Result<DeletionView, Failure>>;
  reject(click: DeletionClick & { readonly reason: string }): Promise<Result<DeletionView, Failure>>;
  withdraw(click: DeletionClick): Promise<Result<DeletionView, Failure>>;
  cancel(click: DeletionClick): Promise<Result<DeletionView, Failure>>;
  restore(click: DeletionClick): Promise<Result<DeletionView, Failure>>;
  /** A member of the domain says it is still needed. */
  keep(id: DeletionId, by: Asker): Promise<Result<DeletionView, Failure>>;
  /** Records a click that never reached a deletion: forged values, messages of others. */
  recordRefusal(by: OperatorId, what: string, why: string): Promise<void>;
}

const REASON_MIN = 5;
const REASON_MAX = 3000;

/** The CI database's word on who is a member of a project, now. Errors: then nobody is taken for one. */
export type MembersOf = (project: ProjectId) => Promise<Result<readonly CiUserId[], Failure>>;

/** Builds the service through which people decide on deletions. Every refusal is recorded with who and why. */
export function createDeletionService(c: DeletionContext, membersOf: MembersOf): DeletionService {
  const act = (what: string, click: DeletionClick, run: (row: DeletionRow, q: Transaction) => Promise<Result<void, Failure>>) =>
    actOnDeletion(what, click.deletionId, click.by, c, run, click);
  return {
    async view(id) {
      const row = await readDeletion(c.db, id);
      return row === null ? err(unknownDeletion()) : ok(await buildView(row, c));
    },
    list: async () => ok(await Promise.all((await readLiveDeletions(c.db)).map((row) => buildView(row, c)))),
    async forProject(projectId) {
      const row = await readNewestDeletion(c.db, projectId);
      return ok(row === null || row.phase === "closed" || row.phase === "deleted" ? null : await buildView(row, c));
    },
    async mayApprove(click) {
      const row = await readDeletion(c.db, click.deletionId);
      const ready = row === null ? err(unknownDeletion()) : await assessApproval(row, click, c);
      if (!ready.ok) {
        await recordRefusal(click.by.operator.id, "approve", click.deletionId, ready.error, c);
        return ready;
      }
      return ok({ mustTypeName: ready.value.have + 1 >= ready.value.need, name: row?.name ?? "" });
    },
    async approve(click) {
      const row = await readDeletion(c.db, click.deletionId);
      // CloudStack is looked at only for a click that could count: it is asked some thirty things, and anybody can click.
      const mayCount = row !== null && (await assessApproval(row, click, c)).ok;
      const fresh = mayCount ? await c.reader.readInventory(row.domain_id, row.path) : null;
      return act("approve", click, async (locked, q) => approveLocked(locked, q, click, fresh, c));
    },
    waive: (click) => act("waive", click, (row, q) => waiveLocked(row, q, click, c)),
    reject: (click) =>
      act("reject", click, async (row, q) => {
        const reason = click.reason.trim();
        if (!click.by.isTeam) return err(teamOnly("reject a deletion"));
        if (row.phase !== "proposed" && row.phase !== "archiving")
          return err(wrongPhase(row, "It can be rejected only while it waits for approvals; later there is Cancel, then Restore."));
        if (reason.length < REASON_MIN || reason.length > REASON_MAX)
          return err(failure("invalid", "deletion.reason", `A rejection needs a reason of ${REASON_MIN} to ${REASON_MAX} characters`));
        if (
          row.phase === "proposed" &&
          row.digest !== null &&
          !row.requesters.includes(click.by.operator.id) &&
          !(await readBallot(q, row.id)).votes.some((v) => v.voter === click.by.operator.id)
        ) {
          await recordVote(q, row.id, {
            voter: click.by.operator.id,
            voterName: click.by.operator.name,
            verdict: "reject",
            digest: row.digest,
            reason,
            at: c.now(),
          });
        }
        return end(row, q, "rejected", click.by, reason, c);
      }),
    withdraw: (click) =>
      act("withdraw", click, async (row, q) => {
        if (row.phase !== "proposed" && row.phase !== "cooling_off")
          return err(wrongPhase(row, "An approval can be withdrawn until the cool-off ends."));
        if (!(await readBallot(q, row.id)).votes.some((v) => v.voter === click.by.operator.id && v.verdict === "approve"))
          return err(failure("refused", "deletion.no_vote", "You have not approved this deletion"));
        await recordWithdrawal(q, row.id, { voter: click.by.operator.id, at: c.now() });
        if (row.phase === "cooling_off") return end(row, q, "cancelled", click.by, "an approval was withdrawn", c);
        await recordDeletionEvent(q, row.id, c.now(), "withdrawn", { voter: click.by.operator.id });
        return ok(undefined);
      }),
    cancel: (click) =>
      act("cancel", click, async (row, q) => {
        if (!click.by.isTeam) return err(teamOnly("cancel a deletion"));
        if (row.phase !== "cooling_off") return err(wrongPhase(row, "Cancel is for the cool-off; after it there is Restore."));
        return end(row, q, "cancelled", click.by, "cancelled in the cool-off", c);
      }),
    restore: (click) =>
      act("restore", click, async (row, q) => {
        if (!click.by.isTeam) return err(teamOnly("restore a domain"));
        return requestRestore(row, q, "restored", click.by, c);
      }),
    keep: (id, by) =>
      actOnDeletion("keep", id, by, c, async (row, q) => {
        const members = await membersOf(row.project_id);
        if (!members.ok) return err(unknownMembers(members.error));
        if (by.operator.ciUserId === null || !members.value.includes(by.operator.ciUserId)) return err(notMember(row));
        if (row.phase === "proposed" || row.phase === "archiving" || row.phase === "cooling_off")
          return end(row, q, "kept", by, `${by.operator.name}, a member of the project, still needs it`, c);
        return requestRestore(row, q, "kept", by, c);
      }),
    recordRefusal: (by, what, why) => recordRefusal(by, what, "", failure("refused", "click.refused", why), c),
  };
}

/** One person's act on one deletion: its row locked, every refusal recorded, the card shown and the work woken after it. */
async function actOnDeletion(
  what: string,
  id: string,
  by: Asker,
  c: DeletionContext,
  run: (row: DeletionRow, q: Transaction) => Promise<Result<void, Failure>>,
  click?: DeletionClick,
): Promise<Result<DeletionView, Failure>> {
  let result: Result<void, Failure>;
  try {
    result = await c.db.tx(async (q) => {
      const row = await readDeletion(q, id, true);
      if (row === null) return err(unknownDeletion());
      if (click !== undefined && what !== "approve" && click.version > row.version) return err(stale());
      const done = await run(row, q);
      if (done.ok) {
        await c.work.enqueue("deletion", id, { tx: q });
        await recordAudit(q, {
          at: c.now(),
          actor: by.operator.id,
          kind: `deletion.${what}`,
          subject: id,
          data: { phase: row.phase, version: row.version, digest: row.digest },
        });
      }
      return done;
    });
  } catch (thrown) {
    if (!isConstraintError(thrown)) throw thrown;
    result = err(
      failure("refused", "deletion.database", "The database refused this vote: it would not count", {
        details: { rule: (thrown as { constraint?: string }).constraint ?? "" },
      }),
    );
  }
  if (!result.ok) {
    await recordRefusal(by.operator.id, what, id, result.error, c);
    return result;
  }
  const shown = await showAndTell(id, c);
  return shown === null ? err(unknownDeletion()) : ok(shown);
}

interface Weighed {
  readonly have: number;
  readonly need: number;
  readonly approvers: readonly Operator[];
  readonly clocks: Clocks;
}

/** All that is weighed before a vote, but for what is looked at in CloudStack. Errors: each refusal with its rule. */
async function assessApproval(row: DeletionRow, click: DeletionClick, c: DeletionContext): Promise<Result<Weighed, Failure>> {
  const me = click.by.operator;
  if (row.phase !== "proposed")
    return err(wrongPhase(row, row.closed_because === null ? "The card shows how it stands." : "It ended; nothing is deleted by it."));
  if (click.digest !== row.digest) return err(stale());
  const limits = await c.limits(c.db);
  if (!limits.scopeIsConfirmed) return err(unconfirmedScope());
  const kept = await isProtectedRow(row, c, limits);
  if (!kept.ok) return kept;
  if (kept.value) return err(failure("refused", "deletion.protected", `${row.path} is protected by the policy; nothing is deleted`));
  const clocks = await readClocks(c);
  if (!clocks.ok) return clocks;
  if (row.expires_at !== null && clocks.value.latest >= row.expires_at)
    return err(failure("refused", "deletion.expired", "The time to approve has run out; nothing is deleted"));
  if (row.requesters.includes(me.id))
    return err(
      failure(
        "refused",
        "deletion.requester",
        "You asked for this deletion (you closed the project or started the pass), so you may not approve it",
        { remedy: "Two other approvers decide." },
      ),
    );
  const approvers = await c.approvers.approversNow();
  if (!approvers.ok)
    return err(
      failure(
        "unavailable",
        "deletion.directory",
        `Who may approve could not be found out, so nobody may now: ${approvers.error.message}`,
        { remedy: "Try again in a minute." },
      ),
    );
  if (!approvers.value.some((a) => a.id === me.id))
    return err(
      failure("refused", "deletion.not_approver", "You are not one of the approvers", {
        remedy: `Approvers now: ${approvers.value.map((a) => a.name).join(", ")}.`,
      }),
    );
  const counted = await countVotes(row, approvers.value, c);
  const have = counted === null ? 0 : counted.tally.approvers.length;
  const need = Math.max(2, row.quorum);
  if ((counted?.votes ?? (await readBallot(c.db, row.id)).votes).some((v) => v.voter === me.id))
    return err(
      failure(
        "refused",
        "deletion.voted",
        `You already voted; ${Math.max(1, need - have)} more ${need - have === 1 ? "person is" : "people are"} needed`,
      ),
    );
  return ok({ have, need, approvers: approvers.value, clocks: clocks.value });
}

async function approveLocked(
  row: DeletionRow,
  q: Transaction,
  click: DeletionClick & { readonly typedName: string | null },
  fresh: Result<Inventory, Failure> | null,
  c: DeletionContext,
): Promise<Result<void, Failure>> {
  const weighed = await assessApproval(row, click, { ...c, db: { ...c.db, ...q } });
  if (!weighed.ok) return weighed;
  if (fresh === null)
    return err(
      failure("unavailable", "deletion.not_looked", "What the domain holds was not looked at in time; nothing was done", {
        remedy: "Click again.",
      }),
    );
  if (!fresh.ok) return fresh;
  if (inventoryDigest(fresh.value) !== row.digest)
    return err(failure("stale", "deletion.changed", "What the domain holds has changed since the card was made; it will be asked anew"));
  const vetoes = vetoesOf(fresh.value, await readEntries(q, { kind: "deletion", id: row.id }), row.policy.archiveKinds);
  if (vetoes.length > 0) return err(failure("refused", "deletion.veto", `It cannot be approved now: ${vetoes[0]}`));
  const deciding = weighed.value.have + 1 >= weighed.value.need;
  if (deciding && click.typedName?.trim() !== row.name)
    return err(failure("invalid", "deletion.name", `Type the domain's name exactly: ${row.name}`));
  if (row.digest === null) return err(stale());
  const at = c.now();
  await recordVote(q, row.id, {
    voter: click.by.operator.id,
    voterName: click.by.operator.name,
    verdict: "approve",
    digest: row.digest,
    reason: null,
    at,
  });
  await recordDeletionEvent(q, row.id, at, "approved", { voter: click.by.operator.id, have: weighed.value.have + 1 });
  if (deciding) {
    await updateDeletion(q, row.id, {
      phase: "cooling_off",
      entered_at: at,
      until_at: after(weighed.value.clocks.latest, Math.max(row.policy.coolOffMs, (await c.limits(q)).coolOffMs)),
    });
    await recordDeletionEvent(q, row.id, at, "entered cooling_off", null);
  }
  return ok(undefined);
}

async function end(
  row: DeletionRow,
  q: Transaction,
  because: NonNullable<DeletionRow["closed_because"]>,
  by: Asker,
  reason: string,
  c: DeletionContext,
): Promise<Result<void, Failure>> {
  await updateDeletion(q, row.id, {
    phase: "closed",
    entered_at: c.now(),
    until_at: null,
    closed_because: because,
    closed_by: by.operator.name,
    closed_reason: reason,
    activity: reason,
  });
  await recordDeletionEvent(q, row.id, c.now(), "entered closed", { because, by: by.operator.id, reason });
  return ok(undefined);
}

async function requestRestore(
  row: DeletionRow,
  q: Transaction,
  because: "restored" | "kept",
  by: Asker,
  c: DeletionContext,
): Promise<Result<void, Failure>> {
  const from: readonly Phase[] = ["quarantining", "grace", "dismantling", "expunging", "frozen"];
  if (!from.includes(row.phase) || (row.phase === "frozen" && row.frozen_from === "removing"))
    return err(wrongPhase(row, "Restore is for the quarantine, the grace period and as long as CloudStack keeps the machines."));
  if (row.phase === "frozen" && row.frozen_from !== null) await updateDeletion(q, row.id, { phase: row.frozen_from, entered_at: c.now() });
  await updateDeletion(q, row.id, {
    restore_by: by.operator.name,
    closed_because: because,
    closed_by: by.operator.name,
    activity: `${by.operator.name} asked for it back`,
  });
  await recordDeletionEvent(q, row.id, c.now(), "restore asked", { by: by.operator.id });
  return ok(undefined);
}

async function recordRefusal(by: OperatorId, what: string, id: string, f: Failure, c: DeletionContext): Promise<void> {
  await c.db.tx((q) =>
    recordAudit(q, { at: c.now(), actor: by, kind: `refused.${what}`, subject: id, data: { code: f.code, sentence: f.message } }),
  );
}

function unknownDeletion(): Failure {
  return failure("refused", "deletion.unknown", "There is no such deletion", { remedy: "/ci-deletions lists those under way." });
}

function stale(): Failure {
  return failure("stale", "deletion.stale", "This card is not the newest; nothing was done", {
    remedy: "Use the newest message: /ci-deletions leads to it.",
  });
}

function wrongPhase(row: DeletionRow, remedy: string): Failure {
  const words: Partial<Record<Phase, string>> = {
    closed: "This deletion was closed; nothing is deleted by it",
    deleted: "This domain is deleted already",
    cooling_off: "It is approved already and in its cool-off",
  };
  return failure("refused", "deletion.phase", words[row.phase] ?? `It is in the phase ${row.phase}`, { remedy });
}

function notMember(row: DeletionRow): Failure {
  return failure("refused", "deletion.not_member", `Only members of the project ${row.slug} can ask to keep its domain`, {
    remedy: "Ask a member of it, or the CI team.",
  });
}

function unknownMembers(cause: Failure): Failure {
  return failure("unavailable", "deletion.members", `Whether you are a member could not be found out: ${cause.message}`, {
    remedy: "Try again in a minute, or ask the CI team to press Cancel or Restore.",
  });
}

function teamOnly(what: string): Failure {
  return failure("refused", "command.team_only", `Only members of the CI team may ${what}`);
}
