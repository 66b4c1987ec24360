// What Twokey's own tables must say after a chaos run.
import { dist } from "../bench/paths.mjs";

const { verifyAudit } = await import(dist("src/store/audit.js"));
const { createDatabase } = await import(dist("src/store/db.js"));

/** Each claim: what is wrong when the statement finds rows, and the statement. */
const CLAIMS = [
  [
    "an intent has two outcomes that settle it",
    "select intent_id::text as what from outcome where result <> 'indeterminate' group by intent_id having count(*) > 1",
  ],
  [
    "a deletion's call was sent and nobody looked up how it ended",
    `select i.command || ' ' || i.id as what from intent i where i.owner_kind = 'deletion'
       and not exists (select from outcome o where o.intent_id = i.id and o.result <> 'indeterminate')`,
  ],
  [
    "a call of a pass has no outcome, although its pass ended",
    `select i.command || ' ' || i.id as what from intent i join pass p on i.owner_kind = 'pass' and p.id::text = i.owner_id
     where p.ended_at is not null and not exists (select from outcome o where o.intent_id = i.id)`,
  ],
  [
    "two live deletions of one domain",
    "select domain_id::text as what from deletion where phase not in ('deleted', 'closed') group by domain_id having count(*) > 1",
  ],
  [
    "a domain was deleted by two deletions",
    "select domain_id::text as what from deletion where phase = 'deleted' group by domain_id having count(*) > 1",
  ],
  [
    "a deletion ended twice",
    `select deletion_id::text as what from deletion_event where kind in ('entered deleted', 'entered closed') group by deletion_id having count(*) > 1`,
  ],
  [
    "a deletion took something without two distinct approvals of people who did not ask",
    `select d.path as what from deletion d
     where exists (select from deletion_event e where e.deletion_id = d.id and e.kind = 'entered quarantining')
       and (select count(distinct b.voter) from ballot b where b.kind = 'deletion' and b.question = d.id::text and b.verdict = 'approve'
              and b.digest = d.digest and not (b.voter = any (d.requesters))) < 2`,
  ],
  [
    "an approved deletion stands where it cannot stand",
    `select path || ' ' || phase || ' ' || coalesce(activity, '') as what from deletion
     where phase not in ('deleted', 'closed', 'frozen', 'proposed') or (phase = 'frozen' and frozen_reason is null)`,
  ],
  [
    "a domain counts as deleted without a deletion that deleted it",
    `select m.domain_id::text as what from managed_domain m where m.deleted_at is not null and not exists (
       select from deletion d where d.domain_id = m.domain_id and (d.phase = 'deleted' or d.closed_because = 'gone'))`,
  ],
  ["an export did not end", "select id::text || ' ' || state as what from export where state not in ('ready', 'failed', 'expired')"],
  [
    "an export is ready without a copy that was verified",
    `select x.id::text as what from export x where x.state = 'ready' and not exists (
       select from archive_entry e where e.owner_kind = 'export' and e.owner_id = x.id and e.state = 'verified')`,
  ],
  [
    // What the engine gives up of passes and deletions is done by the schedule and the sweep; of the others nobody takes care.
    "work was given up that nothing begins again",
    `select name || ' ' || workflow_uuid || ' ' || status as what from dbos.workflow_status
     where status in ('ERROR', 'CANCELLED', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED') and name not in ('work.pass', 'work.deletion') and name not like 'schedule.%'`,
  ],
];

/** What is wrong with the tables, in sentences. */
export async function judgeTables(world) {
  const found = [];
  for (const [sentence, sql] of CLAIMS) for (const { what } of await world.own(sql)) found.push(`${sentence}: ${what}`);
  found.push(...(await judgePasses(world)));
  const db = createDatabase(world.url, { onError: () => undefined });
  const audit = await verifyAudit(db);
  await db.close();
  if (!audit.intact) found.push(`the audit log does not verify: ${audit.reason} at row ${audit.seq}`);
  return found;
}

/**
 * Passes never overlap: each begins after the one before ended, or, where its replica was killed, after the last thing that it began. What
 * came of that may have been looked up, and recorded, by the next one.
 */
async function judgePasses(world) {
  const passes = await world.own(
    `select p.id::text, p.seq::int, p.trouble, p.started_at::float8 as began, p.ended_at::float8 as ended,
       (select max(i.at)::float8 from intent i where i.owner_kind = 'pass' and i.owner_id = p.id::text) as last_intent
     from pass p order by p.seq`,
  );
  return passes.slice(1).flatMap((next, i) => {
    const before = passes[i];
    const until = before.ended ?? Math.max(before.began, before.last_intent ?? 0);
    return next.began < until
      ? [`pass ${next.id} began ${until - next.began} ms before the one before it was over (${before.trouble ?? "which met no trouble"})`]
      : [];
  });
}
