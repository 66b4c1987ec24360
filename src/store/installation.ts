import { z } from "zod";
import type { AuditHead, Claim } from "../core/claims.ts";
import { columnsOf, insertRow, toJson, type Queryable, type Transaction } from "./db.ts";
import { lockStop, readStop } from "./stop-switch.ts";
import { recordAudit } from "./audit.ts";

const Row = z.object({ id: z.string(), mark: z.string().nullable(), markRoot: z.string().nullable(), keptHash: z.string().nullable() });
/** Which installation a database belongs to, its newest mark, and the newest head of the audit log that the archive was given. */
export type Installation = Readonly<z.output<typeof Row>>;

const SELECT = `select ${columnsOf(Row)} from installation`;

const HeadRow = z.object({ seq: z.number(), hash: z.string(), at: z.number() });
/** The row at which a cut ended is known by its checkpoint. */
const HEAD =
  "select seq, hash, at from (select seq, hash, at from audit union all select last_seq, last_hash, at from audit_checkpoint) known";

/** Reads which installation this is; the first read of a database makes it one. */
export async function readInstallation(q: Queryable): Promise<Installation> {
  const found = await findInstallation(q);
  if (found !== null) return found;
  await q.exec("insert into installation default values on conflict do nothing");
  return q.one(Row, SELECT);
}

/** Reads which installation this is; null: nobody has read it yet. */
export function findInstallation(q: Queryable): Promise<Installation | null> {
  return q.maybe(Row, SELECT);
}

/** Records our newest mark, the managed root that has it, and the row of the audit log that it names. */
export async function recordMark(q: Queryable, mark: string, root: string, seq: number | null): Promise<void> {
  await q.exec("update installation set mark = $1, mark_root = $2, marked_seq = coalesce($3, marked_seq)", [mark, root, seq]);
}

/**
 * Which installation this is, and the head of its audit log, if people decided something, or a deletion ended or took something, after the
 * row that its mark names; null: nothing of that kind, or there is no mark yet. Source: `is_decision` in migration 0155.
 */
export function readUnmarked(q: Queryable): Promise<{ readonly us: Installation; readonly head: AuditHead } | null> {
  return q
    .maybe(
      Row.extend({ head: HeadRow }),
      `select ${columnsOf(Row)}, (select to_json(h) from (${NEWEST}) h) as head from installation
       where mark is not null and (select max(seq) from audit where is_decision(kind)) > coalesce(marked_seq, 0)`,
    )
    .then((found) => {
      if (found === null) return null;
      const { head, ...us } = found;
      return { us, head };
    });
}

/** Records which head of the audit log the archive has. */
export async function recordKept(q: Queryable, hash: string): Promise<void> {
  await q.exec("update installation set kept_hash = $1", [hash]);
}

const NEWEST = `${HEAD} order by seq desc limit 1`;

/** The newest row of the audit log; null when there is none. */
export function readAuditHead(q: Queryable): Promise<AuditHead | null> {
  return q.maybe(HeadRow, NEWEST);
}

const HeadsRow = z.object({ there: HeadRow.nullable(), newest: HeadRow.nullable(), isCutOff: z.boolean() });

/** The row of the audit log with that number, and the newest; null: there is none. `isCutOff`: it was cut off with all before it. */
export function readAuditHeads(q: Queryable, seq: number): Promise<z.output<typeof HeadsRow>> {
  const there = `(select to_json(h) from (${HEAD} where seq = $1 limit 1) h)`;
  const newest = `(select to_json(h) from (${NEWEST}) h)`;
  return q.one(HeadsRow, `select ${there} as there, ${newest} as newest, is_cut_off($1) as "isCutOff"`, [seq]);
}

const UnkeptRow = Row.extend({ head: HeadRow.nullable() });

/** Which installation this is, and the newest head of its audit log that the archive was not given; null: it was, or there is none. */
export async function readUnkept(q: Queryable): Promise<{ readonly us: Installation; readonly head: AuditHead } | null> {
  const found = await q.maybe(UnkeptRow, `select ${columnsOf(Row)}, (select to_json(h) from (${NEWEST}) h) as head from installation`);
  const { head, ...us } = found ?? { ...(await readInstallation(q)), head: await readAuditHead(q) };
  return head === null || head.hash === us.keptHash ? null : { us, head };
}

/** Of some claims those that no two people have accepted. */
export async function unsettledOf(q: Queryable, claims: readonly Claim[]): Promise<readonly Claim[]> {
  if (claims.length === 0) return [];
  const rows = await q.many(
    z.object({ kind: z.string(), subject: z.string() }),
    `select c->>'kind' as kind, c->>'subject' as subject from jsonb_array_elements($1::jsonb) c where not is_settled(c->>'kind', c->>'subject')`,
    [toJson(claims)],
  );
  const open = new Set(rows.map((r) => `${r.kind} ${r.subject}`));
  return claims.filter((c) => open.has(`${c.kind} ${c.subject}`));
}

/**
 * Stops everything with the claims, unless the stop in force is about them all already.
 *
 * A stop before it is named in the reason, since its end is asked for together with this one's. Invariant: INV-2, INV-3.
 */
export async function stopWithClaims(q: Transaction, claims: readonly Claim[], reason: string, at: number): Promise<void> {
  await lockStop(q);
  const stop = await readStop(q);
  const asked = stop.stopped && stop.seq !== null ? await claimsOf(q, stop.seq) : [];
  const isAsked = (c: Claim): boolean => asked.some((a) => a.kind === c.kind && a.subject === c.subject);
  if (claims.every(isAsked)) return;
  const before = stop.stopped && asked.length === 0 ? `. Stopped before that: ${stop.reason}` : "";
  const { seq } = await q.one(
    z.object({ seq: z.number() }),
    "insert into stop_switch (at, kind, by_operator, reason) values ($1, 'stop', 'twokey', $2) returning seq",
    [at, reason + before],
  );
  const all = [...claims, ...asked.filter((a) => !claims.some((c) => c.kind === a.kind && c.subject === a.subject))];
  for (const c of all) await insertRow(q, "claim", { stop: seq, ...c, at });
  await recordAudit(q, { at, actor: "twokey", kind: "stop", subject: "everything", data: { reason, claims: all } });
}

const ClaimRow = z.object({
  kind: z.enum(["mark", "mark_removed", "domain", "account", "older", "copy_lost"]),
  subject: z.string(),
  sentence: z.string(),
});

/** The claims that a stop asks about. */
function claimsOf(q: Queryable, stop: number): Promise<readonly Claim[]> {
  return q.many(ClaimRow, "select kind, subject, sentence from claim where stop = $1 order by kind, subject", [stop]);
}

const Heads = z.object({ seq: z.number(), hash: z.string().regex(/^[0-9a-f]{64}$/), at: z.number() });
/** Every copy has the same length: of two written at once, one is whole whatever their order. Units: characters. */
const HEAD_LENGTH = 256;

/** Writes a head of the audit log as it is kept elsewhere. */
export function headText(head: AuditHead): string {
  return JSON.stringify(head).padEnd(HEAD_LENGTH);
}

/** Reads it again; null: it is none. */
export function parseHead(text: string): AuditHead | null {
  try {
    const head = Heads.safeParse(JSON.parse(text));
    return head.success ? head.data : null;
  } catch {
    return null;
  }
}

/** Which of these ids this database asked CloudStack to create, whether it learned the outcome or not. */
export async function askedToCreate(q: Queryable, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await q.many(
    z.object({ id: z.string() }),
    `select coalesce(params->'change'->>'accountId', params->'change'->>'domainId') as id from intent
     where command in ('create_domain', 'create_account') and coalesce(params->'change'->>'accountId', params->'change'->>'domainId') = any($1)`,
    [ids],
  );
  return new Set(rows.map((r) => r.id));
}
