import { invariant } from "../core/failure.ts";
import { isOneOf } from "../core/people.ts";
import type { Queryable } from "../store/db.ts";
import { readVotes } from "../store/ballots.ts";
import { readIdentities } from "../store/known-accounts.ts";
import { readPolicyVersion, type PolicyChangeRow } from "../store/policies.ts";
import type { TeamPolicy } from "../core/policy.ts";
import type { ApproversOf, PolicyChangeView } from "./ports.ts";
import { findSetting } from "./settings.ts";

/** Reads what is shown of a change. Errors: throws when the policy version that it starts from is missing. */
export async function buildChangeView(row: PolicyChangeRow, db: Queryable, approvers: ApproversOf): Promise<PolicyChangeView> {
  const base = await readPolicyVersion(db, row.base_version);
  invariant(base !== null, "a change starts from a stored version");
  const votes = await readVotes(db, { kind: "policy", id: row.id });
  const may = row.state === "proposed" ? await approvers.resolve(base.body.approvers) : null;
  const { identities } = await readIdentities(db, [row.proposed_by]);
  const setting = findSetting(row.setting);
  const write = (p: TeamPolicy): string => setting?.write(p) ?? "?";
  return {
    id: row.id,
    setting: row.setting,
    title: setting?.title ?? row.setting,
    before: write(base.body),
    after: write(row.body),
    effect: setting?.effect(base.body, row.body) ?? "neutral",
    proposedBy: row.proposed_by_name,
    reason: row.reason,
    digest: row.digest,
    state: row.state,
    quorum: row.quorum,
    approvals: votes.filter((v) => v.verdict === "approve").map((v) => ({ name: v.voterName, at: v.at })),
    mayApprove: may?.ok === true ? may.value.filter((a) => !isOneOf(a, identities)).map((a) => a.name) : [],
    proposedAt: row.proposed_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
    endedBy: row.ended_by,
    endedReason: row.ended_reason,
  };
}
