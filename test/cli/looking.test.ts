/** Claims: what is stored can be checked, made again and told, offline: audit verify (INV-10), replay (INV-7), incident. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import type { ProjectId } from "../../src/core/ids.ts";
import { readPlanHeads } from "../../src/store/plans.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { twokey } from "../support/terminal.ts";
import { startStoredLife, type StoredLife } from "./stored-life.ts";

let fresh: FreshDatabase;
let life: StoredLife;
beforeEach(async () => {
  fresh = await freshDatabase();
  life = await startStoredLife(fresh, 3);
});
afterEach(() => fresh.drop());

async function tamper(sql: string): Promise<void> {
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(sql);
  });
}

test("wrong arguments and a missing database are refused with what to write", async () => {
  for (const args of [
    ["audit"],
    ["audit", "verify", "--head", "xyz"],
    ["replay", "a", "b"],
    ["replay", "not-a-plan"],
    ["incident"],
    ["incident", "--since", "yesterday"],
    ["incident", "--since", "2026-02-01", "--until", "2026-01-01"],
    ["incident", "--nonsense"],
  ] as const) {
    const done = await life.terminal(...args);
    expect(done.code, args.join(" ")).toBe(2);
    expect(done.err).not.toBe("");
  }
  const nowhere = await twokey(["audit", "verify"], { TWOKEY_DATA_DIR: "/nowhere" });
  expect(nowhere).toMatchObject({ code: 2, err: expect.stringContaining("There is no embedded database in /nowhere/pg") as string });
});

test("a server that is not there is told in words, with what to do, by what looks and by what writes", async () => {
  const env = { DATABASE_URL: "postgres://twokey:hidden@127.0.0.1:1/twokey" };
  for (const args of [["status"], ["deletions"], ["audit", "list"], ["plan", "show", "x"], ["stop", "why"], ["restore", "p-1"]]) {
    const { code, err } = await twokey(args, env);
    expect([code, err], args.join(" ")).toEqual([
      1,
      "Twokey's own database could not be used: nothing listens at its host and port\n" +
        "Start PostgreSQL, or correct host and port. The address is in DATABASE_URL.\n",
    ]);
  }
});

test("INV-10: audit verify prints the head, and finds a changed row and a cut end", async () => {
  await life.pass();
  await life.pass();
  const whole = await life.terminal("audit", "verify");
  expect(whole).toMatchObject({ code: 0 });
  const head = /head ([0-9a-f]{64})/.exec(whole.out)?.[1] ?? "";
  expect((await life.terminal("audit", "verify", "--head", head)).code).toBe(0);
  await tamper("delete from audit where seq = (select max(seq) from audit)");
  expect((await life.terminal("audit", "verify")).code).toBe(0);
  expect((await life.terminal("audit", "verify", "--head", head)).err).toContain("were removed");
  await tamper("update audit set actor = 'ci:999' where seq = (select min(seq) from audit)");
  const changed = await life.terminal("audit", "verify");
  expect(changed.code).toBe(1);
  expect(changed.err).toContain("NOT intact at row");
});

test("INV-7: every plan comes out of its stored inputs again, byte for byte, and a changed input does not", async () => {
  await life.pass();
  life.world.ci.projects[1]!.state = "closed";
  await life.pass();
  life.world.ci.mood = "short";
  await life.pass();
  const heads = await readPlanHeads(fresh.db, 10);
  expect(heads).toHaveLength(3);
  for (const { id } of heads) {
    const done = await life.terminal("replay", id);
    expect(done, id).toMatchObject({ code: 0 });
    expect(done.err).toContain("byte for byte");
  }
  expect((await life.terminal("replay")).out.split("\n")).toHaveLength(4);
  await tamper(`update plan set planned_at = planned_at + 999999999999 where id = '${heads[1]?.id ?? ""}'`);
  const late = await life.terminal("replay", heads[1]?.id ?? "");
  expect(late.code).toBe(1);
  expect(late.err).toMatch(/NOT the same plan: the first difference is at digest|holds/);
  await tamper("update snapshot set body = (select body from snapshot where side = 'policy' limit 1) where side = 'known'");
  expect((await life.terminal("replay", heads[0]?.id ?? "")).err).toContain("was changed after it was stored");
});

test("incident: what was gone, by whom it was not, what can be brought back, whom to inform; hostile names stay harmless", async () => {
  const project = life.world.ci.projects.find((p) => p.members.length > 0)!;
  const domain = domainIdFor(project.id as ProjectId, 1);
  const lab = life.world.cloud.tree().children.find((d) => d.name === "ci")?.id ?? "";
  const nasty = life.world.cloud.addDomain({ name: "a`b*c|d", parent: lab });
  await life.pass();
  life.world.clock.at += 10_000;
  const since = new Date(life.world.clock.at).toISOString();
  life.world.clock.at += 10_000;
  await life.byHand("deleteDomain", { id: domain, cleanup: "true" });
  // Accounts whose machines still stop are cleaned up later; then the domain can go.
  life.world.clock.at += 3_600_000;
  await life.byHand("deleteDomain", { id: domain, cleanup: "true" });
  await life.byHand("deleteDomain", { id: nasty, cleanup: "true" });
  life.world.ci.mood = "short";
  await life.pass();
  life.world.ci.mood = "honest";
  await life.pass();
  life.world.clock.at += 10_000;
  const done = await life.terminal("incident", "--since", since);
  expect(done.err).toBe("");
  expect(done.code).toBe(0);
  expect(done.out).toContain("**2 domains gone**: 0 by a deletion that people approved, 2 not by Twokey.");
  expect(done.out).toContain(`\`ROOT/ci/${project.slug}\` (project ${project.slug}): **gone**, not by Twokey`);
  expect(done.out).toContain("nothing of its contents is in the archive");
  expect(done.out).toContain("nothing: no project of the CI database belongs to it");
  expect(done.out).toMatch(/Project \w+: (?:Uma|Vic|Wim) Doe \((?:uma|vic|wim), (?:uma|vic|wim)@example\.org\)/);
  expect(done.out).toContain("The audit log is intact");
  expect(done.out).toContain("a\\`b\\*c\\|d");
  const earlier = await life.terminal("incident", "--since", "2020-01-01", "--until", "2020-02-01");
  expect(earlier.out).toContain("**What is gone is not known**");
});
