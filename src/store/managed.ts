import { z } from "zod";
import { AccountId, CiUserId, DomainId, Instant, ProjectId, UserId } from "../core/ids.ts";
import type { KnownState, ManagedAccount, ManagedDomain } from "../core/managed.ts";
import { type Queryable, toJson } from "./db.ts";

const DomainRow = z.object({
  domain_id: DomainId,
  project_id: ProjectId,
  generation: z.number(),
  origin: z.enum(["created", "adopted"]),
  absent_since: Instant.nullable(),
  absent_reads: z.number(),
  deleted_at: z.number().nullable(),
});
const AccountRow = z.object({
  account_id: AccountId,
  user_id: UserId,
  domain_id: DomainId,
  project_id: ProjectId,
  ci_user_id: CiUserId,
  locked_by_us: z.boolean(),
});
const StateRow = z.object({
  projects: z.number().nullable(),
  domains: z.number().nullable(),
  complete_at: Instant.nullable(),
  last_shown_digest: z.string().nullable(),
});

/** How many domains are managed and not deleted; for showing a share, at every step, without reading them all. */
export async function countManagedDomains(q: Queryable): Promise<number> {
  const row = await q.one(z.object({ n: z.coerce.number() }), "select count(*) as n from managed_domain where deleted_at is null");
  return row.n;
}

/** Reads all that planning must know of earlier passes, but for the confirmed scope, which stands in the policy. `busy` are the domains under a live deletion. */
export async function readKnownState(q: Queryable, busy: readonly DomainId[]): Promise<Omit<KnownState, "pinnedScope">> {
  const domains = await q.many(
    DomainRow,
    "select domain_id, project_id, generation, origin, absent_since, absent_reads, deleted_at from managed_domain order by domain_id",
  );
  const accounts = await q.many(
    AccountRow,
    "select account_id, user_id, domain_id, project_id, ci_user_id, locked_by_us from managed_account order by account_id",
  );
  const state = await q.one(StateRow, "select projects, domains, complete_at, last_shown_digest from sync_state");
  const live = domains.filter((d) => d.deleted_at === null);
  const liveIds = new Set<string>(live.map((d) => d.domain_id));
  const generations: Record<string, number> = {};
  for (const d of domains)
    if (d.deleted_at !== null) generations[d.project_id] = Math.max(generations[d.project_id] ?? 1, d.generation + 1);
  return {
    managedDomains: live.map((d): ManagedDomain => ({
      domainId: d.domain_id,
      projectId: d.project_id,
      generation: d.generation,
      origin: d.origin,
      absence: d.absent_since === null ? null : { since: d.absent_since, reads: d.absent_reads },
    })),
    managedAccounts: accounts
      .filter((a) => liveIds.has(a.domain_id))
      .map((a): ManagedAccount => ({
        accountId: a.account_id,
        userId: a.user_id,
        domainId: a.domain_id,
        projectId: a.project_id,
        ciUserId: a.ci_user_id,
        lockedByUs: a.locked_by_us,
      })),
    generations,
    domainsUnderDeletion: busy,
    lastComplete:
      state.projects === null || state.domains === null || state.complete_at === null
        ? null
        : {
            projects: state.projects,
            domains: Math.max(0, state.domains - deletedSince(domains, state.complete_at)),
            at: state.complete_at,
          },
  };
}

/** Domains that an approved deletion took since then: they are missing in CloudStack for a reason, and must not hold every later plan. */
function deletedSince(domains: readonly { readonly deleted_at: number | null }[], at: number): number {
  return domains.filter((d) => d.deleted_at !== null && d.deleted_at > at).length;
}

/** Records domains as managed; a domain recorded before stays as it is. */
export async function recordManagedDomains(q: Queryable, domains: readonly Omit<ManagedDomain, "absence">[], at: number): Promise<void> {
  if (domains.length === 0) return;
  await q.exec(
    `insert into managed_domain (domain_id, project_id, generation, origin, recorded_at)
     select (d->>'domainId')::uuid, d->>'projectId', (d->>'generation')::int, d->>'origin', $2 from jsonb_array_elements($1::jsonb) d on conflict do nothing`,
    [toJson(domains), at],
  );
}

/** Records accounts as managed; an account recorded before stays as it is. */
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

/** Records whether a lock on an account is ours. */
export async function recordLock(q: Queryable, account: AccountId, lockedByUs: boolean): Promise<void> {
  await q.exec("update managed_account set locked_by_us = $2 where account_id = $1", [account, lockedByUs]);
}

/** Records that a managed domain is gone for good: its project's next domain is of the next generation. */
export async function recordDomainDeleted(q: Queryable, domain: DomainId, at: number): Promise<void> {
  await q.exec("update managed_domain set deleted_at = $2 where domain_id = $1 and deleted_at is null", [domain, at]);
}

/** After a complete read: which projects are absent, one read more; the others' streaks end. Sizes are recorded with it. */
export async function recordCompleteRead(
  q: Queryable,
  r: {
    readonly present: readonly ProjectId[];
    /** Whether a project that is not among `present` may have been listed all the same: then it is not counted as absent. */
    readonly isUnsure: boolean;
    readonly projects: number;
    readonly domains: number;
    readonly at: number;
  },
): Promise<void> {
  await q.exec(
    `update managed_domain set
       absent_since = case when project_id = any($1) then null when $3 then absent_since else coalesce(absent_since, $2) end,
       absent_reads = case when project_id = any($1) then 0 when $3 then absent_reads else absent_reads + 1 end
     where deleted_at is null and (absent_since is not null or not (project_id = any($1)))`,
    [r.present, r.at, r.isUnsure],
  );
  await q.exec("update sync_state set projects = $1, domains = $2, complete_at = $3", [r.projects, r.domains, r.at]);
}

/** The digest of the plan that was shown last; null before the first. */
export async function readLastShown(q: Queryable): Promise<string | null> {
  return (await q.one(StateRow, "select projects, domains, complete_at, last_shown_digest from sync_state")).last_shown_digest;
}

/** Records which plan was shown last. */
export async function recordLastShown(q: Queryable, digest: string): Promise<void> {
  await q.exec("update sync_state set last_shown_digest = $1", [digest]);
}
