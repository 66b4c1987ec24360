/**
 * Claims, on real PostgreSQL and the emulator: a database of commit 22fd18c, with a deletion in every phase and open votes of each kind, is
 * carried over by the migrations and goes on: no vote is lost, none counts twice, and what was under way ends as it should.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { notConfirmed } from "../../src/cidb/source.ts";
import type { Failure } from "../../src/core/failure.ts";
import { phases } from "../../src/core/phases.ts";
import type { DatabaseSource } from "../../src/core/policy.ts";
import { ok, type Result } from "../../src/core/result.ts";
import { askAboutScope } from "../../src/policy/service.ts";
import { verifyAudit } from "../../src/store/audit.ts";
import { openIntents } from "../../src/store/intents.ts";
import { withConnection } from "../../src/store/db.ts";
import { migrate, compareMigrations } from "../../src/store/migrate.ts";
import { prepareStore } from "../../src/store/prepare.ts";
import { readPlanHeads, readPlanInputs } from "../../src/store/plans.ts";
import { readPolicy } from "../../src/store/policies.ts";
import { readPostedMessage } from "../../src/store/posted-messages.ts";
import { readStop } from "../../src/store/stop-switch.ts";
import { replayPlan } from "../../src/sync/execution/replay.ts";
import { runPass } from "../../src/sync/execution/reconcile.ts";
import { root } from "../sim/ci.ts";
import { team, users, type Person } from "../sim/people.ts";
import { carryOver, oldDatabase, laterMigrations, type CarriedOver } from "../support/carried-over.ts";

const [ada, ben, cleo, dan, dora] = team as unknown as [Person, Person, Person, Person, Person];
const [uma] = users as unknown as [Person];

/** Where each deletion stood. Two of them wait in grace: of one, a person has asked for it back. */
const stood = {
  archiving: "archiving",
  "half-approved": "proposed",
  withdrawn: "proposed",
  "half-waived": "proposed",
  "cooling-off": "cooling_off",
  quarantining: "quarantining",
  grace: "grace",
  restoring: "grace",
  dismantling: "dismantling",
  expunging: "expunging",
  removing: "removing",
  deleted: "deleted",
  rejected: "closed",
  cancelled: "closed",
  kept: "closed",
  frozen: "frozen",
} as const;

/** For whole lives, on a machine with much else to do. */
const LONG_MS = 120_000;

let carried: CarriedOver;
beforeEach(async () => {
  carried = await carryOver();
});
afterEach(() => carried.close());

/** A refusal by a rule, not by something that is away. */
function expectRefused(answer: Result<unknown, Failure>): void {
  expect(answer).toMatchObject({ ok: false, error: { kind: expect.stringMatching(/^(refused|stale)$/) } });
}

function expectOk<T>(answer: Result<T, Failure>): T {
  if (!answer.ok) throw new Error(`${answer.error.code}: ${answer.error.message}`);
  return answer.value;
}

const approve = async (slug: string, by: Person, typedName: string | null = slug) =>
  carried.bot.services.deletions.approve({ ...(await carried.click(slug, by)), typedName });
const view = async (slug: string) => expectOk(await carried.bot.services.deletions.view((await carried.row(slug)).id));
const approvers = async (slug: string) => (await view(slug)).approvals.map((a) => a.operator.name);
const update = async (slug: string, set: string) =>
  carried.db.exec(`update deletion set ${set} where id = $1`, [(await carried.row(slug)).id]);
const resumeAll = async () => expect(expectOk(await carried.bot.services.sync.resume(ben)).resumed).toBe(true);

describe("carried over", () => {
  test("only the later migrations are run, once, and the bot's role is made", async () => {
    const old = await oldDatabase();
    try {
      const head = await withConnection(old.url, (client) =>
        client.query<{ hash: string }>("select hash from twokey.audit order by seq desc limit 1"),
      );
      const prepared = await prepareStore({ url: old.url, migrationUrl: null }, async () => undefined);
      expect(prepared.applied).toEqual(laterMigrations());
      expect(await migrate(old.url)).toEqual([]);
      expect(await withConnection(old.url, compareMigrations)).toMatchObject({ pending: [], unknown: [], edited: [] });
      expect(await verifyAudit(old.db, head.rows[0]?.hash)).toMatchObject({ intact: true });
    } finally {
      await old.drop();
    }
  });

  test("every deletion is read with its phase, and there is one in every phase", async () => {
    const found = await Promise.all(Object.keys(stood).map(async (slug) => [slug, (await carried.row(slug)).phase] as const));
    expect(Object.fromEntries(found)).toEqual(stood);
    expect(new Set(found.map(([, phase]) => phase))).toEqual(new Set(phases));
    expect(expectOk(await carried.bot.services.deletions.list())).toHaveLength(12);
  });

  test("every vote is shown as it was given", async () => {
    expect(await approvers("half-approved")).toEqual(["Ada"]);
    expect(await approvers("withdrawn")).toEqual([]);
    expect(await approvers("cooling-off")).toEqual(["Cleo", "Ada"]);
    expect(await approvers("removing")).toEqual(["Ada", "Ben"]);
    expect(await approvers("deleted")).toEqual(["Ada", "Cleo"]);
    expect(await view("rejected")).toMatchObject({
      approvals: [{ operator: { name: "Ada" } }],
      rejection: { operator: { name: "Ben" }, reason: "they asked for another week" },
    });
    // Withdrawn in the cool-off: the other one's approval is still told.
    expect(await view("cancelled")).toMatchObject({ closedBecause: "cancelled", approvals: [{ operator: { name: "Ben" } }] });
    expect((await view("half-waived")).archive.map((a) => [a.state, a.waivedBy])).toEqual([
      ["failed", ["Ada"]],
      ["waived", ["Ada", "Ben"]],
    ]);
  });

  test("what a process that died had begun is still to be looked up", async () => {
    const open = async (slug: string) =>
      (await openIntents(carried.db, { kind: "deletion", id: (await carried.row(slug)).id })).map((i) => [i.command, i.tried]);
    expect(await open("quarantining")).toEqual([["quarantine", "indeterminate"]]);
    expect(await open("dismantling")).toEqual([["destroy", null]]);
    expect(await open("removing")).toEqual([["delete_template", null]]);
  });

  test("every stored plan is made again, byte for byte", async () => {
    const heads = await readPlanHeads(carried.db, 100);
    expect(heads.length).toBeGreaterThan(5);
    for (const { id } of heads) {
      const inputs = await readPlanInputs(carried.db, id);
      const again = inputs === null ? null : expectOk(replayPlan(inputs));
      expect(again?.again).toBe(again?.stored);
    }
  });

  test("its scope was confirmed by an address: which CI database answers is asked about once, and not believed until then", async () => {
    const source = {
      server: "system 1",
      database: "ci (5)",
      views: Object.fromEntries(["projects", "users", "memberships"].map((v) => [v, { name: v, definition: "" }])),
    } as unknown as DatabaseSource;
    const scope = async () => (await readPolicy(carried.db))?.body.scope ?? null;
    expect(notConfirmed(await scope(), source)).toMatchObject({ code: "cidb.not_confirmed" });
    const ask = () => askAboutScope({ ...carried.bot.policy, readSource: async () => ok(source) });
    await ask();
    await ask();
    const cards = new Map(carried.world.policyCards.filter((c) => c.setting === "scope").map((c) => [c.id, c]));
    expect([...cards.values()].map((c) => c.after)).toEqual([expect.stringContaining("there answers ci (5) on system 1")]);
    const [card] = cards.values();
    for (const by of [ada, ben])
      expectOk(await carried.bot.services.policy.approve({ changeId: card?.id ?? "", digest: card?.digest ?? "", by }));
    expect(notConfirmed(await scope(), source)).toBeNull();
    await ask();
    expect(carried.world.policyCards.filter((c) => c.setting === "scope" && !cards.has(c.id))).toEqual([]);
  });

  test("every card keeps its message, so that none is posted a second time", async () => {
    for (const slug of Object.keys(stood)) {
      const message = await readPostedMessage(carried.db, `deletion:${(await carried.row(slug)).id}`);
      expect(message).toMatchObject({ channel: "C1", ts: expect.stringMatching(/^\d+\.0$/) });
    }
  });
});

describe("a deletion that was proposed", () => {
  test("approved by one: not by the same again, nor by who asked for it; a second one decides", async () => {
    expectRefused(await approve("half-approved", ada));
    expectRefused(await approve("half-approved", dan));
    expectRefused(await approve("half-approved", dora));
    expect(await carried.row("half-approved")).toMatchObject({ phase: "proposed" });
    await expect(update("half-approved", "phase = 'cooling_off'")).rejects.toThrow(/two distinct people/);
    expect(expectOk(await approve("half-approved", ben)).phase).toBe("cooling_off");
    expect(await approvers("half-approved")).toEqual(["Ada", "Ben"]);
  });

  test("withdrawn by the only approver: it counts for nothing, and two others decide", async () => {
    expectRefused(await approve("withdrawn", ada));
    expect(expectOk(await approve("withdrawn", ben, null)).phase).toBe("proposed");
    await expect(update("withdrawn", "phase = 'cooling_off'")).rejects.toThrow(/two distinct people/);
    expect(expectOk(await approve("withdrawn", cleo)).phase).toBe("cooling_off");
    expect(await approvers("withdrawn")).toEqual(["Ben", "Cleo"]);
  });

  test("waived by one: not by the same again, nor by who asked for it; a second one waives, and then it can be approved", async () => {
    const [half, whole] = (await view("half-waived")).archive;
    const waive = async (entryId: string | undefined, by: Person) =>
      carried.bot.services.deletions.waive({ ...(await carried.click("half-waived", by)), entryId: entryId ?? "" });
    expectRefused(await waive(half?.id, ada));
    expectRefused(await waive(half?.id, dan));
    expectRefused(await waive(whole?.id, cleo));
    expectRefused(await approve("half-waived", ben, null));
    expect((await view("half-waived")).archive.map((a) => a.state)).toEqual(["failed", "waived"]);
    expectOk(await waive(half?.id, ben));
    expect((await view("half-waived")).archive.map((a) => a.state)).toEqual(["waived", "waived"]);
    expectOk(await approve("half-waived", ada, null));
    expect(expectOk(await approve("half-waived", ben)).phase).toBe("cooling_off");
  });

  test("an approval from before is withdrawn as one of today, and its time runs out as it was asked", async () => {
    expectOk(await carried.bot.services.deletions.withdraw(await carried.click("half-approved", ada)));
    expect(expectOk(await approve("half-approved", ben, null)).phase).toBe("proposed");
    await resumeAll();
    carried.world.clock.at = (await carried.row("half-approved")).expires_at ?? 0;
    expect(await carried.work("half-approved")).toMatchObject({ phase: "closed", closed_because: "expired" });
  });
});

describe("a change of policy", () => {
  test("approved by one: not by the same again, nor by who proposed it; a second one brings it into force", async () => {
    const before = expectOk(await carried.bot.services.policy.report(ada));
    expect(before).toMatchObject({
      version: 2,
      open: [{ setting: "changes-per-pass", approvals: [{ name: "Ada" }] }],
      past: [{ setting: "absence-reads" }],
    });
    const [change] = before.open;
    if (change === undefined) throw new Error("no change is open");
    const click = (by: Person) => carried.bot.services.policy.approve({ changeId: change.id, digest: change.digest, by });
    expectRefused(await click(ada));
    expectRefused(await click(dan));
    expect(expectOk(await carried.bot.services.policy.report(ada)).version).toBe(2);
    expect(expectOk(await click(ben))).toEqual({ applied: true });
    const after = expectOk(await carried.bot.services.policy.report(ada));
    expect(after).toMatchObject({ version: 3, open: [] });
    expect(after.rows.find((r) => r.name === "changes-per-pass")?.value).toBe("90");
  });

  test("those that ended keep their end and their votes", async () => {
    const Ended = z.object({ setting: z.string(), state: z.string(), ended_by: z.string().nullable() });
    const ended = await carried.db.many(
      Ended,
      "select setting, state, ended_by from policy_change where state <> 'proposed' order by setting",
    );
    expect(ended.map((c) => [c.setting, c.state, c.ended_by])).toEqual([
      ["absence-reads", "applied", null],
      ["cool-off", "expired", null],
      ["grace", "rejected", "Cleo"],
      ["restrictions-per-pass", "superseded", null],
    ]);
    expect(expectOk(await carried.bot.services.policy.report(ada)).past.map((c) => c.approvals.map((a) => a.name))).toEqual([
      ["Ada", "Ben"],
    ]);
  });
});

describe("everything is stopped", () => {
  test("one agreed to go on: not the same again, nor who is not of the team; a second one resumes", async () => {
    // Ben had agreed to end the stop before this one: that is another question.
    const again = await carried.bot.services.sync.resume(ada);
    expect(again.ok && again.value.resumed).toBe(false);
    expectRefused(await carried.bot.services.sync.resume(uma));
    expect(await readStop(carried.db)).toMatchObject({ stopped: true, reason: "a drill before the upgrade; the drill is not over" });
    await resumeAll();
    expect(await readStop(carried.db)).toEqual({ stopped: false });
  });

  test("until then nothing goes on but what is given back, and nothing is lost", async () => {
    const calls = () => carried.world.cloud.requests().filter((r) => !/^(list|query|get)/.test(r.command));
    const standing = { ...stood, restoring: "closed" };
    for (let day = 0; day < 2; day += 1) {
      for (const [slug, phase] of Object.entries(standing)) expect((await carried.work(slug)).phase).toBe(phase);
      carried.world.clock.at += 24 * 3_600_000;
    }
    // What CloudStack would expunge while everything is stopped is brought back, as is what somebody had asked back.
    expect(new Set(calls().map((r) => r.command))).toEqual(new Set(["recoverVirtualMachine", "enableAccount"]));
  });
});

describe("after a resume", { timeout: LONG_MS }, () => {
  beforeEach(async () => {
    await resumeAll();
  });

  test("those under way go on to their end, and nothing beside them is touched", async () => {
    const beside = ["alpha", "steady", "newborn", "rejected", "cancelled", "kept", "frozen", "half-approved"];
    const seen = () => JSON.stringify(beside.map((slug) => carried.domain(slug)));
    const before = seen();
    const under = ["removing", "expunging", "dismantling", "grace", "quarantining", "cooling-off"];
    expect(await carried.finish(...under)).toEqual(under.map(() => "deleted"));
    expect(under.map((slug) => carried.domain(slug))).toEqual(under.map(() => undefined));
    expect(seen()).toBe(before);
    expect((await carried.row("frozen")).phase).toBe("frozen");
    expect(carried.world.violations).toEqual([]);
    expect(await verifyAudit(carried.db)).toMatchObject({ intact: true });
  });

  test("what was being saved is saved and then asked, and can be approved", async () => {
    expect((await carried.work("archiving")).phase).toBe("proposed");
    expect((await view("archiving")).archive.map((a) => a.state)).toEqual(["verified"]);
    expectOk(await approve("archiving", ada, null));
    expectOk(await approve("archiving", ben));
    expect(await carried.finish("archiving")).toEqual(["deleted"]);
  });

  test("what somebody had asked back comes back", async () => {
    expect(await carried.work("restoring")).toMatchObject({ phase: "closed", closed_because: "restored", closed_by: "Dora" });
    expect(carried.domain("restoring")?.accounts.map((a) => a.state)).toEqual(["enabled"]);
  });

  test.each(["quarantining", "grace", "dismantling", "expunging", "frozen"])("restored from %s, all of it comes back", async (slug) => {
    expectOk(await carried.bot.services.deletions.restore(await carried.click(slug, cleo)));
    expect(await carried.work(slug)).toMatchObject({
      phase: "closed",
      closed_because: "restored",
      closed_reason: "everything is back as it was",
    });
    const accounts = carried.domain(slug)?.accounts ?? [];
    expect(new Set(accounts.map((a) => a.state))).toEqual(new Set(["enabled"]));
    expect(new Set(accounts.flatMap((a) => a.machines.map((m) => m.state)))).toEqual(new Set(["Stopped"]));
  });

  test("a pass finds the same world: it opens nothing again and changes nothing", async () => {
    const before = expectOk(await carried.bot.services.deletions.list()).map((v) => v.id);
    const pass = expectOk(await runPass({ kind: "fleet", root }, { kind: "schedule" }, carried.bot.passes));
    expect(pass).toMatchObject({ state: "unchanged", plan: { holds: [] } });
    expect(expectOk(await carried.bot.services.deletions.list()).map((v) => v.id)).toEqual(before);
  });
});
