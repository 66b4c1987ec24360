import { readVotingView } from "../approvals/voting-view.ts";
import { invariant } from "../core/failure.ts";
import type { Queryable } from "../store/db.ts";
import { readPolicyVersion, type PolicyChangeRow } from "../store/policies.ts";
import type { TeamPolicy } from "../core/policy.ts";
import type { ApproversOf, PolicyChangeView } from "./ports.ts";
import { findSetting } from "./settings.ts";

/** Reads what is shown of a change. Errors: throws when the policy version that it starts from is missing. */
export async function buildChangeView(row: PolicyChangeRow, db: Queryable, approvers: ApproversOf): Promise<PolicyChangeView> {
  const base = await readPolicyVersion(db, row.base_version);
  invariant(base !== null, "a change starts from a stored version");
  const may = row.state === "proposed" ? await approvers.resolve(base.body.approvers) : null;
  const asked = { requesters: [row.proposed_by], approvers: may };
  const setting = findSetting(row.setting);
  const write = (p: TeamPolicy): string => setting?.write(p) ?? "?";
  return {
    ...(await readVotingView({ kind: "policy", id: row.id }, row, asked, db)),
    id: row.id,
    setting: row.setting,
    title: setting?.title ?? row.setting,
    before: write(base.body),
    after: write(row.body),
    effect: setting?.effect(base.body, row.body) ?? "neutral",
    reason: row.reason,
    state: row.state,
  };
}
