/**
 * Claims that the tables of record only grow (INV-10), whoever asks: the bot's own role has no right to anything else, and even a superuser
 * meets the triggers. Shown on a real PostgreSQL, connected as the bot connects. Which tables these are is read from the migrations' text.
 */
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareEngine } from "../../src/engine/schema.ts";
import { recordAudit, verifyAudit } from "../../src/store/audit.ts";
import { connectionSettings, createDatabase, type Database } from "../../src/store/db.ts";
import { prepareStore } from "../../src/store/prepare.ts";
import { recordVote } from "../../src/store/ballots.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { enterAsSaved, inventory, item, op, proposeOne } from "../support/deletions.ts";

const folder = path.resolve(import.meta.dirname, "../../migrations");
const text = readdirSync(folder)
  .map((name) => readFileSync(path.join(folder, name), "utf8"))
  .join("\n");
const tables = [...text.matchAll(/^select make_append_only\('(\w+)'\)/gm)].map((m) => m[1] ?? "");

let fresh: FreshDatabase;
let bot: Database;
let client: pg.Client;
beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.db.exec(
    `insert into audit (at, actor, kind, subject, data, prev_hash, hash) values (1, 'a', 'k', 's', '{}', repeat('0', 64), repeat('0', 64))`,
  );
  await fresh.db.exec(`insert into intent values ('6f0d0c5e-7a0b-4d53-9a51-3c1f3f2f7a11', 'pass', 'p', 'createDomain', '{}', 1)`);
  await fresh.db.exec(`insert into outcome (intent_id, result, data, at) values ('6f0d0c5e-7a0b-4d53-9a51-3c1f3f2f7a11', 'done', '{}', 1)`);
  await fresh.db.exec(`insert into stop_switch (at, kind, by_operator, reason) values (1, 'stop', 'o', 'r')`);
  const prepared = await prepareStore({ url: fresh.url, migrationUrl: null }, prepareEngine);
  expect(prepared.warning).toBeNull();
  bot = createDatabase(prepared.url, { max: 2, onError: () => undefined });
  client = new pg.Client(connectionSettings(prepared.url));
  await client.connect();
});
afterAll(async () => {
  await Promise.all([bot.close(), client.end()]);
  await fresh.drop();
});

/** Runs a statement over the bot's own connection; gives PostgreSQL's code. */
const codeOf = (sql: string): Promise<string> =>
  client.query(sql).then(
    () => "done",
    (e: unknown) => (e as pg.DatabaseError).code ?? String(e),
  );
const FORBIDDEN = "42501";

test("the tables of record are these", () => {
  expect(tables.length).toBeGreaterThanOrEqual(13);
  expect(tables).toEqual(
    expect.arrayContaining(["audit", "intent", "outcome", "stop_switch", "vote", "withdrawal", "waiver", "ballot", "snapshot"]),
  );
});

const columnOf = async (table: string): Promise<string> => {
  const { rows } = await client.query<{ name: string }>(
    "select quote_ident(attname) as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and attidentity = '' limit 1",
    [table],
  );
  return rows[0]?.name ?? "";
};

test.for(tables)("%s: the bot reads and inserts; PostgreSQL refuses it everything else, before any trigger", async (table) => {
  const column = await columnOf(table);
  const trigger = "append_only_row";
  for (const sql of [
    `update ${table} set ${column} = ${column}`,
    `delete from ${table}`,
    `truncate ${table} cascade`,
    `drop trigger ${trigger} on ${table}`,
    `alter table ${table} disable trigger ${trigger}`,
    `alter table ${table} disable trigger all`,
    `alter table ${table} rename to elsewhere`,
    `alter table ${table} drop column ${column}`,
    `alter table ${table} owner to session_user`,
    `drop table ${table} cascade`,
    `create trigger mine before insert on ${table} for each row execute function refuse_change()`,
    `create rule mine as on delete to ${table} do instead nothing`,
    `select from ${table} for update`,
  ])
    expect(`${sql}: ${await codeOf(sql)}`).toBe(`${sql}: ${FORBIDDEN}`);
  expect(await codeOf(`select from ${table}`)).toBe("done");
  const { rows } = await client.query<{ may: boolean }>("select has_any_column_privilege($1::regclass, 'INSERT') as may", [table]);
  expect(rows[0]?.may).toBe(true);
});

test.for([
  "create or replace function refuse_change() returns trigger language plpgsql as 'begin return new; end'",
  "alter function refuse_change() rename to elsewhere",
  "drop function refuse_change() cascade",
  "drop schema twokey cascade",
  "create table twokey.mine (n int)",
  "set session_replication_role = replica",
  "set role postgres",
  "set session authorization postgres",
  "alter role session_user superuser",
  "create role another",
  "select setval('audit_seq_seq', 1)",
  "insert into audit (seq, at, actor, kind, subject, data, prev_hash, hash) overriding system value values (9, 1, 'a', 'k', 's', '{}', 'p', repeat('1', 64))",
  "delete from pgmigrations",
  "delete from migration_file",
  "delete from deletion",
  "truncate deletion cascade",
])("the bot may not: %s", async (sql) => {
  expect(await codeOf(sql)).toBe(FORBIDDEN);
});

test("the chain grows over the bot's connection, and still verifies", async () => {
  await fresh.db.exec("alter table audit disable trigger all");
  await fresh.db.exec("delete from audit");
  await fresh.db.exec("alter table audit enable trigger all");
  for (const subject of ["one", "two"]) await bot.tx((q) => recordAudit(q, { at: 1, actor: "twokey", kind: "test", subject, data: null }));
  expect(await verifyAudit(bot)).toMatchObject({ intact: true, rows: 2 });
});

test("a temporary table named like one of ours forges no quorum", async () => {
  const row = await proposeOne(fresh.db);
  await enterAsSaved(bot, row, inventory(row.domain_id, [item("template", "t")]));
  await recordVote(
    bot,
    { kind: "deletion", id: row.id },
    {
      voter: op("ada"),
      voterName: "ada",
      account: null,
      verdict: "approve",
      digest: row.digest!,
      reason: null,
      at: 20 as never,
    },
  );
  await client.query(`create temporary table ballot (kind text, question text, voter text, verdict text, digest text)`);
  await client.query(`insert into pg_temp.ballot values ('deletion', $1, 'x', 'approve', $2), ('deletion', $1, 'y', 'approve', $2)`, [
    row.id,
    row.digest,
  ]);
  await client.query("set search_path = pg_temp, twokey");
  await expect(
    client.query("update twokey.deletion set phase = 'cooling_off', entered_at = 30, until_at = 40 where id = $1", [row.id]),
  ).rejects.toMatchObject({ constraint: "deletion_quorum" });
  await client.query("drop table pg_temp.ballot");
  await client.query("set search_path = twokey");
});

test.for(
  ["audit", "intent", "outcome", "stop_switch"].flatMap((table) => [
    [table, `update ${table} set at = 2`] as const,
    [table, `delete from ${table}`] as const,
    [table, `truncate ${table} cascade`] as const,
  ]),
)("%s: even for a superuser, %s is refused by the trigger", async ([table, sql]) => {
  const before = await fresh.db.exec(`select from ${table}`);
  expect(before).toBeGreaterThan(0);
  await expect(fresh.db.exec(sql)).rejects.toMatchObject({
    kind: "constraint",
    message: expect.stringContaining("the table only grows") as string,
  });
  expect(await fresh.db.exec(`select from ${table}`)).toBe(before);
});

test("the refusal names the table's guard", async () => {
  await expect(fresh.db.exec("delete from audit")).rejects.toMatchObject({ constraint: "audit_append_only" });
});
