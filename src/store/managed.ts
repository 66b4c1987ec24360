import { z } from "zod";
import { AccountId, DomainId, DomainPath, Instant, type ProjectId, StoredCiUserId, StoredProjectId, UserId } from "../core/ids.ts";
import type { KnownState, ManagedAccount, ManagedDomain } from "../core/managed.ts";
import { columnsOf, CountRow, toJson, type Queryable } from "./db.ts";

const DomainRow = z.object({
  domainId: DomainId,
  projectId: StoredProjectId,
  generation: z.number(),
  origin: z.enum(["created", "adopted"]),
  absentSince: Instant.nullable(),
  absentReads: z.number(),
  deletedAt: z.number().nullable(),
  firstPlan: z.boolean(),
  givenBack: z.string().nullable(),
});
const AccountRow = z.object({
  accountId: AccountId,
  userId: UserId,
  domainId: DomainId,
  projectId: StoredProjectId,
  ciUserId: StoredCiUserId,
  lockedByUs: z.boolean(),
});
const StateRow = z.object({
  projects: z.number().nullable(),
  domains: z.number().nullable(),
  completeAt: Instant.nullable(),
});
const SELECT_STATE = `select ${columnsOf(StateRow)} from sync_state`;

/** Counts the managed domains that are not deleted. */
export async function countManagedDomains(q: Queryable): Promise<number> {
  return q.one(CountRow, "select count(*) as n from managed_domain where deleted_at is null");
}

/** Reads what planning must know of earlier passes; the confirmed scope is in the policy. `busy` are the domains under a live deletion. */
export async function readKnownState(
  q: Queryable,
  busy: readonly DomainId[],
): Promise<Omit<KnownState, "pinnedScope" | "pinnedRoles" | "restrictionsMade">> {
  const domains = await q.many(DomainRow, `select ${columnsOf(DomainRow)} from managed_domain order by domain_id`);
  const accounts = await q.many(AccountRow, `select ${columnsOf(AccountRow)} from managed_account order by account_id`);
  const { projects, domains: count, completeAt: at } = await q.one(StateRow, SELECT_STATE);

  const live = domains.filter((d) => d.deletedAt === null);
  const liveIds = new Set<string>(live.map((d) => d.domainId));
  const generations: Record<string, number> = {};
  for (const d of domains) if (d.deletedAt !== null) generations[d.projectId] = Math.max(generations[d.projectId] ?? 1, d.generation + 1);
  // Domains that an approved deletion removed since then are missing in CloudStack for a reason, and must not hold later plans.
  const deletedSince = domains.filter((d) => d.deletedAt !== null && d.givenBack === null && d.deletedAt > (at ?? 0)).length;

  return {
    managedDomains: live.map(({ domainId, projectId, generation, origin, absentSince: since, absentReads: reads }): ManagedDomain => ({
      ...{ domainId, projectId, generation, origin },
      absence: since === null ? null : { since, reads },
    })),
    firstPlan: live.filter((d) => d.firstPlan).map((d) => d.domainId),
    managedAccounts: accounts.filter((a) => liveIds.has(a.domainId)),
    generations,
    domainsUnderDeletion: busy,
    lastComplete: projects === null || count === null || at === null ? null : { projects, domains: Math.max(0, count - deletedSince), at },
  };
}

/** Reads the managed accounts of one domain. */
export async function readAccountsOf(q: Queryable, domain: DomainId): Promise<readonly ManagedAccount[]> {
  return q.many(AccountRow, `select ${columnsOf(AccountRow)} from managed_account where domain_id = $1 order by account_id`, [domain]);
}

/** Records domains as managed; a known one stays as it is. */
export async function recordManagedDomains(q: Queryable, domains: readonly Omit<ManagedDomain, "absence">[], at: number): Promise<void> {
  if (domains.length === 0) return;
  await q.exec(
    `insert into managed_domain (domain_id, project_id, generation, origin, recorded_at)
     select (d->>'domainId')::uuid, d->>'projectId', (d->>'generation')::int, d->>'origin', $2 from jsonb_array_elements($1::jsonb) d on conflict do nothing`,
    [toJson(domains), at],
  );
}

/** Records accounts as managed; a known one stays as it is. */
export async function recordManagedAccounts(
  q: Queryable,
  accounts: readonly Omit<ManagedAccount, "lockedByUs">[],
  at: number,
): Promise<void> {
  if (accounts.length === 0) return;
  await q.exec(
    `insert into managed_account (account_id, user_id, domain_id, project_id, ci_user_id, recorded_at)
     select (a->>'accountId')::uuid, (a->>'userId')::uuid, (a->>'domainId')::uuid, a->>'projectId', a->>'ciUserId', $2 from jsonb_array_elements($1::jsonb) a on conflict do nothing`,
    [toJson(accounts), at],
  );
}

const PathRow = z.object({ domainId: DomainId, projectId: StoredProjectId, path: DomainPath.nullable() });
/** A managed domain with its place; null: no complete read recorded it yet. */
export type ManagedPlace = z.output<typeof PathRow>;

/** Reads where the managed domains are: an adopted one need not be called like its project. */
export async function readManagedPlaces(q: Queryable): Promise<readonly ManagedPlace[]> {
  return q.many(PathRow, `select ${columnsOf(PathRow)} from managed_domain where deleted_at is null order by domain_id`);
}

/** Records where a complete read found the managed domains. */
export async function recordPlaces(q: Queryable, places: readonly { readonly id: DomainId; readonly path: string }[]): Promise<void> {
  await q.exec(
    `update managed_domain m set path = p->>'path' from jsonb_array_elements($1::jsonb) p
     where m.domain_id = (p->>'id')::uuid and m.deleted_at is null and m.path is distinct from p->>'path'`,
    [toJson(places.map(({ id, path }) => ({ id, path })))],
  );
}

/** Records that a managed domain was deleted: its project's next domain has the next generation. */
export async function recordDomainDeleted(q: Queryable, domain: DomainId, at: number): Promise<void> {
  await q.exec("update managed_domain set deleted_at = $2 where domain_id = $1 and deleted_at is null", [domain, at]);
}

/** A complete read: which projects it listed, and how much there was. */
export interface CompleteRead {
  readonly present: readonly ProjectId[];
  /** Whether a project that is not in `present` may have been listed: then it is not counted as absent. */
  readonly isUnsure: boolean;
  readonly projects: number;
  readonly domains: number;
  readonly at: number;
}

/** Records a complete read: an absent project has been absent for one more read, a present one for none. */
export async function recordCompleteRead(q: Queryable, r: CompleteRead): Promise<void> {
  await q.exec(
    `update managed_domain set
       absent_since = case when project_id = any($1) then null when $3 then absent_since else coalesce(absent_since, $2) end,
       absent_reads = case when project_id = any($1) then 0 when $3 then absent_reads else absent_reads + 1 end
     where deleted_at is null and (absent_since is not null or not (project_id = any($1)))`,
    [r.present, r.at, r.isUnsure],
  );
  await q.exec("update sync_state set projects = $1, domains = $2, complete_at = $3, quick_changes = 0", [r.projects, r.domains, r.at]);
  // Each of them was read by it.
  await q.exec("delete from unread_project");
}

/** How much the last complete read found; null before the first. */
export async function readLastSizes(q: Queryable): Promise<{ readonly projects: number; readonly domains: number } | null> {
  const { projects, domains } = await q.one(StateRow, SELECT_STATE);
  return projects === null || domains === null ? null : { projects, domains };
}

const ListedRow = z.object({ projects: z.number(), hasAccounts: z.boolean() });

/** What the last complete read of the CI database listed, and whether accounts of its members are managed now; null before the first. */
export async function readLastListed(q: Queryable): Promise<Readonly<z.output<typeof ListedRow>> | null> {
  return q.maybe(
    ListedRow,
    `select projects, exists (select from managed_account a join managed_domain d using (domain_id) where d.deleted_at is null) as "hasAccounts"
     from sync_state where projects is not null`,
  );
}

/** Records which plan was shown last, for replicas of an earlier version. */
export async function recordLastShown(q: Queryable, digest: string): Promise<void> {
  await q.exec("update sync_state set last_shown_digest = $1", [digest]);
}
