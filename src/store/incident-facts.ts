import { z } from "zod";
import { Instant, OperatorId } from "../core/ids.ts";
import type { Queryable } from "./db.ts";

const CompletePlan = z.object({ planId: z.string(), at: Instant });
/** A plan whose two sides were read completely: what existed at that moment. */
export type CompletePlanRow = Readonly<z.output<typeof CompletePlan>>;

/** Reads the newest plan of the whole fleet with both sides complete, not later than an instant; null when there is none. */
export async function readCompletePlanBefore(q: Queryable, until: number): Promise<CompletePlanRow | null> {
  return q.maybe(
    CompletePlan,
    `select p.id::text as "planId", p.planned_at as at from plan p join pass s on s.id = p.pass_id
     where s.scope->>'kind' = 'fleet' and p.planned_at <= $1
       and not exists (
         select 1 from jsonb_array_elements(p.record->'plan'->'holds') h where h->>'kind' in ('desired_partial', 'observed_partial'))
     order by p.planned_at desc limit 1`,
    [until],
  );
}

const Deletion = z.object({
  id: z.string(),
  domain_id: z.string(),
  project_id: z.string(),
  slug: z.string(),
  path: z.string(),
  phase: z.string(),
  opened_at: Instant,
  entered_at: Instant.nullable(),
  requesters: z.array(OperatorId),
  closed_reason: z.string().nullable(),
  frozen_reason: z.string().nullable(),
  approvers: z.array(z.string()),
});
/** A deletion that was live in a window, with the names of its approvers. */
export type IncidentDeletionRow = z.output<typeof Deletion>;

/** Reads the deletions that were opened or changed between two instants, oldest first. */
export async function readDeletionsBetween(q: Queryable, since: number, until: number): Promise<readonly IncidentDeletionRow[]> {
  return q.many(
    Deletion,
    `select d.id::text, d.domain_id::text, d.project_id, d.slug, d.path, d.phase, d.opened_at, d.entered_at, d.requesters, d.closed_reason, d.frozen_reason,
       array(select b.voter_name from ballot b where b.kind = 'deletion' and b.question = d.id::text and b.verdict = 'approve'
         and not exists (select from ballot w where w.kind = b.kind and w.question = b.question and w.verdict = 'withdraw' and w.voter = b.voter)
         order by b.seq) as approvers
     from deletion d
     where d.opened_at <= $2
       and (d.opened_at >= $1 or exists (select 1 from deletion_event e where e.deletion_id = d.id and e.at between $1 and $2))
     order by d.opened_at, d.id`,
    [since, until],
  );
}

const Saved = z.object({
  domain_path: z.string(),
  name: z.string(),
  item_kind: z.string(),
  bytes: z.number(),
  sha256: z.string(),
  saved_at: Instant,
});
/** A verified archive entry. */
export type SavedRow = z.output<typeof Saved>;

/** Reads every verified archive entry, by domain, name and age. */
export async function readSavedThings(q: Queryable): Promise<readonly SavedRow[]> {
  return q.many(
    Saved,
    `select distinct manifest->>'domainPath' as domain_path, name, item_kind, bytes, sha256, (manifest->>'savedAt')::bigint as saved_at
     from archive_entry where state = 'verified' order by 1, name, saved_at desc`,
  );
}
