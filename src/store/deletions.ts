import { z } from "zod";
import { CiUserId, DeletionId, Digest, DomainId, DomainPath, Instant, OperatorId, ProjectId, Slug } from "../core/ids.ts";
import { phases, type ClosedBecause, type Phase } from "../core/phases.ts";
import { archiveKinds, usualKinds, type ArchiveKind } from "../core/archive-kinds.ts";
import { TeamPolicy, type PolicyNow } from "../core/policy.ts";
import { toJson, type Queryable } from "./db.ts";

const frozenLimits = {
  quorum: true,
  approvalMs: true,
  coolOffMs: true,
  graceMs: true,
  deletionsPerDay: true,
  deletionsPerWeek: true,
  protectedDomains: true,
} as const;
const Frozen = z.object(TeamPolicy.pick(frozenLimits).shape).extend({
  /** The version of the team's policy that it is frozen from; left out in older deletions. */
  version: z.number().int().optional(),
  /** Kinds saved before anybody may approve. */
  archiveKinds: z.array(z.enum(archiveKinds)).default([...usualKinds]),
});
/** The team's limits as they were frozen into a deletion when it was opened. Units: milliseconds, domains. */
export type FrozenPolicy = z.output<typeof Frozen>;

/** What is frozen into a deletion that is opened now. */
export function freezePolicy(now: PolicyNow, kinds: readonly ArchiveKind[]): FrozenPolicy {
  return Frozen.parse({ ...now, archiveKinds: kinds });
}

/** Deletions from before one policy type have other names for the same limits. */
function underTodaysNames(stored: unknown): unknown {
  if (typeof stored !== "object" || stored === null || !("expiresMs" in stored)) return stored;
  const { expiresMs, perDay, perWeek, ...same } = stored as Record<string, unknown>;
  return { ...same, approvalMs: expiresMs, deletionsPerDay: perDay, deletionsPerWeek: perWeek };
}

const EvidenceRow = z.union([
  z.object({ kind: z.literal("closed"), projectId: ProjectId, slug: Slug, closedAt: Instant.nullable(), closedBy: CiUserId.nullable() }),
  z.object({ kind: z.literal("absent"), projectId: ProjectId, since: Instant, reads: z.number() }),
]);

const Row = z.object({
  id: DeletionId,
  domain_id: DomainId,
  project_id: ProjectId,
  slug: z.string(),
  path: DomainPath,
  name: z.string(),
  evidence: EvidenceRow,
  requesters: z.array(OperatorId),
  phase: z.enum(phases),
  frozen_from: z.enum(phases).nullable(),
  version: z.number(),
  digest: Digest.nullable(),
  quorum: z.number(),
  policy: z.preprocess(underTodaysNames, Frozen),
  opened_at: Instant,
  proposed_at: Instant.nullable(),
  expires_at: Instant.nullable(),
  until_at: Instant.nullable(),
  entered_at: Instant.nullable(),
  activity: z.string().nullable(),
  restore_by: z.string().nullable(),
  closed_because: z.custom<ClosedBecause>((v) => typeof v === "string").nullable(),
  closed_by: z.string().nullable(),
  closed_reason: z.string().nullable(),
  frozen_reason: z.string().nullable(),
  ran_machines: z.array(z.string()),
});
/** One deletion as it stands. */
export type DeletionRow = z.output<typeof Row>;
const COLUMNS = Object.keys(Row.shape).join(", ");

/** Opens a deletion for a domain; null when one is live already. */
export async function insertDeletion(
  q: Queryable,
  d: Pick<DeletionRow, "id" | "domain_id" | "project_id" | "slug" | "path" | "name" | "evidence" | "requesters" | "policy" | "opened_at">,
): Promise<boolean> {
  const n = await q.exec(
    `insert into deletion (id, domain_id, project_id, slug, path, name, evidence, requesters, phase, quorum, policy, opened_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 'archiving', $9, $10, $11) on conflict do nothing`,
    [
      d.id,
      d.domain_id,
      d.project_id,
      d.slug,
      d.path,
      d.name,
      toJson(d.evidence),
      d.requesters,
      d.policy.quorum,
      toJson(d.policy),
      d.opened_at,
    ],
  );
  return n === 1;
}

/** Reads one deletion; `lock` keeps it until the transaction ends. */
export async function readDeletion(q: Queryable, id: string, lock = false): Promise<DeletionRow | null> {
  return q.maybe(Row, `select ${COLUMNS} from deletion where id = $1${lock ? " for update" : ""}`, [id]);
}

/** Reads the deletions that have not ended, oldest first; `project` narrows. */
export async function readLiveDeletions(q: Queryable, project: ProjectId | null = null): Promise<readonly DeletionRow[]> {
  return q.many(
    Row,
    `select ${COLUMNS} from deletion where phase not in ('deleted', 'closed') and ($1::text is null or project_id = $1) order by opened_at`,
    [project],
  );
}

/** Reads the newest deletion of a project, ended or not. */
export async function readNewestDeletion(q: Queryable, project: ProjectId): Promise<DeletionRow | null> {
  return q.maybe(Row, `select ${COLUMNS} from deletion where project_id = $1 order by opened_at desc limit 1`, [project]);
}

/** When a domain's last deletion was closed without deleting, by whom and why; a rejected one is not asked again at once. */
export async function readLastClosed(q: Queryable, domain: DomainId): Promise<DeletionRow | null> {
  return q.maybe(Row, `select ${COLUMNS} from deletion where domain_id = $1 and phase = 'closed' order by opened_at desc limit 1`, [
    domain,
  ]);
}

/** The columns a transition may set. */
export type DeletionChange = Partial<
  Pick<
    DeletionRow,
    | "phase"
    | "digest"
    | "proposed_at"
    | "expires_at"
    | "until_at"
    | "entered_at"
    | "activity"
    | "restore_by"
    | "closed_because"
    | "closed_by"
    | "closed_reason"
    | "frozen_reason"
    | "ran_machines"
  >
>;

/** Changes a deletion's row; PostgreSQL refuses moves and phases that are not allowed. Errors: `StoreError` with the rule's name. */
export async function updateDeletion(q: Queryable, id: string, change: DeletionChange): Promise<void> {
  const entries = Object.entries(change);
  if (entries.length === 0) return;
  await q.exec(`update deletion set ${entries.map(([k], i) => `${k} = $${i + 2}`).join(", ")} where id = $1`, [
    id,
    ...entries.map(([, v]) => v),
  ]);
}

/** Appends to a deletion's log. */
export async function recordDeletionEvent(q: Queryable, id: string, at: number, kind: string, data: unknown): Promise<void> {
  await q.exec("insert into deletion_event (deletion_id, at, kind, data) values ($1, $2, $3, $4)", [id, at, kind, toJson(data ?? null)]);
}

/** How many deletions entered the irreversible part since an instant, over all replicas. Take the lock first. Invariant: INV-11. */
export async function countEntered(q: Queryable, since: number): Promise<number> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.budget', 0))");
  const row = await q.one(
    z.object({ n: z.coerce.number() }),
    "select count(*) as n from deletion_event where kind = 'entered dismantling' and at > $1",
    [since],
  );
  return row.n;
}

/** Whether a phase is one of those in which nothing has been destroyed yet. */
export function isBeforeDismantling(phase: Phase): boolean {
  return ["archiving", "proposed", "cooling_off", "quarantining", "grace"].includes(phase);
}
