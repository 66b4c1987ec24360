import type { Instant } from "../../core/ids.ts";
import type { AuditRow, AuditVerdict } from "../../store/audit.ts";
import type { IncidentDeletionRow, SavedRow } from "../../store/incident-facts.ts";

/** A person to be told. */
export interface Person {
  readonly username: string;
  readonly name: string;
  readonly email: string;
}

/** What there was at one complete read of both sides. */
export interface Look {
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
  /** The last complete look before the window; null when there is none. */
  readonly before: Look | null;
  /** The last complete look in the window; null when there is none. */
  readonly after: Look | null;
  readonly deletions: readonly IncidentDeletionRow[];
  readonly saved: readonly SavedRow[];
}
