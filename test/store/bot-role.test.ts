/**
 * Claims that however the database is given, the bot works as a role that owns nothing, or it is said aloud that it does not; that roles of two
 * databases on one server are strangers; and that replicas may race. Shown on a real PostgreSQL with real roles.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { prepareEngine } from "../../src/engine/schema.ts";
import { createDatabase, withConnection } from "../../src/store/db.ts";
import { migrateFor, prepareStore } from "../../src/store/prepare.ts";
import { readRoleReport, roleWarning } from "../../src/store/role-dangers.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";

/** For claims that are about our own tables only. */
const noEngine = () => Promise.resolve();
const made: FreshDatabase[] = [];
const roles: string[] = [];
let empty: FreshDatabase;
beforeEach(async () => {
  empty = await emptyDatabase();
  made.push(empty);
});
afterAll(async () => {
  const [first, ...others] = made;
  for (const one of others) await one.drop();
  for (const role of roles) await first?.db.exec(`drop owned by ${role} cascade`).catch(() => undefined);
  for (const role of roles) await first?.db.exec(`drop role if exists ${role}`).catch(() => undefined);
  await first?.drop();
});

/** Makes a login of one's own; with a password in its address the bot believes that the server asks for one. */
async function login(attributes: string, password = ""): Promise<{ readonly name: string; readonly url: string }> {
  const name = `person_${randomBytes(4).toString("hex")}`;
  await empty.db.exec(`create role ${name} login ${attributes}`);
  roles.push(name);
  const url = new URL(empty.url);
  url.username = name;
  url.password = password;
  return { name, url: url.href };
}

async function ask<T extends z.ZodType>(url: string, row: T, sql: string): Promise<z.output<T>> {
  const db = createDatabase(url, { max: 1, onError: () => undefined });
  try {
    return await db.one(row, sql);
  } finally {
    await db.close();
  }
}
const Who = z.object({ session: z.string(), now: z.string() });
const who = (url: string) => ask(url, Who, "select session_user::text as session, current_user::text as now");
const codeOf = (url: string, sql: string): Promise<string> =>
  ask(url, z.unknown(), sql).then(
    () => "done",
    (e: { cause?: pg.DatabaseError }) => e.cause?.code ?? String(e),
  );

test("a superuser's address without a password, such as the embedded one: a login of its own, nothing to warn of", async () => {
  const prepared = await prepareStore({ url: empty.url, migrationUrl: null }, noEngine);
  expect(await who(prepared.url)).toEqual({
    session: expect.stringMatching(/^twokey_bot_\d+$/) as string,
    now: expect.stringMatching(/^twokey_bot_\d+$/) as string,
  });
  expect(prepared.warning).toBeNull();
  expect(prepared.applied).toContain("0001_base");
  expect((await prepareStore({ url: empty.url, migrationUrl: null }, noEngine)).applied).toEqual([]);
});

test("four replicas at once, on a database where nothing is yet: all end well, as one role", async () => {
  const all = await Promise.all([1, 2, 3, 4].map(() => prepareStore({ url: empty.url, migrationUrl: null }, prepareEngine)));
  expect(new Set(all.map((p) => p.url)).size).toBe(1);
  expect(await codeOf(all[0]?.url ?? "", "delete from twokey.audit")).toBe("42501");
});

test("two databases on one server: each has a role of its own, and no right in the other, not even in its own clone", async () => {
  const other = await freshDatabase();
  made.push(other);
  const [a, b] = [
    await prepareStore({ url: empty.url, migrationUrl: null }, noEngine),
    await prepareStore({ url: other.url, migrationUrl: null }, noEngine),
  ];
  expect((await who(a.url)).session).not.toBe((await who(b.url)).session);
  const strayed = new URL(a.url);
  strayed.pathname = new URL(b.url).pathname;
  expect(await codeOf(strayed.href, "select count(*) as n from twokey.audit")).toBe("42501");
});

test("an owner's address with a password: the role is set, and the warning names the login and where to read on", async () => {
  const owner = await login("createrole", "secret-of-the-owner");
  await empty.db.exec(`grant create on database ${new URL(empty.url).pathname.slice(1)} to ${owner.name}`);
  const prepared = await prepareStore({ url: owner.url, migrationUrl: null }, noEngine);
  expect(await who(prepared.url)).toEqual({ session: owner.name, now: expect.stringMatching(/^twokey_bot_\d+$/) as string });
  for (const sql of [
    "delete from audit",
    "truncate vote",
    "drop trigger append_only_row on audit",
    "alter table audit disable trigger all",
  ])
    expect(await codeOf(prepared.url, sql)).toBe("42501");
  expect(prepared.warning).toContain(owner.name);
  expect(prepared.warning).toContain("may become the owner of, ");
  expect(prepared.warning).toContain("docs/database-roles.md");
  expect(prepared.warning).not.toContain("secret-of-the-owner");
});

test("an owner who may make no role: it is used as it is, and that is said aloud", async () => {
  const owner = await login("");
  await empty.db.exec(`grant create on database ${new URL(empty.url).pathname.slice(1)} to ${owner.name}`);
  const prepared = await prepareStore({ url: owner.url, migrationUrl: null }, prepareEngine);
  expect((await who(prepared.url)).now).toBe(owner.name);
  expect(prepared.warning).toContain(`${owner.name} could change the audit log: it owns`);
});

test("two addresses: the owner migrates, the bot's own role gets its rights and what it had beyond them is taken", async () => {
  const bot = await login("");
  await prepareStore({ url: empty.url, migrationUrl: null }, prepareEngine);
  await empty.db.exec(`grant all on all tables in schema twokey to ${bot.name}`);
  await empty.db.exec(`grant all on schema twokey to ${bot.name}`);
  const prepared = await prepareStore({ url: bot.url, migrationUrl: empty.url }, prepareEngine);
  expect(prepared.warning).toBeNull();
  expect(await who(prepared.url)).toEqual({ session: bot.name, now: bot.name });
  expect(await codeOf(prepared.url, "delete from audit")).toBe("42501");
  expect(await codeOf(prepared.url, "select count(*) as n from dbos.workflow_status")).toBe("done");
});

test("only the lesser role's address: refused with the command to run while a migration is missing, used once it was run", async () => {
  const bot = await login("");
  await empty.db.exec("create schema twokey");
  await expect(prepareStore({ url: bot.url, migrationUrl: null }, noEngine)).rejects.toThrow(/npx twokey migrate/);
  await migrateFor(empty.url, bot.name, noEngine);
  expect(await prepareStore({ url: bot.url, migrationUrl: null }, noEngine)).toEqual({ url: bot.url, warning: null, applied: [] });
});

/** What is said of a role whose address this is. */
const saidOf = (url: string) => withConnection(url, async (bot) => roleWarning(await readRoleReport(bot)));

test("what a hand gave too much is said", async () => {
  const owner = new URL(empty.url).username;
  await prepareStore({ url: empty.url, migrationUrl: null }, noEngine);
  for (const [sql, words, undo] of [
    ["grant update on audit to ROLE", "UPDATE on audit"],
    ["grant update (at) on vote to ROLE", "UPDATE on vote"],
    ["grant delete on deletion to ROLE", "DELETE on deletion"],
    ["grant truncate on outcome to ROLE", "TRUNCATE on outcome"],
    ["grant trigger on waiver to ROLE", "TRIGGER on waiver"],
    ["grant create on schema twokey to ROLE", "create things in the schema twokey"],
    ["alter schema twokey owner to ROLE", "owns the schema twokey", `alter schema twokey owner to ${owner}`],
    ["alter table audit owner to ROLE", "owner of, audit", `alter table audit owner to ${owner}`],
    ["grant pg_execute_server_program to ROLE", "run programs"],
    ["alter role ROLE superuser", "is a superuser"],
  ] as const) {
    const bot = await login("");
    await migrateFor(empty.url, bot.name, noEngine);
    expect(await saidOf(bot.url), sql).toBeNull();
    await empty.db.exec(sql.replace("ROLE", bot.name));
    expect(await saidOf(bot.url), sql).toContain(words);
    if (undo !== undefined) await empty.db.exec(undo);
  }
});
