import { columnsOf, type Queryable } from "./db.ts";
import { AuditColumns, type AuditRow } from "./audit.ts";

/** Which rows of the audit log are wanted; null: any. */
export interface AuditFilter {
  /** What was done; `deletion.*` means everything of deletions. */
  readonly kind: string | null;
  readonly actor: string | null;
  readonly subject: string | null;
  readonly since: number | null;
  readonly until: number | null;
  /** At most so many, the newest. */
  readonly limit: number;
}

/** Reads the newest rows that fit, oldest first. */
export async function searchAudit(q: Queryable, f: AuditFilter): Promise<readonly AuditRow[]> {
  const kind = f.kind?.endsWith("*") === true ? { start: f.kind.slice(0, -1), whole: null } : { start: null, whole: f.kind };
  const rows = await q.many(
    AuditColumns,
    `select ${columnsOf(AuditColumns)} from audit
     where ($1::text is null or kind = $1) and ($2::text is null or starts_with(kind, $2)) and ($3::text is null or actor = $3)
       and ($4::text is null or subject = $4) and ($5::bigint is null or at >= $5) and ($6::bigint is null or at < $6)
     order by seq desc limit $7`,
    [kind.whole, kind.start, f.actor, f.subject, f.since, f.until, f.limit],
  );
  return rows.toReversed();
}

/** Reads one row; null when there is none of that number. */
export function readAuditRow(q: Queryable, seq: number): Promise<AuditRow | null> {
  return q.maybe(AuditColumns, `select ${columnsOf(AuditColumns)} from audit where seq = $1`, [seq]);
}
