import { z } from "zod";
import { digestOf } from "../core/digest.ts";
import type { Digest } from "../core/ids.ts";
import type { KnownState, ManagedDomain } from "../core/managed.ts";
import { columnsOf, insertRow, toJson, updateRow, type Queryable, type Transaction } from "./db.ts";
import { newestFleetPlan } from "./newest-plan.ts";
import { bySide, readSnapshots, recordSnapshots, type Side } from "./snapshots.ts";

/** Records that a pass began: over what, and who started it. */
export async function recordPass(
  q: Queryable,
  p: { readonly id: string; readonly scope: unknown; readonly startedBy: unknown; readonly at: number },
): Promise<void> {
  await insertRow(q, "pass", { id: p.id, scope: toJson(p.scope), startedBy: toJson(p.startedBy), startedAt: p.at });
}

/** Records that a pass ended, with its problem if it had one. */
export async function recordPassEnd(q: Queryable, id: string, at: number, trouble: string | null): Promise<void> {
  await updateRow(q, "pass", id, { ended_at: at, trouble });
}

/** One plan to store. */
export interface StoredPlan {
  readonly id: string;
  readonly passId: string;
  readonly digest: string;
  readonly scopeFingerprint: string;
  readonly plannedAt: number;
  /** When each side was read. */
  readonly readAt: { readonly desired: number; readonly observed: number };
  readonly record: unknown;
}

/** What a plan is made of. */
export type InputBodies = Readonly<Record<Exclude<Side, "known">, object>> & { readonly known: KnownState };

/** Stores a plan with its inputs; gives one digest over the digests of these. */
export async function recordPlan(q: Transaction, p: StoredPlan, bodies: InputBodies, at: number): Promise<Digest> {
  const { readAt, record, ...plan } = p;
  const { lasting, now } = splitKnown(bodies.known);
  const inputs = await recordSnapshots(q, { ...bodies, known: lasting }, at);
  const times = { desiredReadAt: readAt.desired, observedReadAt: readAt.observed };
  await insertRow(q, "plan", { ...plan, ...inputs, knownNow: toJson(now), ...times, record: toJson(record) });
  return digestOf({ ...inputs, now });
}

type Absences = Readonly<Record<string, ManagedDomain["absence"]>>;

/** What stays the same while nothing changes, and what is another at each pass, such as the time of the last read. */
function splitKnown({ managedDomains, domainsUnderDeletion, lastComplete, notOurs = null, restrictionsMade, ...others }: KnownState) {
  const absences: Absences = Object.fromEntries(managedDomains.flatMap((d) => (d.absence === null ? [] : [[d.domainId, d.absence]])));
  const lasting = { managedDomains: managedDomains.map(({ absence: _, ...domain }) => domain), ...others };
  return { lasting, now: { domainsUnderDeletion, lastComplete, notOurs, restrictionsMade, absences } };
}

function joinKnown(lasting: unknown, now: unknown): unknown {
  // Plans of earlier versions have it in one piece.
  if (now === null) return lasting;
  const { absences, ...others } = now as { readonly absences: Absences };
  const { managedDomains, ...more } = lasting as { readonly managedDomains: readonly Omit<ManagedDomain, "absence">[] };
  return { managedDomains: managedDomains.map((d) => ({ ...d, absence: absences[d.domainId] ?? null })), ...more, ...others };
}

/** Records how a plan was carried out. */
export async function updatePlanRecord(q: Queryable, id: string, record: unknown, shown: boolean): Promise<void> {
  await q.exec("update plan set record = $2, shown = shown or $3 where id = $1", [id, toJson(record), shown]);
}

/** Reads how a plan was carried out; null when there is no such plan. */
export async function readPlanRecord(q: Queryable, id: string): Promise<unknown> {
  return (await q.maybe(z.object({ record: z.unknown() }), "select record from plan where id = $1", [id]))?.record ?? null;
}

/** Reads how the newest plan over everything was carried out; null: there is none. */
export async function readNewestFleetRecord(q: Queryable): Promise<unknown> {
  return (await q.maybe(z.object({ record: z.unknown() }), newestFleetPlan("p.record"), []))?.record ?? null;
}

/** As many digits of an id or a digest as are shown; fewer could be anybody's. */
const TYPED = /^[0-9a-f][0-9a-f-]{7,63}$/;

/** Reads how the plan was carried out that an id, its beginning, or the beginning of a digest names: the newest; null: there is none. */
export async function findPlanRecord(q: Queryable, typed: string): Promise<unknown> {
  if (!TYPED.test(typed)) return null;
  const row = await q.maybe(
    z.object({ record: z.unknown() }),
    `select record from plan where id::text like $1 || '%' or digest like $1 || '%' order by planned_at desc, id limit 1`,
    [typed],
  );
  return row?.record ?? null;
}

const PlanRow = z.object({
  ...bySide(() => z.string()),
  knownNow: z.unknown(),
  scopeFingerprint: z.string(),
  plannedAt: z.number(),
  desiredReadAt: z.number().nullable(),
  observedReadAt: z.number().nullable(),
  record: z.unknown(),
});

/** A plan's inputs as plain JSON, with the record that was made of them. */
export type PlanInputs = Readonly<Record<Side, unknown>> & {
  readonly scopeFingerprint: string;
  readonly plannedAt: number;
  /** Null for a plan of a version that did not store it. */
  readonly readAt: { readonly desired: number; readonly observed: number } | null;
  readonly record: unknown;
};

/** Reads a plan's stored inputs, for replay; null when there is no such plan. Errors: throws when a stored body does not have its digest. */
export async function readPlanInputs(q: Queryable, id: string): Promise<PlanInputs | null> {
  const plan = await q.maybe(PlanRow, `select ${columnsOf(PlanRow)} from plan where id = $1`, [id]);
  if (plan === null) return null;

  const { known, ...read } = await readSnapshots(
    q,
    bySide((side) => plan[side]),
  );

  const { desiredReadAt: desired, observedReadAt: observed, scopeFingerprint, plannedAt, record } = plan;
  const readAt = desired === null || observed === null ? null : { desired, observed };
  return { ...read, known: joinKnown(known, plan.knownNow ?? null), scopeFingerprint, plannedAt, readAt, record };
}

/** Reads the oldest plan of a time that was to be shown and has no message; null: there is none. */
export async function readUnseenPlan(
  q: Queryable,
  from: number,
  to: number,
): Promise<{ readonly id: string; readonly record: unknown } | null> {
  return q.maybe(
    z.object({ id: z.string(), record: z.unknown() }),
    `select id::text, record from plan where shown and planned_at between $1 and $2
       and not exists (select from posted_message where key = 'plan:' || plan.id) order by planned_at, id limit 1`,
    [from, to],
  );
}

const PlanHead = z.object({ id: z.string(), at: z.number(), state: z.string() });

/** Lists the newest plans. */
export async function readPlanHeads(q: Queryable, limit: number): Promise<readonly z.output<typeof PlanHead>[]> {
  return q.many(
    PlanHead,
    "select id::text, planned_at as at, coalesce(record->>'state', '') as state from plan order by planned_at desc, id limit $1",
    [limit],
  );
}
