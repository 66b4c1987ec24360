import type { OperatorId } from "../core/ids.ts";
import { isOneOf, type Operator } from "../core/people.ts";
import type { Queryable } from "../store/db.ts";
import { readIdentities } from "../store/known-accounts.ts";

/** Who of the approvers may vote on what some people asked for. */
export interface Voters {
  readonly may: readonly Operator[];
  /** Whether some may not only because an account of a requester is not known: they could be that person. */
  readonly isUnsure: boolean;
}

/** Leaves out who asked, under every identity that is known, and who could be them. Invariant: INV-2. */
export async function votersOf(requesters: readonly OperatorId[], approvers: readonly Operator[], q: Queryable): Promise<Voters> {
  const asked = await readIdentities(q, requesters);
  const couldBeWhoAsked = (a: Operator): boolean => a.id.startsWith("slack:") && asked.withoutAccount.length > 0;
  return {
    may: approvers.filter((a) => !isOneOf(a, asked.identities) && !couldBeWhoAsked(a)),
    isUnsure: approvers.some(couldBeWhoAsked),
  };
}
