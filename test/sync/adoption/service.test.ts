/**
 * Claims: two approvers besides the one who asked have domains managed that were there before, and give them back; nothing in CloudStack
 * changes by it. What moved between the table and the deciding vote is refused. What would restrict somebody waits for its own two people.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { validateBlocks } from "../../../emulators/slack/validate-blocks.ts";
import { renderAdoptionCard } from "../../../src/bot/render/adoption-card.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { DomainId, DomainPath, Instant, OperatorId } from "../../../src/core/ids.ts";
import type { Asker } from "../../../src/core/people.ts";
import { err, ok, type Result } from "../../../src/core/result.ts";
import { answerStatus } from "../../../src/commands/status.ts";
import { recordIntent } from "../../../src/store/intents.ts";
import { readKnownState, readManagedPlaces } from "../../../src/store/managed.ts";
import type { AdoptionView } from "../../../src/sync/adoption/context.ts";
import { sweepAdoptions } from "../../../src/sync/adoption/service.ts";
import type { ObservedAccount } from "../../../src/sync/planning/observed.ts";
import { approversOf, configOf, putInForce, type PartsChange, type TestBot } from "../../support/bot.ts";
import type { FreshDatabase } from "../../support/database.ts";
import { op } from "../../support/deletions.ts";
import { lendDatabase } from "../../support/lent-database.ts";
import { service, type Service } from "../people.ts";
import { account, domain, domainId } from "./world.ts";

let fresh: FreshDatabase;
let s: Service;
let shown: AdoptionView[] = [];
let approvers: readonly string[] = [];
let readPaths: string[] = [];
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  [shown, readPaths] = [[], []];
  approvers = ["ada", "ben", "chen", "dora"];
  s = service(fresh.db, {});
  s.projects = {
    p1: { members: new Set(["user1", "user2", "user3"]), state: "active", limits: { user_vm: 2 } },
    p2: { members: new Set(), state: "active", limits: {} },
  };
  s.domains.set("p1", { ...domain(1), limits: { user_vm: 3 } });
  put(account(1, 1, "user1"));
  put(account(2, 1, "user2", { roleName: "Old Role" }));
  put(account(9, 1, "stranger", { users: [] }));
});
afterEach(() => fresh.drop());

const put = (a: ObservedAccount) => s.accounts.set(a.id, a);
const asker = (name: string, isTeam = true): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam });
const terminal = (login: string): Asker => ({
  operator: { id: `terminal:${login}` as OperatorId, name: login, ciUserId: null },
  isTeam: true,
});
const bot = (change: PartsChange = {}): TestBot =>
  s.bot(configOf({ BACKUP_POLICIES: "*=templates" })).with({
    approvers: approversOf(() => ok(approvers)),
    adoptions: {
      async showAdoption(view) {
        for (const isReadable of [true, false])
          expect(validateBlocks(renderAdoptionCard(view, "test", isReadable).blocks, "message")).toEqual([]);
        shown.push(view);
      },
    },
    ...change,
    reader: {
      readItems: async (d) => {
        readPaths.push(d.path);
        return ok([]);
      },
      ...change.reader,
    },
  });
const adoption = (change?: PartsChange) => bot(change).services.adoption;
/** The card that was made last, as it was shown last: an earlier one may be shown once more after it. */
const card = (): AdoptionView => {
  const newest = [...new Set(shown.map((v) => v.id))].at(-1);
  const last = shown.findLast((v) => v.id === newest);
  if (last === undefined) throw new Error("no card was shown");
  return last;
};
const code = (r: Result<unknown, Failure>): string => (r.ok ? "ok" : r.error.code);
const approve = async (name: string, view = card(), change?: PartsChange) =>
  code(await adoption(change).approve({ id: view.id, digest: view.digest, by: asker(name) }));
const managed = async () => (await readKnownState(fresh.db, [])).managedDomains.map((m) => [m.domainId, m.origin, m.generation]);
const accounts = async () => (await readKnownState(fresh.db, [])).managedAccounts.map((m) => m.ciUserId);
const pass = () => s.pass(bot());
const audited = async () => (await fresh.db.many(z.object({ kind: z.string() }), "select kind from audit order by seq")).map((r) => r.kind);

/** Proposes, and two approve. */
async function adopt(mapping = ""): Promise<void> {
  expect(code(await adoption().propose(asker("chen"), mapping))).toBe("ok");
  expect([await approve("ada"), await approve("ben")]).toEqual(["ok", "ok"]);
}

test("before: the plan holds, and says by which command; /ci-status says it too", async () => {
  const { plan } = await pass();
  const hold = plan.holds.find((h) => h.kind === "name_in_the_way");
  expect(hold).toMatchObject({ liftedBy: expect.stringContaining("/ci-adopt") as string });
  const reply = JSON.stringify(await answerStatus({ ...asker("ada") }, "p1" as never, bot({ reader: namedReader() }).services));
  expect(reply).toContain("its domain is not adopted");
  expect(reply).toContain("Twokey does not manage it: /ci-adopt");
});

/** The narrowed read finds what has the project's name, as CloudStack does. */
function namedReader(): NonNullable<PartsChange["reader"]> {
  return {
    readProject: async ({ projectId, slug }) => ({
      ...{ coverage: "partial", scope: { kind: "project", root: "ROOT/ci" as DomainPath, projectId }, reason: "narrowed to one project" },
      root: { ...domain(0, "ci"), depth: 0, path: "ROOT/ci" as DomainPath },
      ...{ domains: [...s.domains.values()].filter((d) => d.name === slug), nonUuid: [], accounts: [], asOf: s.now as Instant },
    }),
  };
}

test("two approvers: managed, nothing made; then the plan is ordinary, and what restricts waits until two released it", async () => {
  expect(code(await adoption().propose(asker("chen"), ""))).toBe("ok");
  expect(card()).toMatchObject({
    kind: "adopt",
    domains: 1,
    accounts: 2,
    quorum: 2,
    mayApprove: ["ada", "ben", "dora"],
    isFromTerminal: false,
  });
  expect(card().counts).toMatchObject({ found: 3, absent: 2, unassigned: 1 });
  expect(card().table).toContain("ROOT/ci/p1/stranger: no member");
  expect([await approve("ada"), await managed()]).toEqual(["ok", []]);
  expect([await approve("ben"), await managed(), await accounts()]).toEqual(["ok", [[domainId(1), "adopted", 1]], ["user1", "user2"]]);
  expect(card()).toMatchObject({ state: "applied" });
  expect(s.made).toEqual([]);

  const first = await pass();
  expect(s.made.map((c) => c.kind).toSorted()).toEqual(["create_account", "create_domain"]);
  expect(first).toMatchObject({ state: "held" });
  const hold = first.plan.holds.find((h) => h.kind === "first_plan");
  expect(hold).toMatchObject({ blocks: "adopted", liftedBy: "two approvers: /ci-adopt release", domainIds: [domainId(1)] });
  expect(
    first.outcomes
      .filter((o) => o.outcome === "held")
      .map((o) => o.change.kind)
      .toSorted(),
  ).toEqual(["lower_limit", "set_role"]);
  expect((await pass()).outcomes.map((o) => o.outcome)).toEqual(["held", "held"]);

  expect(code(await adoption().release(asker("chen")))).toBe("ok");
  expect(card()).toMatchObject({
    kind: "release",
    domains: 1,
    lines: expect.arrayContaining([expect.stringContaining("lower the limit")]) as unknown,
  });
  expect([await approve("ada"), await approve("ben")]).toEqual(["ok", "ok"]);
  const made = s.made.length;
  const second = await pass();
  expect(second.plan.holds.map((h) => h.kind)).not.toContain("first_plan");
  expect(
    s.made
      .slice(made)
      .map((c) => c.kind)
      .toSorted(),
  ).toEqual(["lower_limit", "set_role"]);
  // In the order of what happened: what came of the deciding vote stands after it.
  const ofTables = (await audited()).filter((kind) => kind.startsWith("adoption."));
  expect(ofTables.slice(-3)).toEqual(["adoption.approve", "adoption.approve", "adoption.applied"]);
});

test("a release of more than people were shown is refused, and made again", async () => {
  await adopt();
  await pass();
  expect(code(await adoption().release(asker("chen")))).toBe("ok");
  expect(await approve("ada")).toBe("ok");
  s.projects["p1"]?.members.delete("user1");
  expect(await approve("ben")).toBe("adoption.moved");
  expect(card().endedReason).toContain("lock user1");
  await pass();
  expect(s.made.map((c) => c.kind)).not.toContain("lock_account");
});

describe("between the table and the deciding vote", () => {
  test.each<[string, () => void, string]>([
    ["a renamed domain", () => s.domains.set("p1", { ...domain(1, "p1-old"), limits: {} }), "ROOT/ci/p1 is now at ROOT/ci/p1-old"],
    ["a domain that is gone", () => void (s.domains.delete("p1"), s.accounts.clear()), "ROOT/ci/p1 is no longer there"],
    ["another domain of the name", () => void (s.domains.set("p1", domain(7, "p1")), s.accounts.clear()), "ROOT/ci/p1 is no longer there"],
    ["a closed project", () => (s.projects["p1"] = { ...s.projects["p1"]!, state: "closed" }), "unqualified"],
    ["a member who left", () => s.projects["p1"]?.members.delete("user2"), "ROOT/ci/p1/user2 matches otherwise now"],
  ])("%s: refused with a sentence, nothing is managed, and the table is made again", async (_, change, words) => {
    expect(code(await adoption().propose(asker("chen"), ""))).toBe("ok");
    expect(await approve("ada")).toBe("ok");
    change();
    const view = card();
    const refused = await adoption().approve({ id: view.id, digest: view.digest, by: asker("ben") });
    expect(refused).toMatchObject({ ok: false, error: { code: "adoption.moved", message: expect.stringContaining(words) as string } });
    expect(card()).toMatchObject({ state: "moved", endedReason: expect.stringContaining(words) as string });
    expect([await managed(), await approve("dora", view)]).toEqual([[], "adoption.ended"]);
    expect(await audited()).toContain("refused.adoption.approve");
  });

  test("a side that cannot be read keeps the vote back, and the table stays open", async () => {
    expect(code(await adoption().propose(asker("chen"), ""))).toBe("ok");
    expect(await approve("ada")).toBe("ok");
    const away = { readFleet: async () => err({ coverage: "partial", reason: "CloudStack is away" } as never) };
    expect(await approve("ben", card(), { reader: away })).toBe("adoption.unread");
    expect([await managed(), await approve("ben")]).toEqual([[], "ok"]);
    expect(await managed()).toHaveLength(1);
  });

  test("two who approve at the same moment: the second one is asked to click again, since nobody has looked", async () => {
    expect(code(await adoption().propose(asker("chen"), ""))).toBe("ok");
    const view = card();
    let reads = 0;
    const all = approversOf(() => ok(approvers));
    // Ada votes while Ben's vote, which would not have been the deciding one, is under way.
    const slow = async () => {
      reads += 1;
      if (reads === 2) expect(await approve("ada", view)).toBe("ok");
      return all.approversNow();
    };
    expect(await approve("ben", view, { approvers: { ...all, approversNow: slow } })).toBe("adoption.again");
    expect([await managed(), await approve("ben", view), (await managed()).length]).toEqual([[], "ok", 1]);
  });

  test("what is new meanwhile does not matter, and is not adopted", async () => {
    expect(code(await adoption().propose(asker("chen"), ""))).toBe("ok");
    expect(await approve("ada")).toBe("ok");
    s.domains.set("p2", domain(2));
    expect([await approve("ben"), await managed()]).toEqual(["ok", [[domainId(1), "adopted", 1]]]);
  });

  test("while all is stopped nothing is decided", async () => {
    expect(code(await adoption().propose(asker("chen"), ""))).toBe("ok");
    expect(await approve("ada")).toBe("ok");
    await bot().services.sync.stop(asker("dora"), "something is odd");
    expect([await approve("ben"), await managed()]).toEqual(["sync.stopped", []]);
  });
});

describe("who asks", () => {
  test("only the team, in the confirmed scope, while nothing is stopped; every refusal is recorded", async () => {
    expect(code(await adoption().propose(asker("chen", false), ""))).toBe("command.team_only");
    const config = configOf({ CI_PROJECTS_VIEW: "others" });
    expect(code(await adoption({ config }).propose(asker("chen"), ""))).toBe("deletion.scope_unconfirmed");
    await bot().services.sync.stop(asker("dora"), "something is odd");
    expect(code(await adoption().propose(asker("chen"), ""))).toBe("sync.stopped");
    expect((await audited()).filter((k) => k === "refused.adoption.propose")).toHaveLength(3);
  });

  test("what another installation marked is not adopted", async () => {
    const reader = { readMarks: async () => ok([{ id: "m", installation: "another", createdAt: 99 }]) };
    expect(code(await adoption({ reader }).propose(asker("chen"), ""))).toBe("adoption.not_ours");
  });

  test("whatever login types at a terminal, one approval more is needed; it takes no vote from anybody, and never votes", async () => {
    for (const login of ["ada", "root"]) {
      expect(code(await adoption().propose(terminal(login), ""))).toBe("ok");
      await sweepAdoptions(bot().adoption);
      expect(card()).toMatchObject({ quorum: 3, isFromTerminal: true, state: "proposed", proposedBy: login });
      expect(card().mayApprove).toEqual(["ada", "ben", "chen", "dora"]);
      if (login === "root") continue;
      const { id, digest } = card();
      expect(code(await adoption().reject({ id, digest, by: asker("ben"), reason: "once more" }))).toBe("ok");
    }
    const by = { ...terminal("root"), operator: { ...terminal("root").operator, id: "terminal:other" as OperatorId } };
    expect(code(await adoption().approve({ id: card().id, digest: card().digest, by }))).toBe("adoption.not_approver");
    expect([await approve("ada"), await approve("ben"), await managed()]).toEqual(["ok", "ok", []]);
    expect([await approve("chen"), (await managed()).length]).toEqual(["ok", 1]);
  });

  test("nobody could approve: no card is made", async () => {
    approvers = ["ada", "chen"];
    expect(code(await adoption().propose(asker("chen"), ""))).toBe("adoption.nobody");
    expect(shown).toEqual([]);
  });
});

test("the same table is asked about once; a changed one supersedes it; a rejection and the time end it", async () => {
  expect(await adoption().propose(asker("chen"), "")).toMatchObject({ ok: true, value: { wasOpen: false } });
  const old = card();
  expect(await adoption().propose(asker("dora"), "")).toMatchObject({ ok: true, value: { id: old.id, wasOpen: true } });
  s.now += 1000;
  s.domains.set("p2", domain(2));
  expect(await adoption().propose(asker("dora"), "")).toMatchObject({ ok: true, value: { wasOpen: false } });
  const anew = card();
  expect([await approve("ada", old), anew.domains]).toEqual(["adoption.ended", 2]);
  expect(code(await adoption().reject({ id: anew.id, digest: anew.digest, by: asker("ada", false), reason: "not these" }))).toBe(
    "command.team_only",
  );
  expect(code(await adoption().reject({ id: anew.id, digest: anew.digest, by: asker("ada"), reason: "no" }))).toBe("ballot.reason");
  expect(code(await adoption().reject({ id: anew.id, digest: old.digest, by: asker("ada"), reason: "not these" }))).toBe("adoption.stale");
  expect(code(await adoption().reject({ id: anew.id, digest: anew.digest, by: asker("ada"), reason: "not these" }))).toBe("ok");
  expect(card()).toMatchObject({ state: "rejected", endedBy: "ada", endedReason: "not these" });
  expect(code(await adoption().propose(asker("chen"), ""))).toBe("ok");
  s.now += 3 * 86_400_000;
  expect(await approve("ada")).toBe("adoption.expired");
  await sweepAdoptions(bot().adoption);
  expect(shown.findLast((v) => v.state === "expired")).toBeDefined();
});

test("a first plan without restrictions ends by itself, from a complete read; later a leaver is locked like everywhere", async () => {
  put(account(2, 1, "user2"));
  s.domains.set("p1", { ...domain(1), limits: { user_vm: 2 } });
  await adopt();
  expect((await readKnownState(fresh.db, [])).firstPlan).toEqual([domainId(1)]);
  await pass();
  expect((await readKnownState(fresh.db, [])).firstPlan).toEqual([]);
  s.projects["p1"]?.members.delete("user2");
  await pass();
  expect(s.made.at(-1)).toMatchObject({ kind: "lock_account", accountId: account(2, 1, "").id });
  expect(s.accounts.get(account(2, 1, "").id)?.state).toBe("locked");
});

test("a closed project of an adopted domain: nobody is asked about its deletion before the release, and PostgreSQL says the same", async () => {
  await adopt();
  s.projects["p1"] = { ...s.projects["p1"]!, state: "closed" };
  const record = await pass();
  expect(record.plan.proposals).toHaveLength(1);
  expect(record.notAsked).toMatchObject([{ path: "ROOT/ci/p1", reason: expect.stringContaining("/ci-adopt release") as string }]);
  const Count = z.object({ n: z.coerce.number() });
  expect(await fresh.db.one(Count, "select count(*) as n from deletion")).toEqual({ n: 0 });
  const change = { kind: "lock_account", domainId: domainId(1) };
  const intent = {
    id: "00000000-0000-4000-8000-000000000001",
    owner: { kind: "pass" as const, id: "x" },
    command: "lock_account",
    params: { change },
    at: 1,
  };
  await expect(recordIntent(fresh.db, intent)).rejects.toMatchObject({ constraint: "first_plan_restricts" });
});

describe("given back", () => {
  test("by two, without any call; then the plan holds as before, and it can be adopted again", async () => {
    await adopt();
    await pass();
    const made = s.made.length;
    expect(code(await adoption().giveBack(asker("chen"), ["p2"]))).toBe("adoption.not_adopted");
    expect(code(await adoption().giveBack(asker("chen"), ["p1", "nobody"]))).toBe("adoption.not_adopted");
    expect(code(await adoption().giveBack(asker("chen"), ["p1"]))).toBe("ok");
    expect(card()).toMatchObject({ kind: "give_back", domains: 1, lines: [expect.stringContaining("Twokey no longer manages it")] });
    expect([await approve("chen"), await approve("ada"), (await managed()).length]).toEqual(["adoption.requester", "ok", 2]);
    expect([await approve("ben"), (await managed()).map((m) => m[1])]).toEqual(["ok", ["created"]]);
    expect(await accounts()).toEqual([]);
    const { plan } = await pass();
    expect(plan.holds.map((h) => h.kind)).toContain("name_in_the_way");
    expect(s.made).toHaveLength(made);
    await adopt();
    expect(await managed()).toContainEqual([domainId(1), "adopted", 2]);
    expect(await accounts()).toContain("user1");
  });

  test("not one under a deletion, not one that is given back already; locked accounts stay locked, and the card says so", async () => {
    await adopt();
    await fresh.db.exec("update managed_account set locked_by_us = true where ci_user_id = 'user1'");
    expect(code(await adoption().giveBack(asker("chen"), ["p1"]))).toBe("ok");
    expect(card().lines.join()).toMatch(/ROOT\/ci\/p1: 1 accounts that Twokey locked stay locked/);
    expect(await approve("ada")).toBe("ok");
    await fresh.db.tx(async (q) => {
      await q.exec("set local session_replication_role = replica");
      await q.exec(
        `insert into deletion (id, domain_id, project_id, slug, path, name, evidence, requesters, policy, quorum, opened_at, phase)
         values (gen_random_uuid(), $1, 'p1', 'p1', 'ROOT/ci/p1', 'p1', '{}', '{}', '{}', 2, 1, 'archiving')`,
        [domainId(1)],
      );
    });
    expect([await approve("ben"), await managed()]).toEqual(["adoption.moved", [[domainId(1), "adopted", 1]]]);
    expect(code(await adoption().giveBack(asker("chen"), ["p1"]))).toBe("adoption.under_deletion");
  });
});

test("a domain that a mapping file names keeps its own name: exports, backups and passes use its path, wherever it goes", async () => {
  s.domains.delete("p1");
  s.domains.set("p1", { ...domain(1, "Team One"), limits: {} });
  expect(code(await adoption().propose(asker("chen"), "p1,Team Two"))).toBe("adoption.mapping");
  await adopt("p1,Team One");
  expect((await readManagedPlaces(fresh.db)).map((p) => p.path)).toEqual(["ROOT/ci/Team One"]);
  const member = { ...asker("chen") };
  await bot({ ci: { project: async () => ok((await projects())[0] ?? null) } }).services.exports.templates(member, "p1" as never);
  const { plan } = await pass();
  expect(plan.drift).toContainEqual(expect.objectContaining({ kind: "renamed", path: "ROOT/ci/Team One" }));
  expect(s.made.filter((c) => c.kind === "create_domain").map((c) => c.projectId)).toEqual(["p2"]);
  await bot()
    .schedules.find((one) => one.name === "ask-for-backups")
    ?.run();
  const Run = z.object({ slug: z.string(), path: z.string() });
  const runs = await fresh.db.many(Run, "select slug, path from backup_run order by slug");
  expect(runs).toEqual([
    { slug: "p1", path: "ROOT/ci/Team One" },
    { slug: "p2", path: "ROOT/ci/p2" },
  ]);
  s.domains.set("p1", { ...domain(1, "Team 1"), limits: {} });
  await pass();
  await bot({ ci: { project: async () => ok((await projects())[0] ?? null) } }).services.exports.templates(member, "p1" as never);
  expect(readPaths).toEqual(["ROOT/ci/Team One", "ROOT/ci/Team 1"]);
});

async function projects() {
  const read = await bot().parts.ci.projectsOf("all");
  return read.ok ? read.value : [];
}

test("a store that refuses leaves nothing half done", async () => {
  expect(code(await adoption().propose(asker("chen"), ""))).toBe("ok");
  expect(await approve("ada")).toBe("ok");
  // Somebody recorded the domain meanwhile, as another table would have.
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(
      "insert into managed_domain (domain_id, project_id, generation, origin, recorded_at) values ($1, 'other', 1, 'created', 1)",
      [domainId(1) as DomainId],
    );
  });
  expect(await approve("ben")).toBe("adoption.moved");
  expect([await managed(), await accounts()]).toEqual([[[domainId(1), "created", 1]], []]);
});
