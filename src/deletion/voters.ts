import { OperatorId } from "../core/ids.ts";
import { isOneOf, type Operator } from "../core/people.ts";
import { readIdentities, readPersons, type Persons } from "../store/known-accounts.ts";
import type { DeletionContext } from "./context.ts";

/** Who of the approvers may vote on what some people asked for. */
export interface Voters {
  readonly may: readonly Operator[];
  /** They as persons: two names of one person have one vote. */
  readonly persons: Persons;
  /** Whether some may not only because an account of a requester is not known: they could be that person. */
  readonly isUnsure: boolean;
  /** Those who asked who could be anybody: while there are any, nobody may. */
  readonly unknown: readonly string[];
}

/** Leaves out who asked, under every identity that is known, and who could be them. Invariant: INV-2. */
export async function votersOf(
  requesters: readonly OperatorId[],
  approvers: readonly Operator[],
  c: Pick<DeletionContext, "db"> & { readonly approvers: Pick<DeletionContext["approvers"], "listedNow"> },
  askedAs: readonly string[] = [],
): Promise<Voters> {
  const [asked, listed] = [await readIdentities(c.db, requesters), await c.approvers.listedNow()];
  const unknown = listed.ok ? asked.withoutAccount.filter((id) => !listed.value(OperatorId.parse(id))) : [];
  const couldBeWhoAsked = (a: Operator): boolean => a.id.startsWith("slack:") && asked.withoutAccount.length > 0;
  const identities = [...asked.identities, ...askedAs];
  const may = approvers.filter((a) => unknown.length === 0 && !isOneOf(a, identities) && !couldBeWhoAsked(a));
  return {
    may,
    persons: await readPersons(c.db, may),
    isUnsure: approvers.some(couldBeWhoAsked),
    unknown,
  };
}
