import { decide, type BallotContext, type Question } from "../approvals/ballot.ts";
import { rejectQuestion } from "../approvals/reject.ts";
import { fail, type Failure } from "../core/failure.ts";
import type { Asker } from "../core/people.ts";
import { ok, type Result } from "../core/result.ts";
import { recordAudit, type AuditEntry } from "../store/audit.ts";
import type { Queryable, Transaction } from "../store/db.ts";
import { readIdentities } from "../store/known-accounts.ts";
import {
  endPolicyChange,
  readPolicy,
  readPolicyChange,
  readPolicyChanges,
  recordPolicyVersion,
  type PolicyChangeRow,
  type PolicyVersion,
} from "../store/policies.ts";
import type { PolicyContext } from "./context.ts";
import { assessNow, expectPolicy, readPolicyNow } from "./propose.ts";

/** One person's click on one change, with the digest that the card showed. */
export interface PolicyClick {
  readonly changeId: string;
  readonly digest: string;
  readonly by: Asker;
}

interface PolicyQuestion extends Question {
  readonly row: PolicyChangeRow;
  readonly base: PolicyVersion;
}

/**
 * Records an approval; the deciding one brings the change into force, in the same transaction.
 *
 * Errors: the ballot's refusals; the policy has changed; the proposed value would not work now. Invariant: INV-2, for limits.
 */
export async function approveChange(click: PolicyClick, c: PolicyContext): Promise<Result<{ readonly applied: boolean }, Failure>> {
  return decide<PolicyQuestion, { readonly applied: boolean }>(
    {
      act: { kind: "policy.approve", subject: click.changeId },
      click,
      ref: { kind: "policy", id: click.changeId },
      async open(q) {
        const row = await lockChange(q, click.changeId);
        if (!row.ok) return row;
        const base = await readPolicy(q);
        if (base === null || base.version !== row.value.base_version)
          return fail("stale", "policy.moved", "The policy has changed since this was proposed, so it no longer counts", {
            remedy: "Propose it again.",
          });
        return ok({ ...(await questionOf(row.value, q)), row: row.value, base });
      },
      examine: ({ row }) => assessNow(row.body, row.setting, c),
      async follow({ row, base }, { decided, voters }, q) {
        const results = decided ? [await apply(row, base, voters, q, c)] : [];
        return { value: { applied: decided }, data: auditOf(row), results };
      },
    },
    ballotOf(c),
  );
}

/** Ends a change without any effect; every team member may do so. Errors: `refused`, `invalid` for a reason too short. */
export async function rejectChange(click: PolicyClick & { readonly reason: string }, c: PolicyContext): Promise<Result<void, Failure>> {
  return rejectQuestion<Question & { readonly row: PolicyChangeRow }>(
    {
      ref: { kind: "policy", id: click.changeId },
      what: "a change of policy",
      click,
      async open(q) {
        const row = await lockChange(q, click.changeId);
        return row.ok ? ok({ ...(await questionOf(row.value, q)), row: row.value }) : row;
      },
      async end({ row }, ended, q) {
        await endPolicyChange(q, row.id, ended);
        return auditOf(row);
      },
    },
    c,
  );
}

function ballotOf(c: PolicyContext): BallotContext {
  return {
    ...c,
    approvers: {
      listedNow: () => c.approvers.listedNow(),
      approversNow: async (counted) => c.approvers.resolve((await expectPolicy(c)).body.approvers, counted),
    },
    scopeIsConfirmed: async () => (await readPolicyNow(c.db, c.presentScope)).scopeIsConfirmed,
  };
}

/** Locks an open change. Errors: there is none, or it has ended. */
async function lockChange(q: Transaction, id: string): Promise<Result<PolicyChangeRow, Failure>> {
  const row = await readPolicyChange(q, id, true);
  if (row === null)
    return fail("refused", "policy.unknown", "There is no such change", { remedy: "/ci-policy shows those that are open." });
  return row.state === "proposed" ? ok(row) : fail("refused", "policy.ended", `This change has ended: ${row.state}`);
}

async function questionOf(row: PolicyChangeRow, q: Queryable): Promise<Question> {
  const { identities, withoutAccount } = await readIdentities(q, row.proposed_by === "twokey" ? [] : [row.proposed_by]);
  return {
    ref: { kind: "policy", id: row.id },
    digest: row.digest,
    requesters: identities,
    withoutAccount,
    quorum: row.quorum,
    openedAt: row.proposed_at,
    expiresAt: row.expires_at,
    settlesScope: row.setting === "scope",
    askedBy: "You proposed this change",
  };
}

function auditOf(row: PolicyChangeRow) {
  return { setting: row.setting, digest: row.digest };
}

/** Ends the changes whose time to approve has ended. */
export async function expireChanges(c: PolicyContext): Promise<void> {
  for (const { id } of await readPolicyChanges(c.db, Number.MAX_SAFE_INTEGER))
    await c.db.tx(async (q) => {
      const row = await readPolicyChange(q, id, true);
      if (row?.state !== "proposed" || c.now() < row.expires_at) return;
      await endPolicyChange(q, id, { state: "expired", at: c.now(), by: null, reason: "nobody decided in time" });
      await recordAudit(q, { at: c.now(), actor: "twokey", kind: "policy.expired", subject: id, data: { setting: row.setting } });
    });
}

/** Stores the new version, and ends every other change that started from the old one. Gives what the audit log keeps. */
async function apply(
  row: PolicyChangeRow,
  base: PolicyVersion,
  by: readonly string[],
  q: Transaction,
  c: PolicyContext,
): Promise<AuditEntry> {
  const at = c.now();
  const version = base.version + 1;
  await recordPolicyVersion(q, row.id, version, at);
  await endPolicyChange(q, row.id, { state: "applied", at, by: null, reason: `in force as version ${version}` });
  for (const other of await readPolicyChanges(q, Number.MAX_SAFE_INTEGER))
    await endPolicyChange(q, other.id, {
      state: "superseded",
      at,
      by: null,
      reason: `version ${version} came into force first; propose it again`,
    });
  const data = { version, setting: row.setting, before: base.body, after: row.body, approvers: by };
  return { at, actor: "twokey", kind: "policy.applied", subject: row.id, data };
}
