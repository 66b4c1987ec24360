import { phaseText } from "./phase-words.ts";
import type { Question } from "../approvals/ballot.ts";
import type { ApprovalRequest } from "../approvals/tally.ts";
import { fail, failure, type Failure } from "../core/failure.ts";
import type { OperatorId } from "../core/ids.ts";
import type { Phase } from "../core/phases.ts";
import { onlyReported } from "../core/report-mode.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { IsOutside } from "../core/scope.ts";
import type { Queryable } from "../store/db.ts";
import type { DeletionRow } from "../store/deletions.ts";
import { readIdentities } from "../store/known-accounts.ts";
import type { Closing, DeletionContext } from "./context.ts";
import { isProtected } from "./protection.ts";
import { refuse, type Refusal } from "./reasons.ts";

/** How a project stands in the CI database. */
type ProjectStanding = "active" | "closed" | "closed_again" | "absent";

/** What people are asked to approve, as it is frozen in the deletion's row; null before it is proposed. `closers` asked for it too. */
export async function readRequest(
  row: DeletionRow,
  q: Queryable,
  closers: readonly OperatorId[] = [],
): Promise<(ApprovalRequest & Pick<Question, "withoutAccount">) | null> {
  if (row.digest === null || row.proposed_at === null || row.expires_at === null) return null;
  const { identities, withoutAccount } = await readIdentities(q, [...row.requesters, ...closers]);
  return {
    withoutAccount,
    deletionId: row.id,
    domainId: row.domain_id,
    path: row.path,
    digest: row.digest,
    requesters: [...new Set([...identities, ...(row.asked_as ?? [])])],
    quorum: row.quorum,
    openedAt: row.proposed_at,
    expiresAt: row.expires_at,
  };
}

/**
 * A deletion as a question of the ballot; `outside` was read before the row was locked, `q` is the connection that locked it.
 *
 * Errors: the deletion is in another phase; its domain is protected, or `outside` could not be read. Invariant: INV-4.
 */
export async function deletionQuestion(
  row: DeletionRow,
  outside: Result<IsOutside, Failure>,
  c: Pick<DeletionContext, "db" | "policyNow" | "reported">,
  q: Queryable = c.db,
): Promise<Result<Question, Failure>> {
  const request = await readRequest(row, q);
  if (row.phase !== "proposed" || request === null)
    return err(wrongPhase(row, row.closed_because === null ? "The card shows its state." : "It ended; nothing is deleted by it."));
  const open = await requireUnprotected(row, outside, c, q);
  if (!open.ok) return open;
  return ok({
    ...request,
    ref: { kind: "deletion", id: row.id },
    settlesScope: false,
    askedBy: "You asked for this deletion (you closed the project or started the pass)",
  });
}

/** Errors: nobody may vote, whatever the question: the domain is protected, or deletions are only reported. Invariant: INV-4, INV-12. */
export async function requireUnprotected(
  row: DeletionRow,
  outside: Result<IsOutside, Failure>,
  c: Pick<DeletionContext, "policyNow" | "reported">,
  q: Queryable,
): Promise<Result<void, Failure>> {
  if (c.reported !== null) return err(onlyReported(c.reported));
  const kept = isProtected(row, outside, await c.policyNow(q));
  if (!kept.ok) return kept;
  return kept.value ? fail("refused", "deletion.protected", `${row.path} is protected by the policy; nothing is deleted`) : ok(undefined);
}

/** How a deletion's project stands now, and whether it is closed by the very closing that people were shown, or `accepted` since. */
export function readProject(
  { project_id: id, evidence }: DeletionRow,
  c: Pick<DeletionContext, "evidence">,
  accepted: Closing | null = null,
) {
  return c.evidence.readProjectState(id, evidence.kind === "closed" ? (accepted ?? evidence) : null);
}

/** Whether a project still stands as when people were asked, but for what two people `accepted` since. Errors: why the deletion ends. */
export function assessProject(row: DeletionRow, state: ProjectStanding, accepted: string | null = null): Result<void, Refusal> {
  if (state === "closed_again" && row.evidence.kind === "closed") return refuse("closed_again", closedAgain(row));
  const isStillGone = state === (row.evidence.kind === "closed" ? "closed" : "absent");
  if (isStillGone || accepted === "came_back") return ok(undefined);
  return refuse("came_back", `the project ${row.slug} is ${state.replace("_", " ")} in the CI database`);
}

/** Whether a deletion's project is active again. A CI database that cannot be read, or that nobody confirmed, does not say so. */
export async function isBack(row: DeletionRow, c: Pick<DeletionContext, "db" | "evidence" | "policyNow">): Promise<boolean> {
  const state = await readProject(row, c);
  return state.ok && state.value === "active" && (await c.policyNow(c.db)).scopeIsConfirmed;
}

/** Why another closing of the project ends what people were asked: who asks now may be one of those who approve. Invariant: INV-2. */
export function closedAgain(row: DeletionRow): string {
  return `who closed the project ${row.slug}, or when, is not what the card said: it was opened and closed again, or the row was corrected; people are asked again`;
}

/** The refusal of an act that belongs to another phase. */
export function wrongPhase(row: DeletionRow, remedy: string): Failure {
  const words: Partial<Record<Phase, string>> = {
    closed: "This deletion was closed; nothing is deleted by it",
    deleted: "This domain is already deleted",
    cooling_off: "It is already approved and in its cool-off",
  };
  return failure(
    "refused",
    "deletion.phase",
    words[row.phase] ??
      `It is at another step now: ${phaseText({ ...row, until: null, closedBecause: row.closed_because, frozenFrom: row.frozen_from })}`,
    { remedy },
  );
}
