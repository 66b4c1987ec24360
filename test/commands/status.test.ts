/**
 * Claims: `/ci-status` tells its reader whether a project is all right, at risk or gone, and what to do; each answer is one that Slack
 * takes, as the golden file has it (`--update` writes it again). Whose project it is not learns nothing, and what could not be read is
 * said beside the rest.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { answerClick } from "../../src/bot/clicks.ts";
import type { CloudParts } from "../../src/app/parts.ts";
import { failure } from "../../src/core/failure.ts";
import type { DomainId, DomainPath } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";
import { DAY_MS } from "../../src/core/units.ts";
import type { Asker } from "../../src/core/people.ts";
import { nothingObserved } from "../../src/sync/planning/observed.ts";
import type { DeletionChange } from "../../src/store/deletions.ts";
import { putInForce, type TestBot } from "../support/bot.ts";
import { at, expectRow } from "../support/deletions.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ids } from "../sync/people.ts";
import { ask, changeAccount, deletionOf, NOW, saved, statusWorld, who, type StatusWorld } from "./status-world.ts";

let fresh: FreshDatabase;
let w: StatusWorld;
const golden: string[] = [];
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  w = await statusWorld(fresh.db, { "p-1": ["mia", "tom"], "p-10": ["zoe"], "p-2": ["mia"] });
});
afterEach(() => fresh.drop());

/** Asks, and keeps the answer for the golden file. */
async function told(title: string, by: Asker, slug: string | null, bot: TestBot = w.bot()): Promise<string> {
  const answer = await ask(bot, by, slug);
  golden.push(`=== ${title}\n${answer}`);
  return answer;
}

const until = at(NOW + 22 * DAY_MS);
const close = () => Object.assign(w.s.projects["p-1"] ?? {}, { state: "closed" });

test("a project of another, one that never was, and garbage: one sentence, the same for all", async () => {
  for (const slug of ["p-10", "never", "x".repeat(60)])
    expect(await ask(w.bot(), who("mia"), slug)).toBe(`You have no project ${slug}\n/ci-status without a name lists yours.`);
  // Nor does a deletion of another's project tell who is no member that it exists.
  await deletionOf(fresh.db, { phase: "deleted" });
  delete w.s.projects["p-1"];
  expect(await ask(w.bot(), who("zoe"), "p-1")).toContain("You have no project p-1");
  expect(await ask(w.bot(), { ...who("stranger"), operator: { ...who("x").operator, ciUserId: null } }, "p-1")).toContain("You have no");
});

test("all right: state, age, size, copies and limits", async () => {
  const row = await deletionOf(fresh.db, { phase: "closed", closed_because: "kept", closed_by: "mia" });
  await saved(fresh.db, row, "template", "golden");
  const answer = await told("a project that is all right", who("mia"), "p-1");
  expect(answer).toMatch(/^p-1: all right\nNo deletion is under way, and there is nothing to do\./);
  expect(answer).toContain("• `vm-2`: Stopped, 400 days old\n• `vm-10`: Running, 34 days old");
  expect(answer).toContain("• `golden`: 4.0 GiB, copy of <!date^");
  expect(answer).toContain("• `new`: size not known, no copy in the archive");
  expect(answer).toMatch(/Memory +███████░░░ {2}6.0 GiB of 8.0 GiB/);
  expect(answer).toContain("20.0 GiB of 20.0 GiB, full");
  expect(answer).toContain("The last deletion: kept, nothing deleted");
});

test("the differences of the two sides of this project alone, grouped, in plain words", async () => {
  const members = w.s.projects["p-1"]?.members;
  members?.delete("tom");
  members?.add("new");
  Object.assign(w.s.projects["p-1"] ?? {}, { limits: { user_vm: 2, memory: 16384 } });
  changeAccount(w.s, "mia", "disabled");
  const answer = await told("the CI database and CloudStack differ", who("mia"), "p-1");
  expect(answer).toMatch(/^p-1: you are locked out\nYour own account cannot log in to CloudStack: ask the CI team to unlock it\./);
  expect(await ask(w.bot(), who("ada", true), "p-1")).toMatch(/^p-1: 1 user locked out\n/);
  expect(answer).toContain("• mia: the account is disabled");
  expect(answer).toContain("• Members without an account: new\n");
  expect(answer).toContain("• Accounts without a member: tom, whom the next pass over everything locks\n");
  expect(answer).toContain("Locked or disabled: account mia in ROOT/ci/p-1 was disabled by somebody else");
  expect(answer).toContain("Machines (2 in the CI database, 3 in CloudStack), Memory (16.0 GiB in the CI database, 8.0 GiB in CloudStack)");
  expect(answer).toContain("create account new");
});

test("CloudStack away: what could not be read is said, and the rest is shown", async () => {
  const away = async () => err(failure("unavailable", "cloudstack.away", "CloudStack does not answer"));
  const answer = await told("CloudStack does not answer", who("mia"), "p-1", w.bot({ reader: { readItems: away, readDomainNow: away } }));
  expect(answer).toContain("p-1: not everything could be read");
  expect(answer).toContain("ROOT/ci/p-1");
  expect(answer).toContain("*Could not be read* (1)\n• CloudStack does not answer");
  const readProject: CloudParts["reader"]["readProject"] = async ({ projectId }) =>
    nothingObserved({ kind: "project", root: "ROOT/ci" as DomainPath, projectId }, at(NOW), "CloudStack does not answer");
  const blind = await ask(w.bot({ reader: { readItems: away, readDomainNow: away, readProject } }), who("mia"), "p-1");
  expect(blind).toContain("What the next plan would change is not known: not everything could be read.");
  expect(blind).toContain("• CloudStack was not read: CloudStack does not answer");
  const ci = { projectsOf: async () => err(failure("unavailable", "cidb.away", "The CI database does not answer")) };
  expect(await ask(w.bot({ ci }), who("mia"), "p-1")).toContain("The CI database does not answer");
});

const phasesShown: readonly (readonly [string, DeletionChange, string])[] = [
  ["backing up", { phase: "archiving" }, "p-1: backing up templates"],
  ["waiting for approvals", { phase: "proposed", proposed_at: at(NOW), expires_at: until }, "p-1: waiting for approvals"],
  ["cooling off", { phase: "cooling_off", until_at: until }, "p-1: cooling off"],
  ["quarantined", { phase: "grace", until_at: until }, "p-1: quarantined"],
  ["machines destroyed", { phase: "expunging", expunge_after: until }, "p-1: waiting until CloudStack has removed the machines"],
  ["frozen", { phase: "frozen", frozen_from: "grace", frozen_reason: "a machine runs" } as never, "p-1: frozen, a person must decide"],
];

test.each(phasesShown)("a deletion under way, %s: until when, what it means, and Keep for a member", async (name, change, title) => {
  close();
  const row = await deletionOf(fresh.db, change);
  const answer = await told(`a deletion, ${name}, for a member`, who("mia"), "p-1");
  expect(answer.split("\n")[0]).toBe(title);
  expect(answer).toContain(`[Keep: status_keep ${row.id}]`);
  expect(answer).toContain("*Asked for by*\nCI user chen");
  if (change.phase === "grace")
    expect(answer).toContain("Your account is disabled and the machines are stopped; nothing is lost until then.");
  // Who is of the team and no member has the card.
  expect(await ask(w.bot(), who("ada", true), "p-1")).not.toContain("status_keep");
});

test("Keep in the answer keeps it, for members only; a forged value does nothing and is recorded", async () => {
  close();
  const row = await deletionOf(fresh.db, { phase: "grace", until_at: until });
  const project = async () => ({ ok: true, value: { id: "p-1", members: [{ userId: "mia" }] } }) as never;
  const { services } = w.bot({ ci: { project } });
  const press = (by: Asker, value: string) =>
    answerClick({ action: "status_keep", value, user: "U", channel: "C", ts: null, triggerId: "t" }, by, {
      db: fresh.db,
      client: {} as never,
      services,
      channel: "C1",
    });
  for (const forged of ["", "x", `v1:${row.id}`, "'; drop table deletion; --"])
    expect(await press(who("mia"), forged)).toMatchObject({ title: "This button was not made by Twokey; nothing was done" });
  expect(await press(who("zoe"), row.id)).toMatchObject({ title: expect.stringContaining("Only members of the project p-1") as string });
  expect((await expectRow(fresh.db, row.id)).restore_by).toBeNull();
  expect(await press(who("mia"), row.id)).toMatchObject({ title: "The domain is kept" });
  expect(await expectRow(fresh.db, row.id)).toMatchObject({ restore_by: "mia", closed_because: "kept" });
  const refused = await fresh.db.exec("select from audit where kind like 'refused.%keep%'");
  expect(refused).toBe(5);
});

test("removing: no Keep any more", async () => {
  close();
  await deletionOf(fresh.db, { phase: "removing" });
  const answer = await told("a deletion, removing, for a member", who("mia"), "p-1");
  expect(answer).not.toContain("status_keep");
  expect(answer).toContain("Only what is in the archive can be brought back now.");
});

test("after a deletion: when, by whom, what is saved, and Download for each template", async () => {
  close();
  const row = await deletionOf(fresh.db, { phase: "deleted" });
  for (let i = 1; i <= 25; i += 1) await saved(fresh.db, row, "template", `t-${i}`);
  await saved(fresh.db, row, "iso", "disc");
  const answer = await told("a deleted project, for a member", who("mia"), "p-1");
  expect(answer).toMatch(/^p-1: deleted\nThe domain `ROOT\/ci\/p-1` was deleted <!date.*\. Approved by ada and ben\.\n/);
  expect(answer).toContain("Saved in the archive: 25 templates and 1 other thing, 104 GiB.");
  expect(answer).toContain("[Download: choose_template p-1 template-t-1]");
  expect(answer.match(/\[Download/g)).toHaveLength(20);
  expect(answer).toContain("… and 6 more");
});

test("deleted, and no longer in the CI database: the members of then are told, who had left before is not", async () => {
  w.s.projects["p-1"]?.members.delete("tom");
  w.s.now += 1000;
  await w.s.pass();
  expect(w.s.accounts.get(ids("p-1", "tom").account)?.state).toBe("locked");
  const row = await deletionOf(fresh.db, { phase: "deleted" });
  await saved(fresh.db, row, "template", "golden");
  delete w.s.projects["p-1"];
  expect(await told("deleted and no longer listed, for a member of then", who("mia"), "p-1")).toContain("[Download: choose_template p-1");
  expect(await ask(w.bot(), who("tom"), "p-1")).toContain("You have no project p-1");
  expect(await told("the projects of a member, one of them gone", who("mia"), null)).toContain("• `p-1`: deleted <!date^");
  expect(await ask(w.bot(), who("ada", true), "p-1")).toContain("Approved by ada and ben");
  // Told of it as a member by a message of ours, one is known to have been one.
  await fresh.db.exec("insert into posted_message (key, channel, ts, digest, at) values ($1, 'D1', '1.1', 'd', 1)", [`keep:${row.id}:sue`]);
  expect(await ask(w.bot(), who("sue"), "p-1")).toMatch(/^p-1: deleted\n/);
});

test("who left a project that the CI database still has is told nothing of it, although Twokey told them once, nor while that is not certain", async () => {
  close();
  const row = await deletionOf(fresh.db, { phase: "grace", until_at: until });
  await fresh.db.exec("insert into posted_message (key, channel, ts, digest, at) values ($1, 'D1', '1.1', 'd', 1)", [`keep:${row.id}:mia`]);
  expect(await ask(w.bot(), who("mia"), "p-1")).toContain("p-1: quarantined");
  w.s.projects["p-1"]?.members.delete("mia");
  expect(await ask(w.bot(), who("mia"), "p-1")).toContain("You have no project p-1");
  expect(await ask(w.bot(), who("mia"), null)).not.toContain("p-1");
  const unsure = w.bot({ ci: { readProjectState: async () => err(failure("unavailable", "cidb.unsure", "It is not certain")) } });
  const answer = await ask(unsure, who("mia"), "p-1");
  expect(answer).toContain("does not say for certain whether it still has p-1");
  expect(answer).not.toMatch(/quarantine/i);
  expect(await ask(unsure, who("mia"), null)).not.toContain("p-1");
});

test("no longer in the CI database, and its domain is still there: the team sees it, in quarantine a member of then, without Keep", async () => {
  delete w.s.projects["p-1"];
  const answer = await told("not in the CI database, for the team", who("ada", true), "p-1");
  expect(answer).toContain("p-1: not in the CI database, its domain is still there");
  expect(answer).toContain("• `vm-10`: Running");
  expect(await ask(w.bot(), who("mia"), "p-1")).toContain("You have no project p-1");
  await deletionOf(fresh.db, { phase: "grace", until_at: until });
  const grace = await ask(w.bot(), who("mia"), "p-1");
  expect(grace).toContain("p-1: quarantined\nQuarantined until <!date");
  expect(grace).toContain("Your account is disabled");
  expect(grace).not.toContain("status_keep");
});

test("deleted by somebody else", async () => {
  close();
  await deletionOf(fresh.db, { phase: "closed", closed_because: "gone" });
  const answer = await told("deleted by somebody else", who("mia"), "p-1");
  expect(answer).toContain("by somebody else, not by Twokey.");
});

test("the team's summary: what needs attention, as people count", async () => {
  close();
  await deletionOf(fresh.db, { phase: "grace", until_at: until });
  w.s.refuses = (c) => (c.kind === "create_account" ? failure("rejected", "cloudstack.internal", "the name is taken") : null);
  w.s.projects["p-2"]?.members.add("late");
  w.s.projects["p-10"]?.members.add("late");
  w.s.projects["p-3"] = { members: new Set(["ann"]), state: "active", limits: {} };
  await w.s.pass();
  w.s.projects["p-11"] = { members: new Set(["ann"]), state: "active", limits: {} };
  const answer = await told("the team's summary", who("ada", true), null);
  expect(answer).toMatch(/^5 projects: 5 need attention/);
  expect(answer).toMatch(/• `p-2`: .*\n• `p-3`: .*\n• `p-10`: /);
  expect(answer).toContain("`p-1`: Quarantined until <!date^");
  expect(answer).toContain("*No domain yet* (1)\n• `p-11`: the next pass creates it");
  expect(await told("the projects of a member of two", who("mia"), null)).toMatch(/• `p-1`.*: Quarantined until .*\n• `p-2`.*: /);
});

test("a closed project whose domain is there, but not adopted, is not called gone", async () => {
  w.s.projects["p-3"] = { members: new Set(["ann"]), state: "closed", limits: {} };
  const [domain] = w.s.domains.values();
  if (domain === undefined) throw new Error("there is no domain");
  await w.s.pass();
  expect(await ask(w.bot(), who("ada", true), null)).toContain("3 of 4 projects are all right, 1 closed and gone.");

  const own = { id: "6f1c9a1e-0000-4000-8000-0000000000d3" as DomainId, name: "P-3", path: "ROOT/ci/P-3" as DomainPath };
  w.s.domains.set(own.id, { ...domain, ...own });
  await w.s.pass();
  const all = await told("the team's summary, with a closed project whose domain is not adopted", who("ada", true), null);
  expect(all).toContain("3 of 4 projects are all right.");
  expect(all).toContain("it is left alone* (1)\n• `p-3`: closed, its domain is not adopted");
  const answer = await told("closed, its domain is not adopted", who("ada", true), "p-3");
  expect(answer).toMatch(
    /^p-3: closed, its domain is not adopted\nThe project is closed, and Twokey does not manage its domain: nobody is asked about it\./,
  );
  expect(answer).toContain("*Domain*\nthere, but Twokey does not manage it");
  expect(answer).not.toContain("/ci-adopt");
});

test("a hold of the newest plan over everything is told with each project that it keeps", async () => {
  for (let i = 0; i < 10; i += 1) w.s.projects[`q-${i}`] = { members: new Set(["ann"]), state: "active", limits: {} };
  await putInForce(fresh.db, { changesPerPass: 1 });
  await w.s.pass();
  const answer = await told("held with everything else", who("mia"), "p-1");
  expect(answer).toMatch(/^p-1: held\n/);
  expect(answer).toContain("*Held* (1)\n• ");
  const all = await ask(w.bot(), who("ada", true), null);
  expect(all).toMatch(/^13 projects: held, 10 need attention\n\*Held for all of them\* \(1\)\n/);
  expect(all).toMatch(/Lifted by: two approvers: \/ci-policy set changes-per-pass \d+ because plan [0-9a-f]{8} was read and is right/);
});

test("5,000 projects, each with something: within a second, and what Slack takes", async () => {
  const n = 5000;
  await fresh.db.exec(
    `insert into managed_domain (domain_id, project_id, generation, origin, recorded_at)
     select gen_random_uuid(), 'big-' || i, 1, 'created', 1 from generate_series(1, $1::int) i where i % 2 = 0`,
    [n],
  );
  const hostile = "<!channel> *x* `y`".repeat(20);
  const projects = Array.from({ length: n }, (_, i) => ({
    ...{ id: `big-${i + 1}`, slug: `big-${i + 1}`, name: hostile, closedAt: null, closedBy: null, limits: {}, members: [] },
    state: i % 10 === 1 ? "closed" : "active",
  }));
  const bot = w.bot({ ci: { projectsOf: async () => ok(projects as never) } });
  await ask(bot, who("ada", true), null);
  const answer = await ask(bot, who("ada", true), null);
  expect(answer).toContain("5,000 projects: 3,003 need attention");
  expect(answer).toContain("*No domain yet* (2500)\n• `big-1`: the next pass creates it\n• `big-3`: ");
  expect(answer).toContain("… and 2485 more");
  const nothing = await ask(w.bot({ ci: { projectsOf: async () => ok([]) } }), who("ada", true), null);
  expect(nothing).toMatch(/^No project in the CI database: [\d,]+ domains of no listed project/);
  expect(nothing).not.toContain("0 of 0");
  // A member's own list has each project's name, whatever it holds.
  expect(await ask(bot, who("ada"), null)).toContain("… and ");
});

test("all of these answers are as the golden file has them", async () => {
  const plain = golden.join("\n\n").replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<id>");
  await expect(`${plain}\n`).toMatchFileSnapshot("golden/status.txt");
});
