import type { Question } from "../approvals/ballot.ts";
import type { ApprovalRequest } from "../approvals/tally.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { Instant } from "../core/ids.ts";
import type { Phase } from "../core/phases.ts";
import type { Queryable } from "../store/db.ts";
import type { DeletionRow } from "../store/deletions.ts";
import type { DeletionContext } from "./context.ts";
import { isProtectedRow } from "./protection.ts";

/** What people are asked to approve, as it is frozen in the deletion's row; null before it is proposed. */
export function requestOf(row: DeletionRow): ApprovalRequest | null {
  if (row.digest === null || row.proposed_at === null || row.expires_at === null) return null;
  return {
    deletionId: row.id,
    domainId: row.domain_id,
    path: row.path,
    digest: row.digest,
    requesters: row.requesters,
    quorum: row.quorum,
    openedAt: row.proposed_at,
    expiresAt: row.expires_at,
  };
}

/** A deletion as a question of the ballot; `q`: the connection on which it is locked. */
export async function deletionQuestion(row: DeletionRow, c: DeletionContext, q: Queryable = c.db): Promise<Question> {
  const request = requestOf(row);
  const objection =
    row.phase !== "proposed" || request === null
      ? wrongPhase(row, row.closed_because === null ? "The card shows its state." : "It ended; nothing is deleted by it.")
      : await objectionOf(row, c, q);
  return {
    ...(request ?? {
      digest: "" as never,
      requesters: row.requesters,
      quorum: row.quorum,
      openedAt: 0 as Instant,
      expiresAt: 0 as Instant,
    }),
    ref: { kind: "deletion", id: row.id },
    objection,
    settlesScope: false,
    askedBy: "You asked for this deletion (you closed the project or started the pass)",
  };
}

/** Why nobody may vote on a deletion, whatever the question: its domain is protected. */
export async function objectionOf(row: DeletionRow, c: DeletionContext, q: Queryable): Promise<Failure | null> {
  const kept = await isProtectedRow(row, c, await c.policyNow(q), q !== c.db);
  if (!kept.ok) return kept.error;
  return kept.value ? failure("refused", "deletion.protected", `${row.path} is protected by the policy; nothing is deleted`) : null;
}

/** The refusal of an act that belongs to another phase. */
export function wrongPhase(row: DeletionRow, remedy: string): Failure {
  const words: Partial<Record<Phase, string>> = {
    closed: "This deletion was closed; nothing is deleted by it",
    deleted: "This domain is deleted already",
    cooling_off: "It is approved already and in its cool-off",
  };
  return failure("refused", "deletion.phase", words[row.phase] ?? `It is in the phase ${row.phase}`, { remedy });
}
