import { readClocks } from "../approvals/clocks.ts";
import { CiUserId, DeletionId, OperatorId } from "../core/ids.ts";
import { isRefusal } from "../core/phases.ts";
import { ASK_AGAIN_MS } from "../core/votes.ts";
import { recordAudit } from "../store/audit.ts";
import { insertDeletion, readLastClosed, readLiveDeletions, readLiveHeads, recordDeletionEvent, freezePolicy } from "../store/deletions.ts";
import { mergedNote } from "../store/known-accounts.ts";
import type { PartialDesired } from "../sync/planning/desired.ts";
import type { DeletionProposal, NotOpened } from "../sync/planning/plan.ts";
import type { DeletionContext } from "./context.ts";
import { isProtected } from "./protection.ts";
import { pollMs } from "./transitions.ts";
import { votersOf } from "./voters.ts";

/** What tells whether a proposal opens a deletion. */
type OpenQuestion = Pick<DeletionContext, "db" | "now" | "clockSkew" | "policyNow" | "readOutside" | "reported"> & {
  readonly approvers: Pick<DeletionContext["approvers"], "approversNow" | "learnAccounts" | "listedNow">;
};

/**
 * Opens a deletion for a proposal: archiving begins, nobody is asked yet. Idempotent: one live deletion a domain.
 *
 * For a day after a deletion was rejected, cancelled, restored or kept, none is opened; nor one nobody could approve. Invariant: INV-4.
 */
export async function openDeletion(proposal: DeletionProposal, startedBy: readonly OperatorId[], c: DeletionContext): Promise<void> {
  if ((await whyNotOpened(proposal, startedBy, c)) !== null) return;
  const id = DeletionId.parse(c.newId());
  const { domainId, projectId, path, name, evidence } = proposal;
  const requesters = requestersOf(proposal, startedBy) ?? [];
  await c.db.tx(async (q) => {
    const policy = freezePolicy(await c.policyNow(q), c.archiveKinds);
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

/**
 * Why a proposal opens no deletion now; null: it would. None is opened while the clocks disagree: by one that jumped ahead, a project has
 * been absent for long, and a refusal is long ago. A card that no quorum could approve is not made: the plan says who could, and a later
 * pass, started by itself or by somebody else, opens it.
 */
export async function whyNotOpened(
  proposal: DeletionProposal,
  startedBy: readonly OperatorId[],
  c: OpenQuestion,
): Promise<NotOpened | null> {
  if (c.reported !== null) return { reason: c.reported, isNews: true };
  const policy = await c.policyNow(c.db);
  if (!policy.scopeIsConfirmed) return { reason: "the scope that is read is not confirmed", isNews: false };
  const kept = isProtected({ domain_id: proposal.domainId, path: proposal.path, policy }, await c.readOutside(), policy);
  if (!kept.ok) return { reason: kept.error.message, isNews: false };
  if (kept.value) return { reason: "the domain is protected", isNews: false };
  const clocks = await readClocks(c);
  if (!clocks.ok) return { reason: clocks.error.message, isNews: true };
  const now = clocks.value.earliest;
  const { evidence } = proposal;
  if (evidence.kind === "absent" && now - evidence.since < policy.absenceMs)
    return { reason: "by all clocks its project has not been absent for long enough", isNews: false };
  const last = await readLastClosed(c.db, proposal.domainId);
  if (last !== null && isRefusal(last.closed_because) && now - (last.entered_at ?? last.opened_at) < ASK_AGAIN_MS) {
    const reason = `${last.closed_because} by ${last.closed_by ?? "somebody"} less than a day ago; people are asked again a day after that`;
    return { reason, isNews: false };
  }
  const requesters = requestersOf(proposal, startedBy);
  if (requesters === null) return { reason: "who closed the project is told by no id of a person (closed_by)", isNews: true };
  // Whatever they are called later: who asked is known by every account that is theirs now.
  await c.approvers.learnAccounts(requesters);
  const approvers = await c.approvers.approversNow();
  if (!approvers.ok) return null;
  const voters = await votersOf(requesters, approvers.value, c);
  const may = voters.may.map((a) => a.name);
  // The card says that it is not known who asked, and what to correct: it has no Approve before that.
  if (voters.persons.count >= policy.quorum || voters.unknown.length > 0) return null;
  const who = may.length === 0 ? "nobody could approve it" : `only ${may.join(", ")} could approve it, and ${policy.quorum} must`;
  const merged = mergedNote(voters.persons.merged);
  const why = `who closed the project or started the pass has no vote${merged === "" ? "" : `, and ${merged}`}`;
  const remedy = startedBy.length === 0 ? "Add an approver (/ci-policy)" : "The next pass that starts by itself asks";
  return { reason: `${who}: ${why}. ${remedy}`, isNews: true };
}

/**
 * Has the deletions that wait for approvals, or for the end of their cool-off or grace period, looked at now whose project, as a pass read
 * it, is active again, is closed by another closing, is there again at all, or has a row that cannot be used: they would not look by
 * themselves for minutes, or before their wait ends. What follows is read and decided again.
 */
export async function lookAtChanged(
  { projects, held }: Pick<PartialDesired, "projects" | "held">,
  c: Pick<DeletionContext, "db" | "work">,
): Promise<void> {
  const read = new Map(projects.map((p) => [p.id, p]));
  const unused = new Set(held.map((row) => row.projectId));
  for (const { id, phase, project_id, evidence, restore_by } of await readLiveDeletions(c.db)) {
    if (restore_by !== null || !WAITING.has(phase)) continue;
    const project = read.get(project_id);
    const isSame =
      project?.state === "closed" &&
      evidence.kind === "closed" &&
      project.closedAt === evidence.closedAt &&
      project.closedBy === evidence.closedBy;
    if (unused.has(project_id) || (project !== undefined && !isSame)) await c.work.enqueue("deletion", id);
  }
}

/** The phases in which a deletion only waits. */
const WAITING: ReadonlySet<string> = new Set(["proposed", "cooling_off", "grace"]);

/**
 * Has the deletions that wait for approvals looked at soon whose domains are named: something happened there. What was begun has an event,
 * its end often none that this key sees, so it is looked at a little later, and again while the event is new.
 */
export async function lookAtTouched(domains: readonly string[], c: Pick<DeletionContext, "db" | "work">): Promise<void> {
  if (domains.length === 0) return;
  for (const row of await readLiveDeletions(c.db))
    if (row.phase === "proposed" && domains.includes(row.domain_id)) await c.work.enqueue("deletion", row.id, { delayMs: pollMs(row) });
}

/** Who asked for a deletion: who closed the project, and who started the pass. Null: who closed it cannot be named. */
function requestersOf({ evidence }: DeletionProposal, startedBy: readonly OperatorId[]): OperatorId[] | null {
  if (evidence.kind !== "closed" || evidence.closedBy === null) return [...new Set(startedBy)];
  const closer = CiUserId.safeParse(evidence.closedBy);
  return closer.success ? [...new Set([OperatorId.parse(`ci:${closer.data}`), ...startedBy])] : null;
}

/** The domains under a live deletion, also one whose row cannot be read. */
export async function liveDomains(c: Pick<DeletionContext, "db">) {
  return (await readLiveHeads(c.db)).map((d) => d.domain_id);
}
