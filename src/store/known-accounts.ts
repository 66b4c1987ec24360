import { z } from "zod";
import type { OperatorId } from "../core/ids.ts";
import type { Queryable } from "./db.ts";

/** A Slack account and a person, seen together. */
export interface KnownAccount {
  readonly account: string;
  readonly operator: OperatorId;
}

/** Keeps which accounts belonged to which people; nothing is forgotten. */
export async function recordKnownAccounts(q: Queryable, known: readonly KnownAccount[], at: number): Promise<void> {
  const [accounts, operators] = [known.map((k) => k.account), known.map((k) => k.operator)];
  const pairs = "select distinct a, o, $3::bigint from unnest($1::text[], $2::text[]) as pair (a, o)";
  await q.exec(`insert into known_account (slack_account, operator, first_at) ${pairs} on conflict do nothing`, [accounts, operators, at]);
}

const Row = z.object({ identities: z.array(z.string()), withoutAccount: z.array(z.string()) });
/** Who asked, by every name that is known of them. */
export interface Identities {
  /** Their ids, their Slack accounts, who else these accounts were, what else those are known as, and so on. */
  readonly identities: readonly string[];
  /** Those of them of whom no Slack account is known. */
  readonly withoutAccount: readonly string[];
}

/** Reads every name that is known of people. Invariant: INV-2. */
export async function readIdentities(q: Queryable, people: readonly string[]): Promise<Identities> {
  if (people.length === 0) return { identities: [], withoutAccount: [] };
  return q.one(Row, `select identities_of($1::text[]) as identities, without_account($1::text[]) as "withoutAccount"`, [people]);
}
