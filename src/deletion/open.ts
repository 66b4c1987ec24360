import { DeletionId, OperatorId } from "../core/ids.ts";
import { ASK_AGAIN_MS } from "../core/votes.ts";
import { recordAudit } from "../store/audit.ts";
import { insertDeletion, readLastClosed, readLiveDeletions, recordDeletionEvent, freezePolicy } from "../store/deletions.ts";
import type { DeletionProposal } from "../sync/planning/plan.ts";
import type { DeletionContext } from "./context.ts";
import { isProtected } from "./protection.ts";

/**
 * Opens a deletion for a proposal: archiving begins, nobody is asked yet. Idempotent: one live deletion a domain.
 *
 * For a day after a deletion was rejected, cancelled, restored or kept, none is opened. Invariant: INV-4.
 */
export async function openDeletion(proposal: DeletionProposal, startedBy: readonly OperatorId[], c: DeletionContext): Promise<void> {
  if (!(await wouldOpen(proposal, c))) return;
  const id = DeletionId.parse(c.newId());
  const { domainId, projectId, path, name, evidence } = proposal;
  const closer = evidence.kind === "closed" && evidence.closedBy !== null ? [OperatorId.parse(`ci:${evidence.closedBy}`)] : [];
  const requesters = [...new Set([...closer, ...startedBy])];
  // Whatever they are called later: who asked is known by every account that is theirs now.
  await c.approvers.learnAccounts(requesters);
  const policy = freezePolicy(await c.policyNow(c.db), c.archiveKinds);
  await c.db.tx(async (q) => {
    const opened = await insertDeletion(q, {
      id,
      domain_id: domainId,
      project_id: projectId,
      slug: evidence.kind === "closed" ? evidence.slug : name,
      path,
      name,
      evidence,
      requesters,
      policy,
      opened_at: c.now(),
    });
    if (!opened) return;
    await c.work.enqueue("deletion", id, { tx: q });
    await recordDeletionEvent(q, id, c.now(), "opened", { path, evidence });
    const data = { path, domainId, evidence, requesters };
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: "deletion.opened", subject: id, data });
  });
}

/** Whether a proposal would open a deletion now, so that a plan without effect is not shown again with every pass. */
export async function wouldOpen(proposal: DeletionProposal, c: DeletionContext): Promise<boolean> {
  const policy = await c.policyNow(c.db);
  if (!policy.scopeIsConfirmed) return false;
  const kept = isProtected({ domain_id: proposal.domainId, path: proposal.path, policy }, await c.readOutside(), policy);
  if (!kept.ok || kept.value) return false;
  const last = await readLastClosed(c.db, proposal.domainId);
  const refused = last !== null && ["rejected", "cancelled", "restored", "kept"].includes(last.closed_because ?? "");
  return !refused || c.now() - (last.entered_at ?? last.opened_at) >= ASK_AGAIN_MS;
}

/** The domains under a live deletion. */
export async function liveDomains(c: Pick<DeletionContext, "db">) {
  return (await readLiveDeletions(c.db)).map((d) => d.domain_id);
}
