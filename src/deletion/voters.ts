import { OperatorId } from "../core/ids.ts";
import { isOneOf, type Operator } from "../core/people.ts";
import { readIdentities } from "../store/known-accounts.ts";
import type { DeletionContext } from "./context.ts";

/** Who of the approvers may vote on what some people asked for. */
export interface Voters {
  readonly may: readonly Operator[];
  /** Whether some may not only because an account of a requester is not known: they could be that person. */
  readonly isUnsure: boolean;
  /** Those who asked who could be anybody: while there are any, nobody may. */
  readonly unknown: readonly string[];
}

/** Leaves out who asked, under every identity that is known, and who could be them. Invariant: INV-2. */
export async function votersOf(
  requesters: readonly OperatorId[],
  approvers: readonly Operator[],
  c: Pick<DeletionContext, "approvers" | "db">,
): Promise<Voters> {
  const [asked, listed] = [await readIdentities(c.db, requesters), await c.approvers.listedNow()];
  const unknown = listed.ok ? asked.withoutAccount.filter((id) => !listed.value(OperatorId.parse(id))) : [];
  const couldBeWhoAsked = (a: Operator): boolean => a.id.startsWith("slack:") && asked.withoutAccount.length > 0;
  return {
    may: approvers.filter((a) => unknown.length === 0 && !isOneOf(a, asked.identities) && !couldBeWhoAsked(a)),
    isUnsure: approvers.some(couldBeWhoAsked),
    unknown,
  };
}
