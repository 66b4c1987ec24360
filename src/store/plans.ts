import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { toJson, type Queryable } from "./db.ts";

/** The four inputs of a plan, as plain JSON. */
export interface StoredInputs {
  readonly desired: unknown;
  readonly observed: unknown;
  readonly known: unknown;
  readonly policy: unknown;
}

const sides = ["desired", "observed", "known", "policy"] as const;

/**
 * Stores the sides of a plan's inputs, each once for equal content; gives their digests. When a side was read is not part of it.
 *
 * Each side is built in a fixed order, so its JSON text is the same for the same content.
 */
export async function recordSnapshots(
  q: Queryable,
  bodies: { readonly [side in keyof StoredInputs]: object },
  at: number,
): Promise<{ readonly [side in keyof StoredInputs]: string }> {
  const texts = sides.map((side) => {
    const text = JSON.stringify(bodies[side], (key, value: unknown) => (key === "asOf" ? undefined : value));
    return { side, text, digest: sideDigest(side, text) };
  });
  const known = await q.many(z.object({ digest: z.string() }), "select digest from snapshot where digest = any($1)", [
    texts.map((t) => t.digest),
  ]);
  for (const { side, text, digest } of texts) {
    if (known.some((k) => k.digest === digest)) continue;
    await q.exec("insert into snapshot (digest, side, body, stored_at) values ($1, $2, $3, $4) on conflict do nothing", [
      digest,
      side,
      gzipSync(text, { level: 1 }),
      at,
    ]);
  }
  const of = (side: keyof StoredInputs): string => texts.find((t) => t.side === side)?.digest ?? "";
  return { desired: of("desired"), observed: of("observed"), known: of("known"), policy: of("policy") };
}

function sideDigest(side: keyof StoredInputs, text: string): string {
  return createHash("sha256").update(side).update(text).digest("hex");
}

/** Records that a pass began. */
export async function recordPass(
  q: Queryable,
  p: { readonly id: string; readonly scope: unknown; readonly startedBy: unknown; readonly at: number },
): Promise<void> {
  await q.exec("insert into pass (id, scope, started_by, started_at) values ($1, $2, $3, $4)", [
    p.id,
    toJson(p.scope),
    toJson(p.startedBy),
    p.at,
  ]);
}

/** Records that a pass ended, with what was wrong. */
export async function recordPassEnd(q: Queryable, id: string, at: number, trouble: string | null): Promise<void> {
  await q.exec("update pass set ended_at = $2, trouble = $3 where id = $1", [id, at, trouble]);
}

/** One plan to store. */
export interface StoredPlan {
  readonly id: string;
  readonly passId: string;
  readonly digest: string;
  readonly inputs: { readonly [side in keyof StoredInputs]: string };
  readonly scopeFingerprint: string;
  readonly plannedAt: number;
  /** When each side was read. */
  readonly readAt: { readonly desired: number; readonly observed: number };
  readonly record: unknown;
}

/** Stores a plan with its inputs. */
export async function recordPlan(q: Queryable, p: StoredPlan): Promise<void> {
  const { desired, observed, known, policy } = p.inputs;
  await q.exec(
    `insert into plan (id, pass_id, digest, desired, observed, known, policy, scope_fingerprint, planned_at, desired_read_at, observed_read_at, record)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      p.id,
      p.passId,
      p.digest,
      desired,
      observed,
      known,
      policy,
      p.scopeFingerprint,
      p.plannedAt,
      p.readAt.desired,
      p.readAt.observed,
      toJson(p.record),
    ],
  );
}

/** Writes what became of a plan. */
export async function updatePlanRecord(q: Queryable, id: string, record: unknown, shown: boolean): Promise<void> {
  await q.exec("update plan set record = $2, shown = shown or $3 where id = $1", [id, toJson(record), shown]);
}

const InputRow = z.object({
  desired: z.string(),
  observed: z.string(),
  known: z.string(),
  policy: z.string(),
  scope_fingerprint: z.string(),
  planned_at: z.number(),
  desired_read_at: z.number().nullable(),
  observed_read_at: z.number().nullable(),
  record: z.unknown(),
  desired_body: z.instanceof(Buffer),
  observed_body: z.instanceof(Buffer),
  known_body: z.instanceof(Buffer),
  policy_body: z.instanceof(Buffer),
});

/** A plan's inputs as they are stored, with the record that was made of them. */
export type PlanInputs = StoredInputs & {
  readonly scopeFingerprint: string;
  readonly plannedAt: number;
  /** Null for a plan of a version that did not store it. */
  readonly readAt: { readonly desired: number; readonly observed: number } | null;
  readonly record: unknown;
};

/** Reads a plan's stored inputs, for replay; null when there is no such plan. Errors: throws when a stored body does not have its digest. */
export async function readPlanInputs(q: Queryable, id: string): Promise<PlanInputs | null> {
  const row = await q.maybe(
    InputRow,
    `select desired, observed, known, policy, scope_fingerprint, planned_at, desired_read_at, observed_read_at, record,
       (select body from snapshot where digest = desired) as desired_body,
       (select body from snapshot where digest = observed) as observed_body,
       (select body from snapshot where digest = known) as known_body,
       (select body from snapshot where digest = policy) as policy_body
     from plan where id = $1`,
    [id],
  );
  if (row === null) return null;
  const read = (side: keyof StoredInputs): unknown => {
    const text = gunzipSync(row[`${side}_body`]).toString("utf8");
    if (sideDigest(side, text) !== row[side])
      throw new Error(`the stored side "${side}" of plan ${id} is not what it was when it was stored`);
    return JSON.parse(text) as unknown;
  };
  return {
    desired: read("desired"),
    observed: read("observed"),
    known: read("known"),
    policy: read("policy"),
    scopeFingerprint: row.scope_fingerprint,
    plannedAt: row.planned_at,
    readAt:
      row.desired_read_at === null || row.observed_read_at === null
        ? null
        : { desired: row.desired_read_at, observed: row.observed_read_at },
    record: row.record,
  };
}

const PlanHead = z.object({ id: z.string(), planned_at: z.number(), state: z.string() });

/** Lists the newest plans, for people who look for one. */
export async function readPlanHeads(
  q: Queryable,
  limit: number,
): Promise<readonly { readonly id: string; readonly at: number; readonly state: string }[]> {
  const rows = await q.many(
    PlanHead,
    "select id::text, planned_at, coalesce(record->>'state', '') as state from plan order by planned_at desc, id limit $1",
    [limit],
  );
  return rows.map((r) => ({ id: r.id, at: r.planned_at, state: r.state }));
}
