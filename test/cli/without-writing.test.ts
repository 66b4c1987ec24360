/** Claim: a command that only looks needs no variable of Slack, migrates nothing, and PostgreSQL refuses whatever it would write. */
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { withoutWriting } from "../../src/cli/without-writing.ts";
import type { Queryable } from "../../src/store/db.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { twokey } from "../support/terminal.ts";
import type { CliIo } from "../../src/cli/command.ts";

const made: FreshDatabase[] = [];
afterAll(() => Promise.all(made.map((one) => one.drop())));

const env = {
  CI_DATABASE_URL: "postgres://reader@127.0.0.1:1/ci",
  CLOUDSTACK_API_URL: "https://127.0.0.1:1/client/api",
  CLOUDSTACK_API_KEY: "key",
  CLOUDSTACK_SECRET_KEY: "secret",
  CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
  TWOKEY_DATA_DIR: "/nowhere",
};
async function look(more: CliIo["env"], work: (db: Queryable | null) => Promise<void>): Promise<{ code: number; err: string }> {
  let err = "";
  const io = {
    env: { ...env, ...more },
    out: () => undefined,
    err: (text: string) => (err += text),
    now: () => 1,
    newId: () => "x",
  } as unknown as CliIo;
  const code = await withoutWriting(io, async ({ db }) => {
    await work(db);
    return 0;
  });
  return { code, err };
}

test("in its own database every write is refused", async () => {
  const fresh = await freshDatabase();
  made.push(fresh);
  const looked = await look({ DATABASE_URL: fresh.url }, async (db) => {
    expect(await db?.many(z.object({}), "select from managed_domain")).toEqual([]);
    await expect(db?.exec("insert into seen_event (key, at) values ('x', 1)")).rejects.toMatchObject({
      message: expect.stringContaining("read-only") as string,
    });
    await expect(db?.exec("create table x ()")).rejects.toMatchObject({ message: expect.stringContaining("read-only") as string });
  });
  expect(looked).toEqual({ code: 0, err: "" });
});

test("without tables, and without any database, nothing is managed, and nothing is made", async () => {
  const empty = await emptyDatabase();
  made.push(empty);
  for (const more of [{ DATABASE_URL: empty.url }, {}]) {
    const looked = await look(more, async (db) => expect(db).toBeNull());
    expect(looked.code).toBe(0);
  }
  expect(await empty.db.many(z.object({}), "select from information_schema.schemata where schema_name = 'twokey'")).toEqual([]);
});

test("a database of an earlier version is left so, with a sentence", async () => {
  const fresh = await freshDatabase();
  made.push(fresh);
  await fresh.db.exec("delete from pgmigrations where name like '0068_%'");
  const looked = await look({ DATABASE_URL: fresh.url }, async () => undefined);
  expect(looked).toMatchObject({ code: 1, err: expect.stringContaining("has not been migrated to this version yet") as string });
});

test("sides that cannot be read: exit code 1 with a sentence, and no table", async () => {
  const ran = await twokey(["adopt", "--dry-run", "--json"], env);
  expect(ran).toMatchObject({ code: 1, out: "", err: expect.stringContaining("was not read completely") as string });
  expect(await twokey(["adopt", "--dry-run"], { ...env, CI_DATABASE_URL: undefined })).toMatchObject({ code: 2 });
  expect((await twokey(["un-adopt"], env)).code).toBe(2);
});
