import { z } from "zod";
import {
  DeletionId,
  Digest,
  DomainId,
  DomainPath,
  Instant,
  OperatorId,
  type ProjectId,
  Slug,
  StoredCiUserId,
  StoredProjectId,
} from "../core/ids.ts";
import { phases, type ClosedBecause, type Phase } from "../core/phases.ts";
import { archiveKinds, usualKinds, type ArchiveKind } from "../core/archive-kinds.ts";
import { TeamPolicy, type PolicyNow } from "../core/policy.ts";
import { columnsOf, CountRow, insertRow, toJson, updateRow, type Queryable } from "./db.ts";

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
/** The team's limits as frozen into a deletion when it was opened. Units: milliseconds, domains. */
export type FrozenPolicy = z.output<typeof Frozen>;

/** The limits of a deletion that is opened now. */
export function freezePolicy(now: PolicyNow, kinds: readonly ArchiveKind[]): FrozenPolicy {
  return Frozen.parse({ ...now, archiveKinds: kinds });
}

/** Deletions of older versions have other names for the same limits. */
function withPresentNames(stored: unknown): unknown {
  if (typeof stored !== "object" || stored === null || !("expiresMs" in stored)) return stored;
  const { expiresMs, perDay, perWeek, ...same } = stored as Record<string, unknown>;
  return { ...same, approvalMs: expiresMs, deletionsPerDay: perDay, deletionsPerWeek: perWeek };
}

const EvidenceRow = z.union([
  z.object({
    kind: z.literal("closed"),
    projectId: StoredProjectId,
    slug: Slug,
    closedAt: Instant.nullable(),
    closedBy: StoredCiUserId.nullable(),
  }),
  z.object({ kind: z.literal("absent"), projectId: StoredProjectId, since: Instant, reads: z.number() }),
]);

const Row = z.object({
  id: DeletionId,
  domain_id: DomainId,
  project_id: StoredProjectId,
  slug: z.string(),
  path: DomainPath,
  name: z.string(),
  evidence: EvidenceRow,
  requesters: z.array(OperatorId),
  /** Every name that was known of them when it was opened; null: before that was kept. */
  asked_as: z.array(z.string()).nullable(),
  phase: z.enum(phases),
  frozen_from: z.enum(phases).nullable(),
  version: z.number(),
  digest: Digest.nullable(),
  quorum: z.number(),
  policy: z.preprocess(withPresentNames, Frozen),
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
  lease: z.number(),
  expunge_after: Instant.nullable(),
  /** The reason why the next step is not taken yet, and since when; both null while nothing keeps it back. */
  waiting_for: z.string().nullable(),
  waiting_since: Instant.nullable(),
  /** How long other reasons have lasted since the step is due. Units: milliseconds. */
  waits: z.record(z.string(), z.number()),
});
/** One deletion. */
export type DeletionRow = z.output<typeof Row>;
const SELECT = `select ${columnsOf(Row)} from deletion`;

/** Opens a deletion for a domain; false when one is live already. */
export async function insertDeletion(
  q: Queryable,
  d: Pick<DeletionRow, "id" | "domain_id" | "project_id" | "slug" | "path" | "name" | "evidence" | "requesters" | "policy" | "opened_at">,
): Promise<boolean> {
  return (await insertRow(q, "deletion", { ...d, phase: "archiving", quorum: d.policy.quorum }, "on conflict do nothing")) === 1;
}

/** Reads one deletion; `lock` locks its row until the transaction ends. */
export async function readDeletion(q: Queryable, id: string, lock = false): Promise<DeletionRow | null> {
  return q.maybe(Row, `${SELECT} where id = $1${lock ? " for update" : ""}`, [id]);
}

const LIVE = "phase not in ('deleted', 'closed') and ($1::text is null or project_id = $1) order by seq";

/** Reads the deletions that have not ended, oldest first, but for those of `readUnreadable`; `project` narrows. */
export async function readLiveDeletions(q: Queryable, project: ProjectId | null = null): Promise<readonly DeletionRow[]> {
  return (await readLive(q, project)).flatMap(({ parsed }) => (parsed.success ? [parsed.data] : []));
}

const RawRow = z.record(z.string(), z.unknown());
async function readLive(q: Queryable, project: ProjectId | null) {
  const rows = await q.many(RawRow, `${SELECT} where ${LIVE}`, [project]);
  return rows.map((row) => ({ row, parsed: Row.safeParse(row) }));
}

/** What every row has in a shape that can be read, whatever else is wrong with it. */
const Head = Row.pick({ id: true, domain_id: true, project_id: true, slug: true, path: true, phase: true, frozen_from: true })
  .extend(Row.pick({ closed_because: true, expires_at: true, until_at: true }).shape)
  .strip();
/** Which deletion it is, and where it stands. */
export type DeletionHead = z.output<typeof Head>;

/** As `readLiveDeletions`, with those that cannot be read: their domains are under deletion too, and nothing else may be done with them. */
export async function readLiveHeads(q: Queryable, project: ProjectId | null = null): Promise<readonly DeletionHead[]> {
  return q.many(Head, `select ${columnsOf(Head)} from deletion where ${LIVE}`, [project]);
}

/** A deletion that has not ended and whose row cannot be read: nothing of it goes on. */
export interface UnreadableDeletion extends DeletionHead {
  readonly why: string;
}

/** The deletions that have not ended and cannot be read, as after an edit by hand: others go on, and people are told of each. */
export async function readUnreadable(q: Queryable): Promise<readonly UnreadableDeletion[]> {
  return (await readLive(q, null)).flatMap(({ row, parsed }) => {
    if (parsed.success) return [];
    // Only names of columns: what is in them may be secret.
    const columns = [...new Set(parsed.error.issues.map((issue) => String(issue.path[0])))].join(", ");
    return [{ ...Head.parse(row), why: `its row in Twokey's database cannot be read (${columns}), so nothing of it goes on` }];
  });
}

/** As `readDeletion`; null also where it cannot be read. */
export async function readIfReadable(q: Queryable, id: string, lock = false): Promise<DeletionRow | null> {
  const row = Row.safeParse(await q.maybe(RawRow, `${SELECT} where id = $1${lock ? " for update" : ""}`, [id]));
  return row.success ? row.data : null;
}

/** Reads the newest deletion of a project, ended or not. */
export async function readNewestDeletion(q: Queryable, project: ProjectId): Promise<DeletionRow | null> {
  return q.maybe(Row, `${SELECT} where project_id = $1 order by seq desc limit 1`, [project]);
}

/** How it ended: readable in every row, since what people refused is not asked again. */
const Ending = Row.pick({ closed_because: true, closed_by: true, closed_reason: true, entered_at: true, opened_at: true });

/** Reads the deletion of a domain that was opened last of those closed without deleting; a rejected one is not proposed again at once. */
export async function readLastClosed(q: Queryable, domain: DomainId): Promise<z.output<typeof Ending> | null> {
  return q.maybe(Ending, `select ${columnsOf(Ending)} from deletion where domain_id = $1 and phase = 'closed' order by seq desc limit 1`, [
    domain,
  ]);
}

type FixedColumn = Extract<
  keyof DeletionRow,
  "id" | `${string}_id` | "slug" | "path" | "name" | "evidence" | "requesters" | "quorum" | "policy"
>;
/** The columns a transition may set. */
export type DeletionChange = Partial<Omit<DeletionRow, FixedColumn | "frozen_from" | "version" | "opened_at" | "lease">>;

/** Changes a deletion's row; PostgreSQL refuses moves and phases that are not allowed. Errors: `StoreError` with the rule's name. */
export async function updateDeletion(q: Queryable, id: string, change: DeletionChange): Promise<void> {
  await updateRow(q, "deletion", id, change);
}

const Lease = z.object({ lease: z.number() });

/** Takes a deletion over for one run: calls of every run before it are refused from now on. Null: there is no such deletion. */
export async function takeLease(q: Queryable, id: string): Promise<number | null> {
  return (await q.maybe(Lease, "update deletion set lease = lease + 1 where id = $1 returning lease", [id]))?.lease ?? null;
}

/** Appends to a deletion's log. */
export async function recordDeletionEvent(q: Queryable, id: string, at: number, kind: string, data: unknown): Promise<void> {
  await insertRow(q, "deletion_event", { deletion_id: id, at, kind, data: toJson(data ?? null) });
}

/** Counts what a deletion's log has of one kind. */
export async function countDeletionEvents(q: Queryable, id: string, kind: string): Promise<number> {
  return q.one(CountRow, "select count(*) as n from deletion_event where deletion_id = $1 and kind = $2", [id, kind]);
}

const EventRow = z.object({ at: Instant, kind: z.string(), data: z.unknown() });
/** One line of a deletion's log. */
export type DeletionEvent = Readonly<z.output<typeof EventRow>>;

/** A deletion's log, oldest first. */
export function readDeletionEvents(q: Queryable, id: string): Promise<readonly DeletionEvent[]> {
  return q.many(EventRow, `select ${columnsOf(EventRow)} from deletion_event where deletion_id = $1 order by seq`, [id]);
}

/** When a deletion entered a phase, the last time; null: never. */
export async function readEnteredAt(q: Queryable, id: string, phase: Phase): Promise<Instant | null> {
  const row = z.object({ at: Instant });
  const sql = "select at from deletion_event where deletion_id = $1 and kind = $2 order by seq desc limit 1";
  return (await q.maybe(row, sql, [id, `entered ${phase}`]))?.at ?? null;
}

/** How long a deletion's wait still lasts by the database's own clock, which refuses to end it before. Units: milliseconds. */
export async function readWaitLeft(q: Queryable, id: string): Promise<number> {
  return q.one(CountRow, "select wait_left(d) as n from deletion d where id = $1", [id]);
}

/** Counts the deletions of all replicas that began to destroy since an instant, and locks that count. Invariant: INV-11. */
export async function countEntered(q: Queryable, since: number): Promise<number> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.budget', 0))");
  return readEntered(q, since);
}

/** The same count, which nobody is kept from changing: for what is only shown. */
export async function readEntered(q: Queryable, since: number): Promise<number> {
  return q.one(CountRow, "select count(*) as n from deletion_event where kind = 'entered dismantling' and at > $1", [since]);
}

/** Whether nothing has been destroyed yet in a phase. */
export function isBeforeDismantling(phase: Phase): boolean {
  return ["archiving", "proposed", "cooling_off", "quarantining", "grace"].includes(phase);
}
