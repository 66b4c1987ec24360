/** What the Home tab shows, by cheap statements, and who opened it. Units: every `…At`, `until` and `since` is UTC epoch milliseconds. */
import { z } from "zod";
import type { ClosedBecause, Phase } from "../core/phases.ts";
import { DAY_MS } from "../core/units.ts";
import { columnsOf, type Queryable } from "./db.ts";
import { newestFleetPlan } from "./newest-plan.ts";

const ViewerRow = z.object({
  slackUser: z.string(),
  operator: z.string(),
  name: z.string(),
  account: z.string().nullable(),
  ciUser: z.string().nullable(),
  isTeam: z.boolean(),
  page: z.number(),
  digest: z.string().nullable(),
});
/** Somebody who opened Home, as they were then. */
export type HomeViewer = Readonly<z.output<typeof ViewerRow>>;

/** Whose Home is kept up to date: the last so many who opened it, in the last so many days. */
const [VIEWERS_MAX, KEPT_MS] = [300, 30 * DAY_MS];

/** Records that somebody opened Home, or turned to a page of it; who opened it longest ago is forgotten. */
export async function recordHomeViewer(q: Queryable, v: Omit<HomeViewer, "digest">, at: number): Promise<void> {
  await q.exec(
    `insert into home_viewer (slack_user, operator, name, account, ci_user, is_team, page, opened_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (slack_user) do update set operator = excluded.operator, name = excluded.name, account = excluded.account,
       ci_user = excluded.ci_user, is_team = excluded.is_team, page = excluded.page, opened_at = excluded.opened_at`,
    [v.slackUser, v.operator, v.name, v.account, v.ciUser, v.isTeam, v.page, at],
  );
  await q.exec(
    `delete from home_viewer where opened_at < $1
       or slack_user in (select slack_user from home_viewer order by opened_at desc, slack_user offset $2)`,
    [at - KEPT_MS, VIEWERS_MAX],
  );
}

/** Records what a Home was made of; `digest` null: what it shows is as it was. */
export async function recordHomeShown(
  q: Queryable,
  slackUser: string,
  shown: { readonly stamp: string; readonly digest: string | null; readonly at: number },
): Promise<void> {
  await q.exec(
    `update home_viewer set stamp = $2, digest = coalesce($3, digest), published_at = case when $3::text is null then published_at else $4 end
     where slack_user = $1`,
    [slackUser, shown.stamp, shown.digest, shown.at],
  );
}

/** Records that Home shows why it shows nothing: it is made again as soon as that is possible. */
export async function recordHomeTrouble(q: Queryable, slackUser: string): Promise<void> {
  await q.exec("update home_viewer set stamp = null, digest = null where slack_user = $1", [slackUser]);
}

/** Forgets somebody who may not use Home. */
export async function forgetHomeViewer(q: Queryable, slackUser: string): Promise<void> {
  await q.exec("delete from home_viewer where slack_user = $1", [slackUser]);
}

/** Those whose Home was made of something else, and who were shown none since an instant; who waits longest comes first. */
export function readHomesDue(q: Queryable, stamp: string, since: number, limit: number): Promise<readonly HomeViewer[]> {
  return q.many(
    ViewerRow,
    `select ${columnsOf(ViewerRow)} from home_viewer where stamp is distinct from $1 and coalesce(published_at, 0) <= $2
     order by coalesce(published_at, 0), slack_user limit $3`,
    [stamp, since, limit],
  );
}

const StampRow = z.object({ stamp: z.string() }).transform((row) => row.stamp);

/** Another text whenever something may have changed that Home shows: a vote, a phase, a stop, a pass, a change of policy, an export. */
export function readHomeStamp(q: Queryable): Promise<string> {
  return q.one(
    StampRow,
    `select concat_ws(' ',
       (select coalesce(max(seq), 0) from ballot), (select coalesce(max(seq), 0) from stop_switch),
       (select count(*) || '.' || coalesce(sum(version), 0) from deletion),
       (select count(*) from archive_entry where owner_kind = 'deletion' and state = 'failed'),
       (select coalesce(max(version), 0) from policy_version),
       (select count(*) || '.' || count(ended_at) from policy_change), (select count(*) || '.' || count(ended_at) from adoption),
       (select count(*) from go_on), (select complete_at from sync_state),
       (select id || '.' || coalesce(ended_at, 0) from pass order by started_at desc, id limit 1),
       (select count(*) || '.' || count(*) filter (where state = 'ready') || '.' || count(*) filter (where state = 'failed')
          || '.' || count(*) filter (where told) || '.' || count(revoked_at) from export)) as stamp`,
  );
}

const QuestionRow = z.object({
  kind: z.enum(["deletion", "waiver", "policy", "adoption", "go_on", "resume"]),
  /** A path, a setting. */
  about: z.string(),
  /** The name of what is waived; null: it is another question. */
  thing: z.string().nullable(),
  until: z.number().nullable(),
  quorum: z.number(),
  approvals: z.number(),
  /** Who asked and who voted, by ids and Slack accounts. */
  askedBy: z.array(z.string()),
  votedBy: z.array(z.string()),
});
/** A question that waits for votes. */
export type HomeQuestion = Readonly<z.output<typeof QuestionRow>>;

/** Reads the questions that wait for votes; what expires first comes first. A resume is one once somebody asked for it. */
export function readHomeQuestions(q: Queryable): Promise<readonly HomeQuestion[]> {
  return q.many(
    QuestionRow,
    `with asked (kind, id, about, thing) as (
       select 'deletion', id::text, path, null from deletion where phase = 'proposed'
       union all select 'waiver', e.id::text, d.path, e.name from archive_entry e join deletion d on d.id = e.owner_id
         where e.owner_kind = 'deletion' and e.state = 'failed' and d.phase = 'proposed' and not is_waived(e.id)
       union all select 'policy', id::text, setting, null from policy_change where state = 'proposed'
       union all select 'adoption', id::text, kind, null from adoption where state = 'proposed'
       union all select 'go_on', g.id::text, d.path, null from go_on g join deletion d on d.id = g.deletion_id
       union all select 'resume', b.question, 'everything', null from (select max(seq)::text as seq from present_stops()) stop
         join ballot b on b.kind = 'resume' and b.question = stop.seq group by b.question),
     vote as (select b.* from ballot b join asked a on b.kind = a.kind and b.question = a.id
       where b.verdict <> 'withdraw' and not exists (
         select from ballot w where w.kind = b.kind and w.question = b.question and w.voter = b.voter and w.verdict = 'withdraw'))
     select a.kind, a.about, a.thing, q.expires_at as until, q.quorum,
       (select count(distinct voter)::integer from vote v where v.kind = a.kind and v.question = a.id and v.verdict = 'approve') as approvals,
       coalesce(q.requesters, '{}') as "askedBy",
       array(select voter from vote v where v.kind = a.kind and v.question = a.id
         union select slack_account from vote v where v.kind = a.kind and v.question = a.id and slack_account is not null) as "votedBy"
     from asked a cross join lateral question_of(a.kind, a.id) q where q.open order by q.expires_at nulls last, a.kind, a.about, a.thing limit 200`,
  );
}

const StandingRow = z.object({
  projectId: z.string(),
  path: z.string(),
  phase: z.string().transform((text) => text as Phase),
  until: z.number().nullable(),
  closedBecause: z
    .string()
    .nullable()
    .transform((text) => text as ClosedBecause | null),
  frozenFrom: z
    .string()
    .nullable()
    .transform((text) => text as Phase | null),
});
/** Where a deletion stands. */
export type HomeDeletion = Readonly<z.output<typeof StandingRow>>;

const STANDING = `project_id as "projectId", path, phase, case phase when 'proposed' then expires_at else until_at end as until,
  closed_because as "closedBecause", frozen_from as "frozenFrom"`;

/** Reads where every live deletion stands; what ends first comes first. */
export function readHomeDeletions(q: Queryable): Promise<readonly HomeDeletion[]> {
  return q.many(
    StandingRow,
    `select ${STANDING} from deletion where phase not in ('deleted', 'closed') order by until_at nulls last, path, id`,
  );
}

/** Reads where the newest deletion of each of these projects stands, of those that are live or that ended with the domain gone. */
export function readNewestDeletionsOf(q: Queryable, projects: readonly string[]): Promise<readonly HomeDeletion[]> {
  return q.many(
    StandingRow,
    `select * from (select distinct on (project_id) ${STANDING} from deletion where project_id = any ($1)
       order by project_id, seq desc) newest
     where phase <> 'closed' or "closedBecause" = 'gone'`,
    [projects],
  );
}

/** Reads which of these projects have a managed domain now. */
export async function readProjectsWithDomain(q: Queryable, projects: readonly string[]): Promise<readonly string[]> {
  const row = z.object({ project: z.string() });
  const sql = "select distinct project_id as project from managed_domain where deleted_at is null and project_id = any ($1)";
  return (await q.many(row, sql, [projects])).map((r) => r.project);
}

const ExportRow = z.object({
  slug: z.string(),
  name: z.string(),
  state: z.enum(["waiting", "saving", "ready", "failed"]),
  linkUntil: z.number().nullable(),
  /** Whether a link was handed out, and whether Slack took the message of how it ended. */
  hasLink: z.boolean(),
  told: z.boolean(),
});
/** An export of a template, as Home lists it. */
export type HomeExport = Readonly<z.output<typeof ExportRow>>;

/** Reads what a person exports now, what they can still download, and what failed in the last day; the newest first. */
export function readHomeExports(q: Queryable, askedBy: string, now: number): Promise<readonly HomeExport[]> {
  return q.many(
    ExportRow,
    `select slug, template_name as name, state, link_until as "linkUntil", link is not null as "hasLink", told from export
     where asked_by = $1 and (state in ('waiting', 'saving') or (state = 'ready' and link_until > $2) or (state = 'failed' and asked_at > $3))
     order by asked_at desc, id limit 10`,
    [askedBy, now, now - DAY_MS],
  );
}

const PassRow = z.object({ startedAt: z.number(), endedAt: z.number().nullable(), trouble: z.string().nullable() });
/** A pass, as Home shows it. */
export type HomePass = Readonly<z.output<typeof PassRow>>;

/** Reads the newest pass; null before the first. */
export function readNewestPass(q: Queryable): Promise<HomePass | null> {
  return q.maybe(PassRow, `select ${columnsOf(PassRow)} from pass order by started_at desc, id limit 1`);
}

const HoldRow = z.object({ sentence: z.string(), liftedBy: z.string() });
/** A hold, as Home shows it. */
export type HomeHold = Readonly<z.output<typeof HoldRow>>;

/** Reads the holds of the newest plan over everything, and when both sides were last read completely. */
export async function readHomeHolds(q: Queryable): Promise<readonly HomeHold[]> {
  return q.many(
    HoldRow,
    `select h ->> 'sentence' as sentence, coalesce(h ->> 'liftedBy', '') as "liftedBy" from (${newestFleetPlan("p.record")}) newest,
     jsonb_array_elements(newest.record -> 'plan' -> 'holds') with ordinality x (h, n) order by n limit 100`,
  );
}
