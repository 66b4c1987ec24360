/** Claims: `twokey migrate` does as the owner what the bot may not, and `doctor` says when the bot's role could change the audit log. */
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { examineOwnDatabase } from "../../src/cli/doctor/own-database.ts";
import { exitCodeOf, renderChecks } from "../../src/cli/doctor/report.ts";
import { emptyDatabase, type FreshDatabase } from "../support/database.ts";
import { twokey } from "../support/terminal.ts";

let empty: FreshDatabase;
let role: string;
let botUrl: string;
beforeEach(async () => {
  empty = await emptyDatabase();
  role = `person_${randomBytes(4).toString("hex")}`;
  await empty.db.exec(`create role ${role} login`);
  const url = new URL(empty.url);
  [url.username, url.password] = [role, "not-to-be-told"];
  botUrl = url.href;
});
afterEach(async () => {
  await empty.db.exec(`drop owned by ${role} cascade`);
  await empty.db.exec(`drop role ${role}`);
  await empty.drop();
});

const terminal = (env: Record<string, string>, ...args: readonly string[]) => twokey(["migrate", ...args], env);
async function doctor(
  databaseUrl: string | null,
  databaseMigrationUrl: string | null = null,
): Promise<{ readonly code: number; readonly said: string }> {
  const checks = await examineOwnDatabase({ databaseUrl, databaseMigrationUrl, dataDir: "nowhere" }, () => Date.now() as never);
  return { code: exitCodeOf(checks), said: renderChecks(checks) };
}

test("wrong arguments and missing addresses are refused with what to set", async () => {
  for (const [env, ...args] of [
    [{}, "--role"],
    [{}, "--nonsense", "x"],
    [{ DATABASE_MIGRATION_URL: empty.url }],
    [{ DATABASE_URL: botUrl }],
    [{ DATABASE_URL: "http://x", DATABASE_MIGRATION_URL: empty.url }],
  ] as const) {
    const done = await terminal(env as Record<string, string>, ...(args as readonly string[]));
    expect(done.code).toBe(2);
    expect(done.err).toMatch(/Usage: twokey migrate |Write:|Set |DATABASE_URL/);
  }
});

test("an owner that is away, or a role that is not there, changes nothing, and no password is told", async () => {
  const away = await terminal({ DATABASE_MIGRATION_URL: "postgres://o:hidden@127.0.0.1:1/x", DATABASE_URL: botUrl });
  expect(away).toMatchObject({ code: 1, err: expect.stringContaining("Nothing was changed") as string });
  expect(away.err).not.toContain("hidden");
  const script = await terminal({ DATABASE_MIGRATION_URL: "postgres://o:hidden@127.0.0.1:1/x", DATABASE_URL: botUrl }, "--json");
  expect(script).toMatchObject({ code: 1, out: "", err: expect.stringContaining("Nothing was changed") as string });
});

test("migrated as the owner, the bot's address is enough, and the doctor is content", async () => {
  expect(await doctor(botUrl)).toMatchObject({ code: 2, said: expect.stringContaining("may not apply them: the bot") as string });
  const done = await terminal({ DATABASE_MIGRATION_URL: empty.url, DATABASE_URL: botUrl });
  expect(done).toMatchObject({ code: 0, out: expect.stringContaining(`0001_base`) as string });
  expect(done.out).toContain(`${role} has the bot's rights`);
  expect(done.out).not.toContain("not-to-be-told");
  expect(await terminal({ DATABASE_MIGRATION_URL: empty.url }, "--role", role)).toMatchObject({
    code: 0,
    out: expect.stringContaining("Nothing to migrate") as string,
  });
  const asJson = await terminal({ DATABASE_MIGRATION_URL: empty.url, DATABASE_URL: botUrl }, "--json");
  expect(JSON.parse(asJson.out)).toEqual({ applied: [], role });
  expect(await doctor(botUrl)).toMatchObject({ code: 0, said: expect.stringContaining("can only add to the audit log") as string });
  expect(await doctor(null)).toMatchObject({ code: 0, said: expect.stringContaining("embedded") as string });
});

test("the doctor says what a hand gave too much, and does not say the password", async () => {
  await terminal({ DATABASE_MIGRATION_URL: empty.url, DATABASE_URL: botUrl });
  await empty.db.exec(`grant delete on audit to ${role}`);
  const { code, said } = await doctor(botUrl);
  expect(code).toBe(0);
  expect(said).toContain(`${role} could change the audit log: it has the right DELETE on audit`);
  expect(said).not.toContain("not-to-be-told");
});

test("the doctor looks at the owner's address too: away, of another database, of a role that may not migrate, and right", async () => {
  await terminal({ DATABASE_MIGRATION_URL: empty.url, DATABASE_URL: botUrl });
  const away = await doctor(botUrl, "postgres://owner:also-not-to-be-told@127.0.0.1:1/x");
  expect(away).toMatchObject({
    code: 2,
    said: expect.stringMatching(/the owner's address: .*nothing listens at its host and port.*in DATABASE_MIGRATION_URL/) as string,
  });
  expect(away.said).not.toContain("not-to-be-told");
  const elsewhere = new URL(empty.url);
  elsewhere.pathname = "/postgres";
  expect(await doctor(botUrl, elsewhere.href)).toMatchObject({
    code: 2,
    said: expect.stringContaining("names a different database from DATABASE_URL") as string,
  });
  expect(await doctor(botUrl, botUrl)).toMatchObject({
    code: 2,
    said: expect.stringContaining(`the role ${role} of DATABASE_MIGRATION_URL may not migrate it`) as string,
  });
  expect(await doctor(botUrl, empty.url)).toMatchObject({ code: 0, said: expect.stringContaining(" may migrate it") as string });
});
