/**
 * Claims: plans of which nothing was carried out go once they are old and replaced (INV-10); what was shown, what a hold that is still so
 * refers to, what tried a change or could have opened a deletion, and the newest of each scope stay, whoever asks.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { DAY_MS } from "../../src/core/units.ts";
import { CountRow, type Database } from "../../src/store/db.ts";
import { dropOldPlans } from "../../src/store/old-rows.ts";
import { readPlanHeads } from "../../src/store/plans.ts";
import { configOf, putInForce, type TestBot } from "../support/bot.ts";
import { openAsBot, type FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { service, type Service } from "../sync/people.ts";

let fresh: FreshDatabase;
let db: Database;
let s: Service;
beforeEach(async () => {
  fresh = await lendDatabase();
  db = await openAsBot(fresh);
  await putInForce(fresh.db, { changesPerPass: 1 });
  s = service(fresh.db, { alpha: ["ann"] });
  await s.pass();
  for (const name of ["bea", "cleo", "dan"]) s.projects["alpha"]?.members.add(name);
});
afterEach(async () => {
  await db.close();
  await fresh.drop();
});

const count = (table: string, where = "true") => fresh.db.one(CountRow, `select count(*) as n from ${table} where ${where}`);
const planIds = async () => (await readPlanHeads(fresh.db, 1000)).map((head) => head.id);
async function passes(n: number, bot?: TestBot): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let i = 0; i < n; i += 1) ids.push((await s.pass(bot)).id);
  return ids;
}
const drop = (before = s.now) => dropOldPlans(db, before);

test("a hold that stays for a month stores no plan for good: what is replaced goes, with its pass; the message's and the newest stay", async () => {
  const ids = await passes(10);
  expect(await drop()).toBe(8);
  expect(await planIds()).toEqual(expect.arrayContaining([ids[0], ids[9]]));
  for (const id of ids.slice(1, 9)) expect(await planIds()).not.toContain(id);
  expect(await count("pass", "not exists (select from plan where pass_id = pass.id)")).toBe(0);
  expect(await drop()).toBe(0);
});

test("report mode stores none for good either", async () => {
  await putInForce(fresh.db, {});
  await fresh.db.exec("update plan set shown = false");
  const reported = await passes(6, s.bot(configOf({ TWOKEY_MODE: "report" })));
  expect((await readPlanHeads(fresh.db, 1))[0]).toMatchObject({ state: "reported" });
  await drop();
  // The first told what would be made, and is in its message.
  expect((await planIds()).filter((id) => reported.includes(id))).toEqual([reported[5], reported[0]]);
});

test("each alone keeps a held plan: shown, told, undone, tried, a change that was made or failed, a proposal that nothing blocked, a hold without a kind", async () => {
  const ids = await passes(12);
  const [, a = "", b = "", c = "", d = "", e = "", f = "", g = "", h = ""] = ids;
  const edit = (id: string, sql: string) => fresh.db.exec(`update plan set ${sql} where id = $1`, [id]);
  await edit(a, "shown = true");
  await fresh.db.exec("update matter set plan = $1", [b]);
  await fresh.db.exec("update sync_state set undone = $1", [JSON.stringify([{ change: "x", plan: c, problem: null }])]);
  await fresh.db.exec(
    `insert into intent (id, owner_kind, owner_id, command, params, at)
     select gen_random_uuid(), 'pass', pass_id::text, 'create_account', '{}', 1 from plan where id = $1`,
    [d],
  );
  await edit(e, `record = jsonb_set(record, '{outcomes,0,outcome}', '"done"')`);
  await edit(f, `record = jsonb_set(record, '{outcomes,0,problem}', '"stopped"')`);
  await edit(g, `record = jsonb_set(jsonb_set(record, '{plan,proposals}', '[{}]'), '{plan,holds,0,blocks}', '"adopted"')`);
  await edit(h, `record = jsonb_set(record, '{plan,holds}', '[{}]')`);
  await drop();
  const left = await planIds();
  const kept = [a, b, c, d, e, f, g, h];
  expect(left).toEqual(expect.arrayContaining([...kept, ids[11]]));
  expect(left).not.toContain(ids[9]);
  for (const id of [...kept, ids[11]])
    await expect(fresh.db.exec("delete from plan where id = $1", [id]), id).rejects.toMatchObject({ constraint: "plan_append_only" });
});

test("one that a newer plan of another scope follows is not replaced by it; the last day stays", async () => {
  const [, held = ""] = await passes(2);
  s.now += DAY_MS;
  const alpha = { kind: "project", root: "ROOT/ci", projectId: "alpha" } as never;
  const one = async (): Promise<string> => {
    s.now += 1000;
    const done = await s.bot().runPass(alpha, { kind: "schedule" });
    return done.ok ? done.value.id : "none";
  };
  const ofProject = [await one(), await one()];
  await fresh.db.exec("update plan set shown = false");
  await fresh.db.exec("delete from matter");
  await fresh.db.exec("update sync_state set told_plan = null");
  await drop();
  expect(await planIds()).toEqual(expect.arrayContaining([held, ofProject[1]]));
  expect(await planIds()).not.toContain(ofProject[0]);
  // A pass over everything looks at every project.
  await s.pass();
  await drop();
  expect(await planIds()).not.toContain(ofProject[1]);
  s.now = Date.now() - 6 * 3_600_000;
  const recent = await passes(4);
  await dropOldPlans(db, Date.now() + 400 * DAY_MS);
  expect(await planIds()).toEqual(expect.arrayContaining([...recent]));
});
