import { z } from "zod";
import { dayInZone } from "../core/day-in-zone.ts";
import type { OperatorId } from "../core/ids.ts";
import type { Operator } from "../core/people.ts";
import type { Queryable } from "./db.ts";

/** A Slack account and a person, seen together. */
export interface KnownAccount {
  readonly account: string;
  readonly operator: OperatorId;
}

/** Keeps which accounts belonged to which people, once a day each: two names that were only seen together are one person for 30 days. */
export async function recordKnownAccounts(q: Queryable, known: readonly KnownAccount[], at: number): Promise<void> {
  const [accounts, operators] = [known.map((k) => k.account), known.map((k) => k.operator)];
  const pairs = "select distinct a, o, $3::bigint from unnest($1::text[], $2::text[]) as pair (a, o)";
  await q.exec(`insert into known_account (slack_account, operator, seen_at) ${pairs} on conflict do nothing`, [accounts, operators, at]);
}

const Row = z.object({ identities: z.array(z.string()), withoutAccount: z.array(z.string()) });
/** Who asked, by every name that is known of them. */
export interface Identities {
  /** Their ids, their Slack accounts, who else these accounts were, what else those are known as, and so on. */
  readonly identities: readonly string[];
  /** Those of them with no known Slack account. */
  readonly withoutAccount: readonly string[];
}

/** Reads every name that is known of people. Invariant: INV-2. */
export async function readIdentities(q: Queryable, people: readonly string[]): Promise<Identities> {
  if (people.length === 0) return { identities: [], withoutAccount: [] };
  return q.one(Row, `select identities_of($1::text[]) as identities, without_account($1::text[]) as "withoutAccount"`, [people]);
}

/** People of a list who are one person: they have one vote between them. */
export interface Merged {
  readonly names: readonly string[];
  /** When that ends at the earliest, unless they are seen as one again; null: never, they voted so. Units: milliseconds since 1970. */
  readonly until: number | null;
}

/** The people of a list, by all that is known of them. */
export interface Persons {
  /** How many there are. */
  readonly count: number;
  readonly merged: readonly Merged[];
}

const PersonRow = z.object({ names: z.array(z.string()), until: z.number().nullable() });

/** Counts the persons of a list, not its names. Invariant: INV-2. */
export async function readPersons(q: Queryable, people: readonly Operator[]): Promise<Persons> {
  const given = people.map((p) => ({ name: p.name, known: [p.id, ...(p.accounts ?? [])] }));
  const rows = await q.many(
    PersonRow,
    `select array_agg(name order by name) as names, case when count(*) > 1 then one_person_until(min(known)) end as until
     from (select p ->> 'name' as name, identities_of(array(select jsonb_array_elements_text(p -> 'known'))) as known
           from jsonb_array_elements($1::jsonb) p) one
     group by known[1] order by 1`,
    [JSON.stringify(given)],
  );
  return { count: rows.length, merged: rows.filter((r) => r.names.length > 1) };
}

/** Says who counts as one person, and until when; empty where nobody does. */
export function mergedNote(merged: readonly Merged[]): string {
  return merged
    .map(({ names, until }) => {
      const end = until === null ? "because they voted so" : `until ${dayInZone(until, undefined)}, unless they are seen so again`;
      return `${names.join(" and ")} count as one person, ${end}`;
    })
    .join("; ");
}
