import type { Instant } from "../../core/ids.ts";
import { readAudit, verifyAudit, type AuditRow, type AuditVerdict } from "../../store/audit.ts";
import type { Queryable } from "../../store/db.ts";
import {
  readDeletionsBetween,
  readCompletePlanBefore,
  readSavedThings,
  type IncidentDeletionRow,
  type CompletePlanRow,
  type SavedRow,
} from "../../store/incident-facts.ts";
import { readPlanInputs } from "../../store/plans.ts";
import type { DesiredProject } from "../../sync/planning/desired.ts";
import type { KnownState } from "../../core/managed.ts";
import type { ObservedAccount, ObservedDomain } from "../../sync/planning/observed.ts";

const BATCH = 1000;

/** A person to inform. */
export interface Person {
  readonly username: string;
  readonly name: string;
  readonly email: string;
}

/** What one complete read of both sides saw. */
export interface Reading {
  readonly planId: string;
  readonly at: Instant;
  readonly domains: readonly { readonly id: string; readonly path: string; readonly depth: number }[];
  readonly accounts: readonly { readonly id: string; readonly name: string; readonly domainId: string; readonly state: string }[];
  readonly projects: readonly { readonly id: string; readonly slug: string; readonly members: readonly Person[] }[];
  readonly managed: readonly { readonly domainId: string; readonly projectId: string }[];
}

/** All that a report is made of. Units: instants are UTC epoch milliseconds. */
export interface IncidentFacts {
  readonly since: Instant;
  readonly until: Instant;
  readonly writtenAt: Instant;
  readonly timeline: readonly AuditRow[];
  readonly verdict: AuditVerdict;
  /** The last complete read before the window; null when there is none. */
  readonly before: Reading | null;
  /** The last complete read in the window; null when there is none. */
  readonly after: Reading | null;
  readonly deletions: readonly IncidentDeletionRow[];
  readonly saved: readonly SavedRow[];
}

/** Reads what is needed for a report on a window of time; changes nothing. Errors: throws `StoreError`. */
export async function gatherIncident(
  q: Queryable,
  window: { readonly since: Instant; readonly until: Instant },
  now: Instant,
): Promise<IncidentFacts> {
  const { since, until } = window;
  const first = await readCompletePlanBefore(q, since - 1);
  const last = await readCompletePlanBefore(q, until);
  return {
    since,
    until,
    writtenAt: now,
    timeline: await readTimeline(q, since, until),
    verdict: await verifyAudit(q),
    before: first === null ? null : await openReading(q, first),
    after: last === null || last.planId === first?.planId ? null : await openReading(q, last),
    deletions: await readDeletionsBetween(q, since, until),
    saved: await readSavedThings(q),
  };
}

async function readTimeline(q: Queryable, since: Instant, until: Instant): Promise<readonly AuditRow[]> {
  const rows: AuditRow[] = [];
  for (let afterSeq = 0; ;) {
    const batch = await readAudit(q, { afterSeq, sinceAt: since, limit: BATCH });
    rows.push(...batch.filter((r) => r.at <= until));
    const end = batch.at(-1);
    if (end === undefined || batch.length < BATCH) return rows;
    afterSeq = end.seq;
  }
}

async function openReading(q: Queryable, row: CompletePlanRow): Promise<Reading | null> {
  const inputs = await readPlanInputs(q, row.planId);
  if (inputs === null) return null;
  const observed = inputs.observed as { readonly domains: readonly ObservedDomain[]; readonly accounts: readonly ObservedAccount[] };
  const desired = inputs.desired as { readonly projects: readonly DesiredProject[] };
  const known = inputs.known as KnownState;
  return {
    planId: row.planId,
    at: row.at,
    domains: observed.domains.map(({ id, path, depth }) => ({ id, path, depth })),
    accounts: observed.accounts.map(({ id, name, domainId, state }) => ({ id, name, domainId, state })),
    projects: desired.projects.map((p) => ({
      id: p.id,
      slug: p.slug,
      members: p.members.map((m) => ({ username: m.username, name: `${m.firstName} ${m.lastName}`.trim(), email: m.email })),
    })),
    managed: known.managedDomains.map(({ domainId, projectId }) => ({ domainId, projectId })),
  };
}
