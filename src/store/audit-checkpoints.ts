/** The cuts of the audit log: each is a signed checkpoint, at which the rest of the log begins. Invariant: INV-10. ADR 0502. */
import { sign, verify, type KeyObject } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "../core/digest.ts";
import { columnsOf, CountRow, type Queryable, type Transaction } from "./db.ts";

const CheckpointRow = z.object({
  lastSeq: z.number(),
  lastHash: z.string(),
  rows: z.number(),
  prevHash: z.string(),
  file: z.string(),
  at: z.number(),
  signature: z.string(),
});
/** What one cut took: `rows` rows, of which the first followed `prevHash`; `file` is the SHA-256 of their export. */
export type Checkpoint = Readonly<z.output<typeof CheckpointRow>>;

/** Reads the newest checkpoint; null: the log was never cut. */
export function readCheckpoint(q: Queryable): Promise<Checkpoint | null> {
  return q.maybe(CheckpointRow, `select ${columnsOf(CheckpointRow)} from audit_checkpoint order by last_seq desc limit 1`);
}

/** Signs a checkpoint, together with the installation it is of: it proves nothing for another one. */
export function signCheckpoint(c: Omit<Checkpoint, "signature">, installation: string, key: KeyObject): Checkpoint {
  return { ...c, signature: sign(null, signedBytes(c, installation), key).toString("base64") };
}

/** Whether a checkpoint is what the holder of the key signed for this installation. */
export function isSigned(c: Checkpoint, installation: string, publicKey: KeyObject): boolean {
  return verify(null, signedBytes(c, installation), publicKey, Buffer.from(c.signature, "base64"));
}

function signedBytes({ lastSeq, lastHash, rows, prevHash, file, at }: Omit<Checkpoint, "signature">, installation: string): Buffer {
  return Buffer.from(canonicalJson({ what: "twokey audit checkpoint", installation, lastSeq, lastHash, rows, prevHash, file, at }));
}

/**
 * Records a checkpoint and removes the rows that it covers, as the owner of the database.
 *
 * Errors: `StoreError` `constraint` where PostgreSQL refuses it (migration 0067), `bug` for a role that is not the owner's.
 */
export function cutAudit(q: Transaction, c: Checkpoint): Promise<number> {
  return q.one(
    z.object({ n: z.number() }).transform((row) => row.n),
    "select cut_audit($1, $2, $3, $4, $5, $6, $7) as n",
    [c.lastSeq, c.lastHash, c.rows, c.prevHash, c.file, c.at, c.signature],
  );
}

/** The last row of the part in which all rows are older than an instant, never the newest; null: there is no such part. */
export async function readOldPart(q: Queryable, before: number): Promise<number | null> {
  const row = await q.one(
    z.object({ seq: z.number().nullable() }),
    `select max(seq) as seq from audit where seq < coalesce((select min(seq) from audit where at >= $1), (select max(seq) from audit))`,
    [before],
  );
  return row.seq;
}

/** How many rows the log has up to one of them. */
export function countUntil(q: Queryable, seq: number): Promise<number> {
  return q.one(CountRow, "select count(*) as n from audit where seq <= $1", [seq]);
}
