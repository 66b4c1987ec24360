/** The inputs of plans, each stored once for equal content, the large ones in parts that inputs share. */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { insertRow, type Queryable, type Transaction } from "./db.ts";
import { cutIntoParts } from "./parts.ts";

/** What a plan is made of. */
const sides = ["desired", "observed", "known", "policy"] as const;
/** One input of a plan. */
export type Side = (typeof sides)[number];

/** Makes something of each side. */
export function bySide<T>(make: (side: Side) => T): Record<Side, T> {
  return { desired: make("desired"), observed: make("observed"), known: make("known"), policy: make("policy") };
}

/** Keeps what is stored from being dropped until the end of the transaction, in which the plan is recorded. */
const HOLD = "select pg_advisory_xact_lock_shared(hashtextextended('twokey.snapshots', 0))";

/**
 * Stores the four inputs of a plan, each once for equal content; gives their digests. When a side was read is not part of it.
 *
 * Each side is built in a fixed order, so its JSON text is the same for the same content.
 */
export async function recordSnapshots(
  q: Transaction,
  bodies: Readonly<Record<Side, object>>,
  at: number,
): Promise<Readonly<Record<Side, string>>> {
  await q.exec(HOLD);
  const texts = sides.map((side) => {
    // By a copy, since a function that is asked about each of a million keys takes longer than all else of storing.
    const text = JSON.stringify({ ...bodies[side], asOf: undefined });
    return { side, text, digest: sideDigest(side, text) };
  });
  const known = await q.many(z.object({ digest: z.string() }), "select digest from snapshot where digest = any($1)", [
    texts.map((t) => t.digest),
  ]);
  for (const { side, text, digest } of texts) {
    if (known.some((k) => k.digest === digest)) continue;
    const parts = cutIntoParts(Buffer.from(text));
    const inParts = parts.length > 1;
    const body = inParts ? await recordParts(q, parts, at) : gzipSync(text);
    await insertRow(q, "snapshot", { digest, side, body, inParts, storedAt: at }, "on conflict do nothing");
  }
  return bySide((side) => texts.find((t) => t.side === side)?.digest ?? "");
}

function sideDigest(side: Side, text: string): string {
  return createHash("sha256").update(side).update(text).digest("hex");
}

const PartDigest = z.object({ digest: z.instanceof(Buffer) });

/** Stores the parts that are not there yet; gives the digests of all, one after the other. */
async function recordParts(q: Queryable, parts: readonly Buffer[], at: number): Promise<Buffer> {
  const named = parts.map((bytes) => ({ bytes, digest: createHash("sha256").update(bytes).digest() }));
  const digests = named.map((p) => p.digest);
  const known = await q.many(PartDigest, "select digest from snapshot_part where digest = any($1)", [digests]);
  const there = new Set(known.map((k) => k.digest.toString("hex")));
  const missing = named.filter((p) => !there.has(p.digest.toString("hex")));
  if (missing.length > 0)
    await q.exec(
      "insert into snapshot_part (digest, body, stored_at) select d, b, $3 from unnest($1::bytea[], $2::bytea[]) p (d, b) on conflict do nothing",
      [missing.map((p) => p.digest), missing.map((p) => gzipSync(p.bytes)), at],
    );
  return Buffer.concat(digests);
}

const BodyRow = z.object({ digest: z.string(), body: z.instanceof(Buffer), in_parts: z.boolean() });
const PartRow = PartDigest.extend({ body: z.instanceof(Buffer) });

/** Reads stored inputs by their digests, as plain JSON. Errors: throws when a stored body does not have its digest. */
export async function readSnapshots(q: Queryable, digests: Readonly<Record<Side, string>>): Promise<Readonly<Record<Side, unknown>>> {
  const rows = await q.many(BodyRow, "select digest, body, in_parts from snapshot where digest = any ($1)", [Object.values(digests)]);
  const asked = rows.filter((r) => r.in_parts).flatMap((r) => partsOf(r.body));
  const parts = await q.many(PartRow, "select digest, body from snapshot_part where digest = any ($1)", [asked]);
  const partBodies = new Map(parts.map((p) => [p.digest.toString("hex"), p.body]));
  return bySide((side) => {
    const row = rows.find((r) => r.digest === digests[side]);
    const text = row === undefined ? null : textOf(row, partBodies);
    if (text === null || sideDigest(side, text) !== digests[side])
      throw new Error(`the stored side "${side}" of this plan was changed after it was stored`);
    return JSON.parse(text) as unknown;
  });
}

function partsOf(body: Buffer): readonly Buffer[] {
  return Array.from({ length: Math.floor(body.length / 32) }, (_, n) => body.subarray(n * 32, n * 32 + 32));
}

/** The text of a stored body; null: it cannot be read, or a part of it is missing. */
function textOf(row: z.output<typeof BodyRow>, parts: ReadonlyMap<string, Buffer>): string | null {
  const bodies = row.in_parts ? partsOf(row.body).map((digest) => parts.get(digest.toString("hex"))) : [row.body];
  try {
    // Joined before they are read as text: a part may end within a character.
    return Buffer.concat(bodies.map((body) => gunzipSync(body ?? Buffer.alloc(0)))).toString("utf8");
  } catch {
    return null; // Whoever changed it, it is not what was stored.
  }
}
