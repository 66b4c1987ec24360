/** The context of adoption. */
import { ballotOf } from "../deletion/act.ts";
import type { DeletionContext } from "../deletion/context.ts";
import type { AdoptionContext } from "../sync/adoption/context.ts";
import { previewPass, type ReconcileContext } from "../sync/execution/reconcile.ts";
import type { Parts } from "./parts.ts";
import { fleetOf } from "./passes.ts";

/** All that adoption needs: it reads as passes do, and people vote as on deletions. */
export function adoptionContext(p: Parts, passes: ReconcileContext, deletions: DeletionContext): AdoptionContext {
  const fleet = fleetOf(p);
  return {
    ...p,
    fleet,
    desired: passes.desired,
    observed: passes.observed,
    ownership: passes.ownership,
    policyNow: passes.policyNow,
    ballot: ballotOf(deletions),
    approvers: p.slack.approvers,
    announcer: p.slack.announcers.adoption,
    preview: async () => (await previewPass(fleet, { kind: "schedule" }, passes)).plan,
  };
}
