import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { canonicalJson, digestOf } from "../core/digest.ts";
import { isSigned, readCheckpoint, type Checkpoint } from "./audit-checkpoints.ts";
import { columnsOf, toJson, type Queryable, type Transaction } from "./db.ts";

/** The first line of an exported part of the log: whose log it is, and what its first row follows. */
export const AuditExportHead = z.object({
  ...{ twokey: z.literal("audit export"), version: z.literal(1), installation: z.string(), prevHash: z.string() },
});
export type AuditExportHead = z.output<typeof AuditExportHead>;

/** One row as it is stored and exported. */
export const AuditRowShape = z.object({
  seq: z.number(),
  at: z.number(),
  actor: z.string(),
  kind: z.string(),
  subject: z.string(),
  /** Plain JSON; never a secret, never an extract URL. */
  data: z.unknown(),
  prevHash: z.string(),
  hash: z.string(),
});

/** The columns of a row. */
export const AuditColumns = AuditRowShape;

/** One row of the audit log: who (`actor`) did what (`kind`) to what (`subject`). Units: `at` is UTC epoch milliseconds. */
export type AuditRow = Readonly<z.output<typeof AuditRowShape>>;
/** What is appended to the log. */
export type AuditEntry = Omit<AuditRow, "seq" | "prevHash" | "hash">;

/** Where the log begins, if its old part was cut off. `signed` is null where no key was given to check it with. */
export interface AuditBegin extends Checkpoint {
  readonly signed: boolean | null;
}

/** What `verifyAudit` found: the first row that does not follow from the one before it, or none. */
export type AuditVerdict =
  | { readonly intact: true; readonly rows: number; readonly head: string; readonly begin?: AuditBegin }
  | { readonly intact: false; readonly seq: number; readonly reason: AuditFault };

/** What is wrong with a row, or, the last one, with the checkpoint at which the log begins. */
export type AuditFault = "row_changed" | "row_missing_before" | "cut_at_the_end" | "checkpoint_forged";

/** The `prevHash` of the first row. */
export const FIRST_PREV_HASH = "0".repeat(64);

const BATCH = 1_000;

/**
 * Appends one entry in the caller's transaction, so that the fact and its record are committed together.
 *
 * A lock is held from here to the end of the transaction: record last.
 * Invariant: INV-10.
 */
export async function recordAudit(q: Transaction, entry: AuditEntry): Promise<{ readonly seq: number; readonly hash: string }> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.audit', 0))");
  const last = await q.maybe(z.object({ hash: z.string() }), "select hash from audit order by seq desc limit 1");
  const prevHash = last?.hash ?? FIRST_PREV_HASH;
  const plain = { ...entry, data: asStored(entry.data) };
  const hash = hashOf(prevHash, plain);
  const { seq } = await q.one(
    z.object({ seq: z.number() }),
    "insert into audit (at, actor, kind, subject, data, prev_hash, hash) values ($1, $2, $3, $4, $5, $6, $7) returning seq",
    [plain.at, plain.actor, plain.kind, plain.subject, toJson(plain.data), prevHash, hash],
  );
  q.tell?.(plain);
  return { seq, hash };
}

/**
 * Reads the whole log and computes every hash again, from the checkpoint on if its old part was cut off.
 *
 * A log cut off at its end still verifies by itself: pass a head that was noted elsewhere as `expectedHead`. A checkpoint counts as signed
 * only by the public key that is given: the database could not tell whose it is.
 * Invariant: INV-10.
 */
export async function verifyAudit(db: Queryable, expectedHead?: string, publicKey?: KeyObject): Promise<AuditVerdict> {
  const begin = await readBegin(db, publicKey);
  if (begin?.signed === false) return { intact: false, seq: begin.lastSeq, reason: "checkpoint_forged" };
  let head = begin?.lastHash ?? FIRST_PREV_HASH;
  let rows = 0;
  let seq = 0;
  let seen = expectedHead === undefined || expectedHead === head || expectedHead === FIRST_PREV_HASH;
  for (;;) {
    const batch = await readAudit(db, { afterSeq: seq, limit: BATCH });
    for (const row of batch) {
      const fault = faultOf(row, head);
      if (fault !== null) return { intact: false, seq: row.seq, reason: fault };
      head = row.hash;
      seq = row.seq;
      rows += 1;
      seen ||= head === expectedHead;
    }
    if (batch.length === BATCH) continue;
    return seen ? { intact: true, rows, head, ...(begin === null ? {} : { begin }) } : { intact: false, seq, reason: "cut_at_the_end" };
  }
}

async function readBegin(db: Queryable, publicKey: KeyObject | undefined): Promise<AuditBegin | null> {
  const checkpoint = await readCheckpoint(db);
  if (checkpoint === null || publicKey === undefined) return checkpoint === null ? null : { ...checkpoint, signed: null };
  const { id } = await db.one(z.object({ id: z.string() }), "select id::text from installation");
  return { ...checkpoint, signed: isSigned(checkpoint, id, publicKey) };
}

/** Why a row is not the one that followed the row with this hash; null: it is. */
export function faultOf(row: AuditRow, prevHash: string): "row_changed" | "row_missing_before" | null {
  if (row.prevHash !== prevHash) return "row_missing_before";
  return hashOf(row.prevHash, row) === row.hash ? null : "row_changed";
}

/** Reads entries in their order; `subject` and `sinceAt` narrow. */
export async function readAudit(
  q: Queryable,
  filter: { readonly afterSeq?: number; readonly subject?: string; readonly sinceAt?: number; readonly limit: number },
): Promise<readonly AuditRow[]> {
  return q.many(
    AuditRowShape,
    `select ${columnsOf(AuditRowShape)} from audit
     where seq > $1 and ($2::text is null or subject = $2) and ($3::bigint is null or at >= $3) order by seq limit $4`,
    [filter.afterSeq ?? 0, filter.subject ?? null, filter.sinceAt ?? null, filter.limit],
  );
}

/** The hash covers all but `seq`, which the database assigns: the chain keeps the order. */
function hashOf(prevHash: string, entry: AuditEntry): string {
  return digestOf({ prevHash, at: entry.at, actor: entry.actor, kind: entry.kind, subject: entry.subject, data: entry.data });
}

/** What `jsonb` will return: the hash must be of that, not of a Date or an undefined member. */
function asStored(data: unknown): unknown {
  const stored: unknown = JSON.parse(canonicalJson(JSON.parse(JSON.stringify(data ?? null))));
  return stored;
}
