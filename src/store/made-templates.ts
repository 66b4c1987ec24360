/** Templates that owners had the bot make of their machines. */
import { z } from "zod";
import { AccountId, type CiUserId, DomainId, Instant, OperatorId, ResourceId, Slug, StoredCiUserId, StoredProjectId } from "../core/ids.ts";
import { columnsOf, CountRow, insertRow, updateRow, type Queryable, type Transaction } from "./db.ts";

const Row = z.object({
  id: z.string(),
  machineId: ResourceId,
  machineName: z.string(),
  projectId: StoredProjectId,
  slug: Slug,
  domainId: DomainId,
  accountId: AccountId,
  ciUser: StoredCiUserId,
  askedBy: OperatorId,
  channel: z.string(),
  askedAt: Instant,
  state: z.enum(["asked", "snapshot", "template", "made", "failed"]),
  name: z.string(),
  snapshotId: ResourceId.nullable(),
  snapshotName: z.string(),
  templateId: ResourceId.nullable(),
  problem: z.string().nullable(),
  endedAt: Instant.nullable(),
  told: z.boolean(),
});
/** One template that was asked for; `snapshot` and `template`: what is made of it now. */
export type MadeTemplate = Readonly<z.output<typeof Row>>;

const SELECT = `select ${columnsOf(Row)} from made_template`;

/** Stores what was asked for; false: one of this machine has not ended. */
export async function insertMadeTemplate(
  q: Transaction,
  asked: Omit<MadeTemplate, "state" | "templateId" | "problem" | "endedAt" | "told">,
): Promise<boolean> {
  return (await insertRow(q, "made_template", asked, "on conflict do nothing")) === 1;
}

/** Reads one by its id; null: there is none. */
export function readMadeTemplate(q: Queryable, id: string): Promise<MadeTemplate | null> {
  return q.maybe(Row, `${SELECT} where id = $1`, [id]);
}

/** Reads the newest of a machine; null: none was asked for. */
export function readLastMadeTemplate(q: Queryable, machineId: string): Promise<MadeTemplate | null> {
  return q.maybe(Row, `${SELECT} where machine_id = $1 order by asked_at desc, id limit 1`, [machineId]);
}

/** Changes one that has not ended; false: it has. */
export async function updateMadeTemplate(
  q: Queryable,
  id: string,
  change: Partial<Pick<MadeTemplate, "state" | "snapshotId" | "templateId" | "problem" | "endedAt">>,
): Promise<boolean> {
  return (await updateRow(q, "made_template", id, change, "ended_at is null")) === 1;
}

/** Records that who asked was told how it ended. */
export async function recordMadeTemplateTold(q: Queryable, id: string): Promise<void> {
  await q.exec("update made_template set told = true where id = $1 and ended_at is not null", [id]);
}

const OfRow = z.object({ template: z.string(), machine: z.string() });

/** Which machine each of these templates was made of, where the bot made it. */
export async function readMachinesOfTemplates(q: Queryable, templates: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const sql = "select template_id::text as template, machine_id::text as machine from made_template where template_id::text = any ($1)";
  return new Map((await q.many(OfRow, sql, [templates])).map((row) => [row.template, row.machine]));
}

/** Counts those of one person that have not ended, and locks that count until the transaction ends. */
export async function countUnfinishedTemplatesOf(q: Transaction, ciUser: CiUserId): Promise<number> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.made_template ' || $1, 0))", [ciUser]);
  return q.one(CountRow, "select count(*) as n from made_template where ci_user = $1 and ended_at is null", [ciUser]);
}

const IdRow = z.object({ id: z.string() });

/** Those that were asked for before an instant and have not ended, or of whose end nobody was told since another one. */
export async function readUnfinishedTemplates(q: Queryable, before: number, since: number): Promise<readonly string[]> {
  const sql = `select id::text as id from made_template
    where not told and ((ended_at is null and asked_at < $1) or (ended_at < $1 and ended_at > $2)) order by asked_at`;
  return (await q.many(IdRow, sql, [before, since])).map((row) => row.id);
}
