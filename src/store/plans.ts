import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { columnsOf, insertRow, toJson, updateRow, type Queryable } from "./db.ts";

const sides = ["desired", "observed", "known", "policy"] as const;
type Side = (typeof sides)[number];

/**
 * Stores the four inputs of a plan, each once for equal content; gives their digests. When a side was read is not part of it.
 *
 * Each side is built in a fixed order, so its JSON text is the same for the same content.
 */
export async function recordSnapshots(
  q: Queryable,
  bodies: Readonly<Record<Side, object>>,
  at: number,
): Promise<Readonly<Record<Side, string>>> {
  const texts = sides.map((side) => {
    const text = JSON.stringify(bodies[side], (key, value: unknown) => (key === "asOf" ? undefined : value));
    return { side, text, digest: sideDigest(side, text) };
  });
  const known = await q.many(z.object({ digest: z.string() }), "select digest from snapshot where digest = any($1)", [
    texts.map((t) => t.digest),
  ]);
  for (const { side, text, digest } of texts) {
    if (known.some((k) => k.digest === digest)) continue;
    const row = { digest, side, body: gzipSync(text, { level: 1 }), storedAt: at };
    await insertRow(q, "snapshot", row, "on conflict do nothing");
  }
  return bySide((side) => texts.find((t) => t.side === side)?.digest ?? "");
}

function bySide<T>(make: (side: Side) => T): Record<Side, T> {
  return { desired: make("desired"), observed: make("observed"), known: make("known"), policy: make("policy") };
}

function sideDigest(side: Side, text: string): string {
  return createHash("sha256").update(side).update(text).digest("hex");
}

/** Records that a pass began. */
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
  /** The digests of its stored inputs. */
  readonly inputs: Readonly<Record<Side, string>>;
  readonly scopeFingerprint: string;
  readonly plannedAt: number;
  /** When each side was read. */
  readonly readAt: { readonly desired: number; readonly observed: number };
  readonly record: unknown;
}

/** Stores a plan with its inputs. */
export async function recordPlan(q: Queryable, p: StoredPlan): Promise<void> {
  const { inputs, readAt, record, ...plan } = p;
  const times = { desiredReadAt: readAt.desired, observedReadAt: readAt.observed };
  await insertRow(q, "plan", { ...plan, ...inputs, ...times, record: toJson(record) });
}

/** Records how a plan was carried out. */
export async function updatePlanRecord(q: Queryable, id: string, record: unknown, shown: boolean): Promise<void> {
  await q.exec("update plan set record = $2, shown = shown or $3 where id = $1", [id, toJson(record), shown]);
}

/** Reads how a plan was carried out; null when there is no such plan. */
export async function readPlanRecord(q: Queryable, id: string): Promise<unknown> {
  return (await q.maybe(z.object({ record: z.unknown() }), "select record from plan where id = $1", [id]))?.record ?? null;
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
  scopeFingerprint: z.string(),
  plannedAt: z.number(),
  desiredReadAt: z.number().nullable(),
  observedReadAt: z.number().nullable(),
  record: z.unknown(),
});
const BodyRow = z.object({ digest: z.string(), body: z.instanceof(Buffer) });

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

  const digests = sides.map((side) => plan[side]);
  const bodies = await q.many(BodyRow, "select digest, body from snapshot where digest = any ($1)", [digests]);
  const read = (side: Side): unknown => {
    const body = bodies.find((b) => b.digest === plan[side])?.body;
    const text = body === undefined ? "" : gunzipSync(body).toString("utf8");
    if (sideDigest(side, text) !== plan[side]) throw new Error(`the stored side "${side}" of plan ${id} was changed after it was stored`);
    return JSON.parse(text) as unknown;
  };

  const { desiredReadAt: desired, observedReadAt: observed, scopeFingerprint, plannedAt, record } = plan;
  const readAt = desired === null || observed === null ? null : { desired, observed };
  return { ...bySide(read), scopeFingerprint, plannedAt, readAt, record };
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
