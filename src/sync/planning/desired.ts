import type { CiUserId, DomainId, Instant, ProjectId, Slug } from "../../core/ids.ts";
import type { TeamPolicy } from "../../core/policy.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { FleetScope, Scope } from "../../core/scope.ts";
import type { Limits, ManagedDomain } from "../../core/managed.ts";

/** One member of a project, as the CI database says it should be. */
export interface DesiredMember {
  readonly userId: CiUserId;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  /** The role's name in the CI database; configuration maps it to a CloudStack role. */
  readonly role: string;
}

/** One project with its members, sorted by user id. */
export interface DesiredProject {
  readonly id: ProjectId;
  readonly slug: Slug;
  readonly name: string;
  readonly state: "active" | "closed";
  readonly closedAt: Instant | null;
  /** Who closed it: a CI user id; that person may not approve its deletion. */
  readonly closedBy: CiUserId | null;
  readonly limits: Limits;
  readonly members: readonly DesiredMember[];
}

/** A row that could not be used; its project is left exactly as it is. */
export interface HeldRow {
  readonly view: string;
  /** How to find the row: its key columns as text. */
  readonly key: string;
  readonly problem: string;
  readonly remedy: string;
  /** The project the row belongs to, when the row tells. */
  readonly projectId: ProjectId | null;
  /** The member the row belongs to; null when the whole project is held. */
  readonly userId: CiUserId | null;
}

/** What could be read before something went wrong, or a read narrowed to one project. It can never prove that something is gone. */
export interface PartialDesired {
  readonly coverage: "partial";
  readonly scope: Scope;
  readonly projects: readonly DesiredProject[];
  readonly held: readonly HeldRow[];
  readonly asOf: Instant;
  readonly reason: string;
}

/** What the CI database says of its own changes. Units: milliseconds since 1970, by its clock. */
export interface ChangedProjects {
  /** The server's clock at the read. */
  readonly at: number;
  /** When each project, one of its members or its memberships was changed last, of those changed since the instant asked about. */
  readonly projects: ReadonlyMap<ProjectId, number>;
}

/** Why a domain may be proposed for deletion: its project is closed, or has been absent for long enough. */
export type Evidence =
  | Readonly<{ kind: "closed"; projectId: ProjectId; slug: Slug; closedAt: Instant | null; closedBy: CiUserId | null }>
  | Readonly<{ kind: "absent"; projectId: ProjectId; since: Instant; reads: number }>;

/** Proof that a complete read of the CI database says this domain's project is gone. Only `proveGone` makes one. */
class GoneProof {
  readonly domainId: DomainId;
  readonly #evidence: Evidence;
  constructor(domainId: DomainId, evidence: Evidence) {
    this.domainId = domainId;
    this.#evidence = evidence;
  }
  get evidence(): Evidence {
    return this.#evidence;
  }
}

/** A proof that a managed domain's project is gone. */
export type Gone = GoneProof;

/** What a reader reports; `counted` are the database's own counts, taken in the same transaction. */
export interface DesiredReport {
  readonly scope: FleetScope;
  readonly projects: readonly DesiredProject[];
  readonly held: readonly HeldRow[];
  readonly counted: { readonly projects: number; readonly memberships: number };
  /** Rows read, held ones included. */
  readonly rows: { readonly projects: number; readonly memberships: number };
  readonly asOf: Instant;
}

/** The whole of the desired state, read completely. Only `completeDesired` makes one. */
class CompleteDesiredSnapshot {
  readonly coverage = "complete";
  readonly scope: FleetScope;
  readonly projects: readonly DesiredProject[];
  readonly held: readonly HeldRow[];
  readonly asOf: Instant;
  readonly #byId: ReadonlyMap<ProjectId, DesiredProject>;
  readonly #heldIds: ReadonlySet<ProjectId>;
  constructor(report: DesiredReport) {
    this.scope = report.scope;
    this.projects = report.projects;
    this.held = report.held;
    this.asOf = report.asOf;
    this.#byId = new Map(report.projects.map((p) => [p.id, p]));
    this.#heldIds = new Set(report.held.flatMap((h) => (h.projectId === null ? [] : [h.projectId])));
  }
  /** Whether a held row is of this project: then nothing at all may be concluded about it. */
  isHeld(projectId: ProjectId): boolean {
    return this.#heldIds.has(projectId);
  }
  /** Whether some held row does not tell its project: then no absence can be proved for any project. */
  get hasNamelessHeldRow(): boolean {
    return this.held.some((h) => h.projectId === null);
  }
  /** The project, or undefined when the CI database does not list it. */
  find(projectId: ProjectId): DesiredProject | undefined {
    return this.#byId.get(projectId);
  }
  /**
   * Proves that a managed domain's project is closed, or absent for long enough; null when it is not proved.
   *
   * Invariant: INV-1, INV-6. Absence from this read alone never suffices: it must have lasted as the policy asks.
   */
  proveGone(managed: ManagedDomain, policy: Pick<TeamPolicy, "absenceReads" | "absenceMs">): Gone | null {
    if (this.isHeld(managed.projectId)) return null;
    const project = this.find(managed.projectId);
    if (project !== undefined) {
      if (project.state !== "closed") return null;
      const { id: projectId, slug, closedAt, closedBy } = project;
      return new GoneProof(managed.domainId, { kind: "closed", projectId, slug, closedAt, closedBy });
    }
    if (this.hasNamelessHeldRow || managed.absence === null) return null;
    if (managed.absence.reads < policy.absenceReads || this.asOf - managed.absence.since < policy.absenceMs) return null;
    const { since, reads } = managed.absence;
    return new GoneProof(managed.domainId, { kind: "absent", projectId: managed.projectId, since, reads });
  }
}

/** The whole of the desired state, read completely. */
export type CompleteDesired = CompleteDesiredSnapshot;

/** Why a report is not complete. */
export interface SnapshotDefect {
  readonly kind: "count_mismatch" | "outside_scope" | "duplicate" | "empty";
  readonly sentence: string;
}

/**
 * Mints a complete desired snapshot from a reader's report.
 *
 * Errors: `count_mismatch` (rows read ≠ rows counted), `duplicate` (one id twice), `empty` (no project at all).
 * Invariant: INV-1, INV-6.
 */
export function completeDesired(report: DesiredReport): Result<CompleteDesired, SnapshotDefect> {
  for (const side of ["projects", "memberships"] as const) {
    if (report.rows[side] !== report.counted[side]) {
      const sentence = `the CI database counts ${report.counted[side]} ${side}, ${report.rows[side]} were read`;
      return err({ kind: "count_mismatch", sentence });
    }
  }
  if (report.rows.projects === 0) return err({ kind: "empty", sentence: "the CI database lists no project at all" });
  const ids = new Set<ProjectId>();
  for (const { id } of report.projects) {
    if (ids.has(id)) return err({ kind: "duplicate", sentence: `project ${id} is listed twice` });
    ids.add(id);
  }
  return ok(new CompleteDesiredSnapshot(report));
}
