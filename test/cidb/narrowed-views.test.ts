/**
 * Claim INV-6: a project is closed or absent only by views that list as much as a whole pass asks for. Views that lost most of their rows hold
 * every pass; they do not let a deletion go on either, whose project may be listed again by now.
 */
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isAbsent } from "../../src/app/archive.ts";
import { stateOf, type LastComplete } from "../../src/cidb/project-state.ts";
import type { CiDatabase } from "../../src/cidb/read.ts";
import type { DomainPath, ProjectId } from "../../src/core/ids.ts";
import { takePassage } from "../../src/deletion/passage.ts";
import type { DeletionRow } from "../../src/store/deletions.ts";
import { recordCompleteRead, recordManagedAccounts, recordManagedDomains } from "../../src/store/managed.ts";
import { botCi, configOf, putInForce, type TestBot } from "../support/bot.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow } from "../support/deletions.ts";
import { approveIn, looseLimits, smallWorld, type SmallWorld } from "../support/small-world.ts";

const mine = "p-1" as ProjectId;
let ours: FreshDatabase;
let base: FreshDatabase;
let client: pg.Client;
let ci: CiDatabase;
let w: SmallWorld;
let row: DeletionRow;
let bot: TestBot;

beforeEach(async () => {
  ours = await freshDatabase();
  base = await emptyDatabase();
  client = new pg.Client({ connectionString: base.url });
  await client.connect();
  // What the confirmed views themselves read is not confirmed: it may change without a trace.
  await client.query(`
    create table base_project (id text, slug text, name text, state text, closed_at timestamptz, closed_by text, limits jsonb);
    create view listed as select * from base_project;
    create view twokey_projects as select * from listed;
    create table twokey_users (id text, username text, email text, first_name text, last_name text, enabled boolean, slack_id text);
    create table twokey_memberships (project_id text, user_id text, role text);
    insert into twokey_users values ('u-1', 'ann', 'ann@example.org', 'Ann', 'A', true, null);
    insert into twokey_memberships values ('q-1', 'u-1', 'member');
    insert into base_project select 'q-' || n, 'q' || n, 'Q', 'active' from generate_series(1, 9) n;`);
  w = await smallWorld(ours.db);
  const approved = await approveIn(w);
  await ours.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    const evidence = JSON.stringify({ kind: "absent", projectId: mine, since: 0, reads: 99 });
    await q.exec("update deletion set evidence = $2 where id = $1", [approved.row.id, evidence]);
  });
  row = await expectRow(ours.db, approved.row.id);
  ci = botCi(base.url, () => w.now, null, ours.db);
  const source = await ci.readSource();
  if (!source.ok || source.value === null) throw new Error("the CI database did not say which it is");
  await putInForce(ours.db, { ...looseLimits, scope: { ...configOf().policy.scope, source: source.value } });
  const { readProjectState, readDesired } = ci;
  bot = approved.bot.with({ ci: { readProjectState, readDesired } });
  await recordCompleteRead(ours.db, { present: [], isUnsure: true, projects: 10, domains: 10, at: 120 });
  w.now = 130;
});
afterEach(async () => {
  await ci.close();
  await client.end();
  await base.drop();
  await ours.drop();
});

const list = (which: string) => client.query(`create or replace view listed as select * from base_project where ${which}`);
const codeOf = async (id = mine) => {
  const state = await ci.readProjectState(id);
  return state.ok ? state.value : state.error.code;
};

test("one project of ten is listed: its step waits, nothing is destroyed, and all is well once the views are whole again", async () => {
  await bot.advance(row.id);
  expect((await expectRow(ours.db, row.id)).phase).toBe("grace");
  await client.query("insert into base_project values ('p-1', 'a', 'A', 'active')");
  await list("id = 'q-1'");
  w.now = 330;
  await bot.advance(row.id);
  expect(w.calls).not.toContain("destroy m");
  expect(await expectRow(ours.db, row.id)).toMatchObject({ phase: "grace", waiting_for: expect.any(String) });
  const refused = { kind: "unavailable", message: expect.stringContaining("only 1 of 10 projects") };
  expect(await takePassage(await expectRow(ours.db, row.id), bot.deletions)).toMatchObject({ ok: false, error: refused });
  await list("true");
  await bot.advance(row.id);
  await bot.advance(row.id);
  expect(w.calls).not.toContain("destroy m");
  expect(await expectRow(ours.db, row.id)).toMatchObject({ closed_because: "came_back" });
});

test("eight of ten are enough, as for a whole pass; seven prove nothing", async () => {
  await list("id > 'q-1'");
  expect(await codeOf()).toBe("absent");
  await list("id > 'q-2'");
  expect(await codeOf()).toBe("cidb.unsure");
  // What says active is believed: it only ever gives back.
  expect(await codeOf("q-9" as ProjectId)).toBe("active");
});

test("a closed project, too, is closed for certain only where the views are whole", async () => {
  await client.query("update base_project set state = 'closed' where id = 'q-9'");
  expect(await codeOf("q-9" as ProjectId)).toBe("closed");
  await list("id = 'q-9'");
  expect(await codeOf("q-9" as ProjectId)).toBe("cidb.unsure");
});

test("no member of any project, although accounts are managed, proves nothing", async () => {
  const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}` as never;
  await recordManagedDomains(ours.db, [{ domainId: id(1), projectId: "q-1" as ProjectId, generation: 1, origin: "created" }], 1);
  const account = { accountId: id(2), userId: id(3), domainId: id(1), projectId: "q-1" as ProjectId, ciUserId: "u-1" as never };
  await recordManagedAccounts(ours.db, [account], 1);
  expect(await codeOf()).toBe("absent");
  await client.query("delete from twokey_memberships");
  expect(await codeOf()).toBe("cidb.unsure");
});

test("before the first complete read no project is absent, neither for a deletion nor for who had an account in it", async () => {
  await ours.db.exec("update sync_state set projects = null, domains = null, complete_at = null");
  expect(await codeOf()).toBe("cidb.unsure");
  expect(await isAbsent({ ci }, mine)).toMatchObject({ ok: false, error: { code: "cidb.unsure" } });
});

test("former members see a project's copies only while the views are whole", async () => {
  expect(await isAbsent({ ci }, mine)).toEqual({ ok: true, value: true });
  await list("id = 'q-1'");
  expect(await isAbsent({ ci }, mine)).toMatchObject({ ok: false, error: { code: "cidb.unsure" } });
});

test("a whole pass and one project's rows ask for the same", async () => {
  const whole = { root: "ROOT/ci" as DomainPath, kind: "fleet" } as const;
  await list("id = 'q-1'");
  expect(await ci.readDesired(whole)).toMatchObject({ coverage: "complete" });
  const last: LastComplete = { projects: 10, hasAccounts: false, shrinkMinShare: 0.8 };
  const state = (projectsInAll: number) => {
    const rows = { projects: [], users: [], memberships: [], counted: { projects: 0, memberships: 0 }, projectsInAll, membershipsInAll: 1 };
    return stateOf(mine, rows, { projects: [], held: [] }, { sentinel: null, last }).ok;
  };
  expect([0, 1, 7, 8, 9, 10, 30].map(state)).toEqual([false, false, false, true, true, true, true]);
});
