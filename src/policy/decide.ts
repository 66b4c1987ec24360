import type { Asker } from "../core/people.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { recordAudit } from "../store/audit.ts";
import type { Transaction } from "../store/db.ts";
import {
  endPolicyChange,
  readPolicy,
  readPolicyChange,
  readPolicyChanges,
  readPolicyVotes,
  recordPolicyVersion,
  recordPolicyVote,
  type PolicyChangeRow,
  type PolicyVersion,
} from "../store/policies.ts";
import { isConstraintError } from "../store/store-error.ts";
import type { PolicyContext } from "./context.ts";
import { assessNow } from "./propose.ts";
import { countChangeVotes } from "./view.ts";

/** One person's word on one change, with the digest that the card showed. */
export interface PolicyClick {
  readonly changeId: string;
  readonly digest: string;
  readonly by: Asker;
}

/**
 * Records an approval; the deciding one brings the change into force, in the same transaction.
 *
 * Errors: `refused` and `stale`, each with its rule; PostgreSQL refuses again what came through. Invariant: INV-2, for limits.
 */
export async function approveChange(click: PolicyClick, c: PolicyContext): Promise<Result<{ readonly applied: boolean }, Failure>> {
  return decide<{ readonly applied: boolean }>("approve", click, c, async (row, q) => {
    const base = await readPolicy(q);
    if (base === null || base.version !== row.base_version)
      return err(
        failure("stale", "policy.moved", "The policy has changed since this was proposed; it counts no more", {
          remedy: "Propose it again.",
        }),
      );
    const me = click.by.operator;
    if (row.proposed_by === me.id)
      return err(
        failure("refused", "policy.proposer", "You proposed this change, so you may not approve it", {
          remedy: "Two approvers besides you decide.",
        }),
      );
    const approvers = await c.approvers.resolve(base.body.approvers);
    if (!approvers.ok) return err({ ...approvers.error, remedy: "Nobody may approve until Slack tells who may. Try again in a minute." });
    if (!approvers.value.some((a) => a.id === me.id))
      return err(
        failure("refused", "policy.not_approver", "You are not one of the approvers", {
          remedy: `Approvers now: ${approvers.value.map((a) => a.name).join(", ")}.`,
        }),
      );
    if ((await readPolicyVotes(q, row.id)).some((v) => v.voter === me.id))
      return err(failure("refused", "policy.voted", "You already voted on this change; another person is needed"));
    const weighed = await assessNow(row.body, row.setting, c);
    if (!weighed.ok) return weighed;
    const at = c.now();
    await recordPolicyVote(q, row.id, { voter: me.id, voter_name: me.name, verdict: "approve", digest: row.digest, reason: null, at });
    const counted = countChangeVotes(row, await readPolicyVotes(q, row.id), approvers.value);
    if (counted.kind !== "approved") return ok({ applied: false });
    await apply(row, base, counted.approvers, q, c);
    return ok({ applied: true });
  });
}

/** Ends a change without any effect: every team member may. Errors: `refused`, `invalid` for a reason too short. */
export async function rejectChange(click: PolicyClick & { readonly reason: string }, c: PolicyContext): Promise<Result<void, Failure>> {
  return decide("reject", click, c, async (row, q) => {
    const reason = click.reason.trim();
    if (!click.by.isTeam) return err(failure("refused", "command.team_only", "Only members of the CI team may reject a change of policy"));
    if (reason.length < 5 || reason.length > 3000)
      return err(failure("invalid", "policy.reason", "A rejection needs a reason of 5 to 3000 characters"));
    const me = click.by.operator;
    const at = c.now();
    if (!(await readPolicyVotes(q, row.id)).some((v) => v.voter === me.id))
      await recordPolicyVote(q, row.id, { voter: me.id, voter_name: me.name, verdict: "reject", digest: row.digest, reason, at });
    await endPolicyChange(q, row.id, { state: "rejected", at, by: me.name, reason });
    return ok(undefined);
  });
}

/** Ends the changes whose time has run out. */
export async function expireChanges(c: PolicyContext): Promise<void> {
  for (const { id } of await readPolicyChanges(c.db, Number.MAX_SAFE_INTEGER))
    await c.db.tx(async (q) => {
      const row = await readPolicyChange(q, id, true);
      if (row?.state !== "proposed" || c.now() < row.expires_at) return;
      await endPolicyChange(q, id, { state: "expired", at: c.now(), by: null, reason: "nobody decided in time" });
      await recordAudit(q, { at: c.now(), actor: "twokey", kind: "policy.expired", subject: id, data: { setting: row.setting } });
    });
}

/** The new version, and the end of every other change that started from the old one. */
async function apply(row: PolicyChangeRow, base: PolicyVersion, by: readonly string[], q: Transaction, c: PolicyContext): Promise<void> {
  const at = c.now();
  const version = base.version + 1;
  await recordPolicyVersion(q, { version, body: row.body, change_id: row.id, at });
  await endPolicyChange(q, row.id, { state: "applied", at, by: null, reason: `in force as version ${version}` });
  for (const other of await readPolicyChanges(q, Number.MAX_SAFE_INTEGER))
    await endPolicyChange(q, other.id, {
      state: "superseded",
      at,
      by: null,
      reason: `version ${version} came into force first; propose it again`,
    });
  const data = { version, setting: row.setting, before: base.body, after: row.body, approvers: by };
  await recordAudit(q, { at, actor: "twokey", kind: "policy.applied", subject: row.id, data });
}

/** One person's act on one change: its row locked, what it came to recorded, refusals too. */
async function decide<T>(
  what: string,
  click: PolicyClick,
  c: PolicyContext,
  run: (row: PolicyChangeRow, q: Transaction) => Promise<Result<T, Failure>>,
): Promise<Result<T, Failure>> {
  const { by, changeId } = click;
  let result: Result<T, Failure>;
  try {
    result = await c.db.tx(async (q) => {
      const row = await readPolicyChange(q, changeId, true);
      if (row === null)
        return err(failure("refused", "policy.unknown", "There is no such change", { remedy: "/ci-policy shows those that are open." }));
      if (row.state !== "proposed") return err(failure("refused", "policy.ended", `This change has ended: ${row.state}`));
      if (c.now() >= row.expires_at) return err(failure("refused", "policy.expired", "The time to decide has run out; nothing changes"));
      if (click.digest !== row.digest) return err(failure("stale", "policy.stale", "This card is not the newest; nothing was done"));
      const done = await run(row, q);
      const data = { setting: row.setting, digest: row.digest };
      if (done.ok) await recordAudit(q, { at: c.now(), actor: by.operator.id, kind: `policy.${what}`, subject: changeId, data });
      return done;
    });
  } catch (thrown) {
    if (!isConstraintError(thrown)) throw thrown;
    result = err(
      failure("refused", "policy.database", "The database refused this: it would not count", {
        details: { rule: thrown.constraint ?? "" },
      }),
    );
  }
  if (!result.ok) {
    const { code, message } = result.error;
    await c.db.tx((q) =>
      recordAudit(q, {
        at: c.now(),
        actor: by.operator.id,
        kind: `refused.policy.${what}`,
        subject: changeId,
        data: { code, sentence: message },
      }),
    );
  }
  return result;
}
