import { tally, type Tally } from "../approvals/tally.ts";
import type { Operator } from "../core/people.ts";
import type { OperatorId } from "../core/ids.ts";
import { invariant } from "../core/failure.ts";
import type { Queryable } from "../store/db.ts";
import { readPolicyVersion, readPolicyVotes, type PolicyChangeRow, type PolicyVote, type TeamPolicy } from "../store/policies.ts";
import type { ApproversOf, PolicyChangeView } from "./ports.ts";
import { findSetting } from "./settings.ts";

/** Reads all rows of a change and builds what is shown of it. Errors: throws when the policy it starts from is not there. */
export async function buildChangeView(row: PolicyChangeRow, db: Queryable, approvers: ApproversOf): Promise<PolicyChangeView> {
  const base = await readPolicyVersion(db, row.base_version);
  invariant(base !== null, "a change starts from a stored version");
  const votes = await readPolicyVotes(db, row.id);
  const may = row.state === "proposed" ? await approvers.resolve(base.body.approvers) : null;
  const setting = findSetting(row.setting);
  const write = (p: TeamPolicy): string => setting?.write(p) ?? "?";
  return {
    id: row.id,
    setting: row.setting,
    title: setting?.title ?? row.setting,
    before: write(base.body),
    after: write(row.body),
    effect: setting?.effect(base.body, row.body) ?? "beside",
    proposedBy: row.proposed_by_name,
    reason: row.reason,
    digest: row.digest,
    state: row.state,
    quorum: row.quorum,
    approvals: votes.filter((v) => v.verdict === "approve").map((v) => ({ name: v.voter_name, at: v.at })),
    mayApprove: may?.ok === true ? may.value.filter((a) => a.id !== row.proposed_by).map((a) => a.name) : [],
    proposedAt: row.proposed_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
    endedBy: row.ended_by,
    endedReason: row.ended_reason,
  };
}

/** Counts a change's votes by the same rule as a deletion's: distinct approvers of now, and not the one who proposed it. Invariant: INV-2. */
export function countChangeVotes(row: PolicyChangeRow, votes: readonly PolicyVote[], approversNow: readonly Operator[]): Tally {
  const proposer: readonly OperatorId[] = row.proposed_by === "twokey" ? [] : [row.proposed_by];
  const question = {
    digest: row.digest,
    requesters: proposer,
    quorum: row.quorum,
    openedAt: row.proposed_at,
    expiresAt: row.expires_at,
  };
  return tally(question, votes, [], new Set(approversNow.map((a) => a.id)));
}
