import { z } from "zod";
import type { AdoptionBody, AdoptionKind } from "../core/adoption.ts";
import { Digest, Instant } from "../core/ids.ts";
import { columnsOf, CountRow, insertRow, toJson, updateRow, type Queryable } from "./db.ts";

const kinds = ["adopt", "give_back", "release"] as const satisfies readonly AdoptionKind[];
const Body = z.custom<AdoptionBody>((v) => typeof v === "object" && v !== null && "domains" in v && "rows" in v);
const Row = z.object({
  id: z.guid(),
  kind: z.enum(kinds),
  body: Body,
  digest: Digest,
  requesters: z.array(z.string()),
  proposed_by_name: z.string(),
  quorum: z.number(),
  proposed_at: Instant,
  expires_at: Instant,
  state: z.enum(["proposed", "applied", "rejected", "expired", "superseded", "moved"]),
  ended_at: Instant.nullable(),
  ended_by: z.string().nullable(),
  ended_reason: z.string().nullable(),
});
/** A table that was put to people. */
export type AdoptionTableRow = z.output<typeof Row>;
const SELECT = `select ${columnsOf(Row)} from adoption`;

/** Records a table; false: another one of its kind is open. Errors: `StoreError` `adoption_policy_quorum`, `adoption_terminal_quorum`. */
export async function insertAdoption(
  q: Queryable,
  row: Omit<AdoptionTableRow, "state" | "ended_at" | "ended_by" | "ended_reason">,
): Promise<boolean> {
  return (await insertRow(q, "adoption", { ...row, body: toJson(row.body) }, "on conflict do nothing")) === 1;
}

/** Reads one; `lock` locks its row until the transaction ends. */
export function readAdoption(q: Queryable, id: string, lock = false): Promise<AdoptionTableRow | null> {
  return q.maybe(Row, `${SELECT} where id = $1${lock ? " for update" : ""}`, [id]);
}

/** Reads the open table of a kind, locked until the transaction ends. */
export function readOpenAdoption(q: Queryable, kind: AdoptionKind): Promise<AdoptionTableRow | null> {
  return q.maybe(Row, `${SELECT} where kind = $1 and state = 'proposed' for update`, [kind]);
}

/** Reads the tables that are open, and those that ended at or after an instant, oldest first. */
export function readAdoptions(q: Queryable, endedSince: number): Promise<readonly AdoptionTableRow[]> {
  return q.many(Row, `${SELECT} where state = 'proposed' or ended_at >= $1 order by proposed_at, id`, [endedSince]);
}

/** Ends a table. Errors: `StoreError` `adoption_ended`, `adoption_quorum`. */
export async function endAdoption(
  q: Queryable,
  id: string,
  end: { readonly state: AdoptionTableRow["state"]; readonly at: number; readonly by: string | null; readonly reason: string },
): Promise<void> {
  await updateRow(q, "adoption", id, { state: end.state, ended_at: end.at, ended_by: end.by, ended_reason: end.reason });
}

/**
 * Records the domains and accounts of a table as managed; a domain that was given back before is managed again. What would restrict
 * somebody in any of these domains waits for a release, in those, too, that only get further accounts. Invariant: INV-11.
 *
 * Errors: `StoreError` `managed_domain_adopted`, `managed_account_adopted`, `managed_account_first_plan`; throws when one of them is managed otherwise by now.
 */
export async function recordAdopted(q: Queryable, id: string, { domains }: AdoptionBody, at: number): Promise<void> {
  const fresh = domains.filter((d) => d.isNew);
  const made = await q.exec(
    `insert into managed_domain (domain_id, project_id, generation, origin, recorded_at, path, adoption, first_plan)
     select (d->>'domainId')::uuid, d->>'projectId', (d->>'generation')::int, 'adopted', $2, d->>'path', $3::uuid, true
     from jsonb_array_elements($1::jsonb) d
     on conflict (domain_id) do update set project_id = excluded.project_id, generation = excluded.generation, origin = excluded.origin,
       recorded_at = excluded.recorded_at, path = excluded.path, adoption = excluded.adoption, first_plan = true,
       given_back = null, deleted_at = null, absent_since = null, absent_reads = 0
     where managed_domain.given_back is not null`,
    [toJson(fresh), at, id],
  );
  if (made !== fresh.length) throw new Error(`${made} of ${fresh.length} domains could be recorded as managed`);
  // What a later table adopts in a domain was never in a plan of it: its restrictions wait again.
  const again = domains.filter((d) => !d.isNew).map((d) => d.domainId);
  await q.exec("update managed_domain set first_plan = true where not first_plan and domain_id = any ($1::uuid[])", [again]);
  const accounts = domains.flatMap(({ domainId, projectId, accounts: of }) => of.map((a) => ({ ...a, domainId, projectId })));
  const kept = await q.exec(
    `insert into managed_account (account_id, user_id, domain_id, project_id, ci_user_id, recorded_at, adoption)
     select (a->>'accountId')::uuid, (a->>'userId')::uuid, (a->>'domainId')::uuid, a->>'projectId', a->>'ciUserId', $2, $3::uuid
     from jsonb_array_elements($1::jsonb) a on conflict do nothing`,
    [toJson(accounts), at, id],
  );
  if (kept !== accounts.length) throw new Error(`${kept} of ${accounts.length} accounts could be recorded as managed`);
}

/** Records that domains are no longer managed, nor are their accounts; gives how many. Errors: `StoreError` `managed_domain_given_back`. */
export async function recordGivenBack(q: Queryable, id: string, domains: readonly string[], at: number): Promise<number> {
  const given = await q.exec(
    `update managed_domain set deleted_at = $3, given_back = $2, first_plan = false
     where domain_id = any ($1::uuid[]) and origin = 'adopted' and deleted_at is null`,
    [domains, id, at],
  );
  await q.exec("delete from managed_account where domain_id = any ($1::uuid[])", [domains]);
  return given;
}

/** Ends the wait of domains' first plans: from now on they are restricted like all others. */
export async function endFirstPlans(q: Queryable, domains: readonly string[]): Promise<void> {
  if (domains.length === 0) return;
  await q.exec("update managed_domain set first_plan = false where first_plan and domain_id = any ($1::uuid[])", [domains]);
}

/** Counts the live deletions of these domains. */
export function countDeletionsOf(q: Queryable, domains: readonly string[]): Promise<number> {
  return q.one(CountRow, "select count(*) as n from deletion where domain_id = any ($1::uuid[]) and phase not in ('deleted', 'closed')", [
    domains,
  ]);
}
