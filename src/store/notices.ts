import { z } from "zod";
import { DAY_MS } from "../core/units.ts";
import { columnsOf, toJson, type Queryable, type Transaction } from "./db.ts";
import { newestFleetPlan } from "./newest-plan.ts";

const StateRow = z.object({
  /** The same as long as it is so. */
  key: z.string(),
  kind: z.enum(["card", "frozen", "stopped", "expiring", "held"]),
  /** The key of the message that shows it (`posted_message`). */
  shownAs: z.string(),
  subject: z.enum(["deletion", "policy", "adoption", "go_on", "resume", "stop", "plan"]),
  id: z.string(),
  /** A domain's path, a setting, or what a table of adoption asks. */
  about: z.string(),
  /** Why, where somebody or something said so. */
  reason: z.string().nullable(),
  /** When it expires. Units: UTC epoch milliseconds. */
  until: z.number().nullable(),
  /** Whether it usually passes by itself, as when a server is away. */
  passes: z.boolean(),
});
/** Something that people are called for as long as it is so. */
export type State = Readonly<z.output<typeof StateRow>>;

/**
 * What is so now. A freeze that people are asked about is called for as that question; a question is `expiring` in its last `remindMs`, or
 * its last quarter where that is shorter.
 */
export function readStates(q: Queryable, now: number, remindMs: number): Promise<readonly State[]> {
  return q.many(
    StateRow,
    `with stop as (
       select min(seq) as first, max(seq) as last, string_agg(reason, '; ' order by seq) as why from present_stops() having count(*) > 0),
     agreed as (select question, string_agg(distinct voter_name, ', ') as names from ballot
       where kind = 'resume' and verdict = 'approve' group by question),
     question (kind, id, about, since, until, shown_as, reason) as (
       select 'deletion', id::text, path, coalesce(proposed_at, opened_at), expires_at, 'deletion:' || id, null
         from deletion where phase = 'proposed'
       union all select 'policy', id::text, setting, proposed_at, expires_at, 'policy:' || id, null
         from policy_change where state = 'proposed'
       union all select 'adoption', id::text, format(case kind when 'adopt' then 'the adoption of %s'
           when 'give_back' then 'giving back %s' else 'the release of the first plan of %s' end,
           jsonb_array_length(body -> 'domains') || case jsonb_array_length(body -> 'domains') when 1 then ' domain' else ' domains' end),
           proposed_at, expires_at, 'adoption:' || id, null
         from adoption where state = 'proposed'
       union all select 'go_on', g.id::text, d.path, g.opened_at, g.expires_at, 'deletion:' || d.id, g.sentence
         from go_on g join deletion d on d.id = g.deletion_id
         where d.phase = 'frozen' and d.frozen_from = 'removing' and g.opened_at = d.entered_at
           and g.seq = (select max(seq) from go_on n where n.deletion_id = d.id)
       union all select 'resume', last::text, 'everything', null, null, 'stop:' || first, names
         from stop join agreed on question = last::text),
     newest as (${newestFleetPlan("p.id, p.record -> 'plan' -> 'holds' as holds, p.record ->> 'state' as state", "p.record ->> 'state' <> 'applying'")}),
     hold as (select h ->> 'kind' as kind, h ->> 'sentence' as sentence from newest, jsonb_array_elements(holds) with ordinality x (h, n)
       where newest.state = 'held' and h ->> 'blocks' <> 'one_project' order by n)
     select 'card:' || kind || ':' || id as key, 'card' as kind, shown_as as "shownAs", kind as subject, id, about, reason, until,
       false as passes from question
     union all select 'expiring:' || kind || ':' || id, 'expiring', shown_as, kind, id, about, null, until, false from question
       where until - $1 <= least($2, (until - since) / 4)
     union all select 'frozen:' || id || ':' || coalesce(entered_at, 0), 'frozen', 'deletion:' || id, 'deletion', id::text, path, frozen_reason,
       null, false from deletion d
       where phase = 'frozen' and not exists (select from question where kind = 'go_on' and shown_as = 'deletion:' || d.id)
     union all select 'stopped:' || first, 'stopped', 'stop:' || first, 'stop', first::text, 'everything', why, null, false from stop
     union all select 'held:' || string_agg(distinct kind, ','), 'held', 'plan:' || coalesce(
         (select plan from matter where kind = 'hold' and scope = 'fleet' and ended_at is null order by since desc, key limit 1),
         (select id from plan where shown order by planned_at desc limit 1)),
       'plan', (select id::text from newest), 'the plan', (array_agg(sentence))[1], null,
       bool_and(kind in ('desired_partial', 'observed_partial', 'snapshot_too_old')) from hold
       having count(*) > 0 and exists (select from plan where shown)`,
    [now, remindMs],
  );
}

const NoticeRow = z.object({
  key: z.string(),
  since: z.number(),
  mentionedAt: z.number().nullable(),
  hasMessage: z.boolean(),
});
/** What was done about a state. */
export type Notice = Readonly<z.output<typeof NoticeRow>>;

/** What ended and is so again within this time did not end. Units: milliseconds. */
const AGAIN_MS = 3600_000;
/** How long what ended is kept. Units: milliseconds. */
const KEPT_MS = 90 * DAY_MS;

/** Records what is so now and what is no longer; gives what was done about each that is. */
export async function recordStates(q: Transaction, states: readonly State[], now: number): Promise<readonly Notice[]> {
  const keys = states.map((s) => s.key);
  await q.exec("update notice set ended_at = greatest($2, since) where ended_at is null and not key = any ($1)", [keys, now]);
  await q.exec("delete from notice where ended_at < $1 or (key = any ($2) and ended_at < $3)", [now - KEPT_MS, keys, now - AGAIN_MS]);
  await q.exec(
    `insert into notice (key, kind, since) select key, kind, $3 from unnest($1::text[], $2::text[]) state (key, kind)
     on conflict (key) do update set ended_at = null where notice.ended_at is not null`,
    [keys, states.map((s) => s.kind), now],
  );
  return q.many(
    NoticeRow,
    `select key, since, mentioned_at as "mentionedAt", message is not null as "hasMessage" from notice where key = any ($1)`,
    [keys],
  );
}

/** Records that people were mentioned. */
export async function recordMention(q: Queryable, key: string, now: number): Promise<void> {
  await q.exec("update notice set mentioned_at = $2 where key = $1", [key, now]);
}

/** Whether anybody was mentioned since. */
export async function wasAnyMentioned(q: Queryable, since: number): Promise<boolean> {
  const row = z.object({ yes: z.boolean() });
  return (await q.one(row, "select exists (select from notice where mentioned_at >= $1) as yes", [since])).yes;
}

const MessageRow = z.object({ key: z.string(), message: z.record(z.string(), z.unknown()), tries: z.number() });
/** A message that the webhook has not got yet. */
export type WaitingMessage = Readonly<z.output<typeof MessageRow>>;

/** Puts a state's message in line; a second one for the same state is not. */
export async function recordMessage(q: Queryable, key: string, message: object, now: number): Promise<void> {
  await q.exec("update notice set message = $2, due_at = $3 where key = $1 and message is null", [key, toJson(message), now]);
}

/** The messages that are due, of what is still so. */
export function readDueMessages(q: Queryable, now: number): Promise<readonly WaitingMessage[]> {
  return q.many(
    MessageRow,
    `select ${columnsOf(MessageRow)} from notice where due_at <= $1 and ended_at is null and message is not null order by due_at, key limit 20`,
    [now],
  );
}

/** Records a try; `dueAt` null: it got there, or is not tried again. */
export async function recordTry(q: Queryable, key: string, dueAt: number | null): Promise<void> {
  await q.exec("update notice set tries = tries + 1, due_at = $2 where key = $1", [key, dueAt]);
}
