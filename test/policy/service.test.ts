/** Claim: on real PostgreSQL a limit changes by two approvers besides the proposer, and by nothing else; every refusal is recorded. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { resetDatabase } from "../sim/reset.ts";
import { renderPolicyCard } from "../../src/bot/render/policy-card.ts";
import { renderReply } from "../../src/bot/render/reply.ts";
import type { Asker } from "../../src/core/people.ts";
import { parseCommand } from "../../src/commands/command.ts";
import { answerPolicy } from "../../src/commands/policy.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import type { DomainId, DomainPath, Instant } from "../../src/core/ids.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { sweepPolicy } from "../../src/policy/service.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import { verifyAudit } from "../../src/store/audit.ts";
import { readPolicy, seedPolicy } from "../../src/store/policies.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { op } from "../support/deletions.ts";
import { approversOf, configOf, testBot } from "../support/bot.ts";
import { teamPolicy } from "./support.ts";

let fresh: FreshDatabase;
let now = 1000;
let skew = 0;
let shown: PolicyChangeView[] = [];
let domains: Result<Readonly<Record<string, string>>, Failure> = ok({});
let directory: Result<readonly string[], Failure> = ok([]);
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  now = 1000;
  skew = 0;
  shown = [];
  directory = ok(["ada", "ben", "chen", "dora"]);
  await fresh.db.tx((q) => seedPolicy(q, teamPolicy, 1));
});
afterAll(() => fresh.drop());

const asker = (name: string, isTeam = true): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam });
const bot = () =>
  testBot(fresh.db, {
    config: configOf({ TWOKEY_GRACE_SECONDS: "1", CLOUDSTACK_PROTECTED_DOMAINS: "ROOT/ci/keep" }),
    approvers: approversOf(() => directory),
    reader: {
      async findDomainNamed(idOrPath) {
        if (!domains.ok) return domains;
        const id = domains.value[idOrPath];
        return ok(id === undefined ? null : { id: id as DomainId, path: "ROOT/ci/Aurora" as DomainPath });
      },
    },
    changes: {
      async showChange(view) {
        expect(validateBlocks(renderPolicyCard(view, "test").blocks, "message")).toEqual([]);
        shown.push(view);
      },
    },
    now: () => now as Instant,
    clockSkew: async () => ({ ms: skew, against: "another clock" }),
  });
const service = () => bot().services.policy;
const sweep = () => sweepPolicy(bot().policy);
const propose = (name: string, setting: string, text: string, reason = "the storage is nearly full") =>
  service().propose(asker(name), { setting, text, reason });
const card = (): PolicyChangeView => {
  const last = shown.at(-1);
  if (last === undefined) throw new Error("no card was shown");
  return last;
};
const approve = (name: string, view = card(), digest: string = view.digest) =>
  service().approve({ changeId: view.id, digest, by: asker(name) });
const code = (r: Result<unknown, Failure>): string => (r.ok ? "ok" : r.error.code);
const inForce = async () => (await readPolicy(fresh.db))?.body;
const audited = async () => (await fresh.db.many(z.object({ kind: z.string() }), "select kind from audit order by seq")).map((r) => r.kind);

test("two approvers besides the proposer: shown, in force, superseding what started before, and in the audit log", async () => {
  expect(code(await propose("ada", "deletions-per-day", "2"))).toBe("ok");
  const budget = card();
  expect(budget).toMatchObject({
    before: "1",
    after: "2",
    effect: "looser",
    state: "proposed",
    quorum: 2,
    mayApprove: ["ben", "chen", "dora"],
  });
  expect(code(await propose("ben", "grace", "30 days"))).toBe("ok");
  const grace = card();
  expect(await approve("chen", grace)).toMatchObject({ ok: true, value: { applied: false } });
  expect(await inForce()).toEqual(teamPolicy);
  expect(await approve("dora", grace)).toMatchObject({ ok: true, value: { applied: true } });
  expect(await inForce()).toEqual({ ...teamPolicy, graceMs: 30 * 86_400_000 });
  expect(shown.findLast((v) => v.id === grace.id)).toMatchObject({ state: "applied", endedReason: "in force as version 2" });
  expect(shown.findLast((v) => v.id === budget.id)).toMatchObject({ state: "superseded" });
  expect(code(await approve("ben", budget))).toBe("policy.ended");
  expect(await audited()).toEqual([
    "policy.proposed",
    "policy.proposed",
    "policy.approve",
    "policy.approve",
    "policy.applied",
    "refused.policy.approve",
  ]);
  expect(await verifyAudit(fresh.db)).toMatchObject({ intact: true });
  const reply = await answerPolicy(asker("ada"), null, service());
  expect(reply.title).toBe("The policy in force is version 2");
  expect(validateBlocks(renderReply(reply).blocks, "message")).toEqual([]);
  const text = JSON.stringify(reply);
  expect(text).toContain("Grace period: 14 days → 30 days, by ben, approved by chen and dora");
  expect(text).toContain("Grace period: the environment says 1 second, in force is 30 days");
  expect(await bot().policyDifferences()).toEqual(["Grace period: the environment says 1 second, in force is 30 days"]);
});

describe("a proposal is refused, recorded, and nothing is asked:", () => {
  test.each<[string, Asker, string, string, string, string]>([
    ["of somebody outside the team", asker("mia", false), "grace", "1 day", "because I want it", "command.team_only"],
    ["of no setting", asker("ada"), "force", "true", "because I want it", "policy.setting"],
    ["without a reason", asker("ada"), "grace", "30 days", " why ", "policy.reason"],
    ["with a reason of a whole book", asker("ada"), "grace", "30 days", "x".repeat(501), "policy.reason"],
    ["of nonsense", asker("ada"), "quorum", "-1", "because I want it", "policy.value"],
    ["of what is so already", asker("ada"), "grace", "14 days", "because I want it", "policy.same"],
    ["of more a day than a week", asker("ada"), "deletions-per-day", "4", "because I want it", "policy.per_day"],
    ["of a quorum that could never be had", asker("ada"), "quorum", "4", "because I want it", "policy.quorum"],
  ])("%s", async (_what, by, setting, text, reason, expected) => {
    expect(code(await service().propose(by, { setting, text, reason }))).toBe(expected);
    expect(shown).toEqual([]);
    expect(await audited()).toEqual(["refused.policy.propose"]);
  });
  test("of approvers of whom only two are valid, or when Slack cannot say", async () => {
    directory = ok(["ada", "ben"]);
    expect(code(await propose("ada", "approvers", "U0AAAA, U0BBBB, U0CCCC"))).toBe("policy.approvers");
    directory = err(failure("unavailable", "policy.directory", "Slack is away"));
    expect(code(await propose("ada", "approvers", "U0AAAA, U0BBBB, U0CCCC"))).toBe("policy.directory");
  });
  test("a second one of the same setting while the first is open", async () => {
    await propose("ada", "grace", "30 days");
    expect(code(await propose("ben", "grace", "1 day"))).toBe("policy.open");
  });
});

describe("an approval does not count:", () => {
  test.each<[string, string, string, () => void, string?]>([
    ["of the proposer", "ada", "policy.requester", () => undefined],
    ["of who is no approver", "eve", "policy.not_approver", () => undefined],
    ["on another digest", "ben", "policy.stale", () => undefined, "0".repeat(64)],
    ["after the expiry", "ben", "policy.expired", () => (now += 86_400_000)],
    [
      "while nobody can say who may",
      "ben",
      "policy.directory",
      () => (directory = err(failure("unavailable", "policy.directory", "away"))),
    ],
  ])("%s", async (_what, who, expected, arrange, digest) => {
    await propose("ada", "grace", "1 day");
    arrange();
    expect(code(await approve(who, card(), digest))).toBe(expected);
    expect(await inForce()).toEqual(teamPolicy);
    expect((await audited()).at(-1)).toBe("refused.policy.approve");
  });
  test("twice of one person, also in the same moment", async () => {
    await propose("ada", "grace", "1 day");
    const both = await Promise.all([approve("ben"), approve("ben")]);
    expect(both.map(code).toSorted()).toEqual(["ok", "policy.voted"]);
    expect(await inForce()).toEqual(teamPolicy);
  });
  test("of somebody who is no approver any more when the deciding one comes", async () => {
    await propose("ada", "grace", "1 day");
    await approve("ben");
    directory = ok(["ada", "chen", "dora"]);
    expect(await approve("chen")).toMatchObject({ ok: true, value: { applied: false } });
    expect(await approve("dora")).toMatchObject({ ok: true, value: { applied: true } });
  });
  test("of a change that is not there", async () => {
    expect(code(await service().approve({ changeId: randomUUID(), digest: "0".repeat(64), by: asker("ben") }))).toBe("policy.unknown");
  });
});

test("two deciding approvals in the same moment make one version", async () => {
  await propose("ada", "grace", "1 day");
  await approve("ben");
  const both = await Promise.all([approve("chen"), approve("dora")]);
  expect(both.map(code).toSorted()).toEqual(["ok", "policy.ended"]);
  expect((await readPolicy(fresh.db))?.version).toBe(2);
});

test("every team member may reject, with a reason; then no approval helps", async () => {
  await propose("ada", "grace", "1 day");
  const click = { changeId: card().id, digest: card().digest };
  await approve("ben");
  expect(code(await service().reject({ ...click, by: asker("mia", false), reason: "I do not like it" }))).toBe("command.team_only");
  expect(code(await service().reject({ ...click, by: asker("zoe"), reason: "no" }))).toBe("ballot.reason");
  expect(code(await service().reject({ ...click, by: asker("zoe"), reason: "too short a time" }))).toBe("ok");
  expect(code(await approve("chen"))).toBe("policy.ended");
  expect(card()).toMatchObject({ state: "rejected", endedBy: "zoe", endedReason: "too short a time" });
});

test("what nobody decided expires by the sweep, whose repetition changes nothing", async () => {
  await propose("ada", "grace", "1 day");
  await sweep();
  expect(card().state).toBe("proposed");
  now += 86_400_000;
  await Promise.all([sweep(), sweep()]);
  expect(card()).toMatchObject({ state: "expired" });
  expect((await audited()).filter((k) => k === "policy.expired")).toEqual(["policy.expired"]);
  expect(await inForce()).toEqual(teamPolicy);
});

test("a larger quorum asks for more people from then on, also for the next change", async () => {
  await propose("ada", "quorum", "3");
  await approve("ben");
  await approve("chen");
  await propose("ada", "grace", "1 day");
  const grace = card();
  expect(grace.quorum).toBe(3);
  await approve("ben", grace);
  await approve("chen", grace);
  expect((await inForce())?.graceMs).toBe(teamPolicy.graceMs);
  await approve("dora", grace);
  expect((await inForce())?.graceMs).toBe(86_400_000);
});

test("values longer than a card have no Approve button, and hostile ones do no harm", () => {
  const view: PolicyChangeView = {
    ...({
      id: randomUUID(),
      setting: "protected-domains",
      title: "Protected domains",
      effect: "looser",
      state: "proposed",
      quorum: 2,
    } as const),
    before: "none",
    after: `ROOT/ci/<!channel>*_~\`, ${"ROOT/ci/x, ".repeat(200)}`,
    proposedBy: "<@U1> *ada*",
    reason: "<!here> `x`",
    digest: "0".repeat(64) as never,
    approvals: [],
    mayApprove: ["<!channel>"],
    proposedAt: 1 as Instant,
    expiresAt: 2 as Instant,
    endedAt: null,
    endedBy: null,
    endedReason: null,
  };
  const long = renderPolicyCard(view, "test");
  expect(validateBlocks(long.blocks, "message")).toEqual([]);
  expect(JSON.stringify(long.blocks)).not.toMatch(/policy_approve|<!channel>|<!here>|<@U1>/);
  expect(JSON.stringify(renderPolicyCard({ ...view, after: "ROOT/ci/a" }, "test").blocks)).toContain("policy_approve");
});

test("the command is parsed, or says how it is written", () => {
  expect(parseCommand("/ci-policy", "")).toEqual({ ok: true, value: { kind: "policy", wish: null } });
  expect(parseCommand("/ci-policy", "set grace 30 days because the summer is long because of heat")).toEqual({
    ok: true,
    value: { kind: "policy", wish: { setting: "grace", text: "30 days", reason: "the summer is long because of heat" } },
  });
  for (const bad of ["grace 30 days", "set grace", "set grace 30 days", "set", "drop everything"])
    expect(parseCommand("/ci-policy", bad)).toMatchObject({ ok: false, error: { code: "command.policy" } });
});

describe("a protected domain is resolved when it is proposed", () => {
  const id = "6f1c9a1e-0000-4000-8000-00000000000a";

  test("the card and the policy in force have its present path and its id; what was listed stays", async () => {
    domains = ok({ "ROOT/ci/aurora": id });
    expect(code(await propose("ada", "protected-domains", "ROOT/ci/keep, ROOT/ci/aurora"))).toBe("ok");
    expect(card()).toMatchObject({ before: "ROOT/ci/keep", after: `ROOT/ci/Aurora (${id}), ROOT/ci/keep`, effect: "stricter" });
    await approve("ben");
    await approve("chen");
    expect((await inForce())?.protectedDomains).toEqual([`ROOT/ci/Aurora (${id})`, "ROOT/ci/keep"]);
    // What is shown can be typed again, and CloudStack need not be asked about it.
    domains = err(failure("unavailable", "cloudstack.unreachable", "away"));
    expect(code(await propose("ada", "protected-domains", `ROOT/ci/Aurora (${id})`))).toBe("ok");
    expect(card()).toMatchObject({ effect: "looser" });
  });

  test.each(["ROOT/ci/arora", "6f1c9a1e-0000-4000-8000-00000000000b", `ROOT/ci/aurora (${id})`])(
    "%s names no domain: refused",
    async (word) => {
      domains = ok({ "ROOT/ci/aurora": "elsewhere" });
      const refused = await propose("ada", "protected-domains", `ROOT/ci/keep, ${word}`);
      expect(code(refused)).toBe("policy.no_domain");
      expect(shown).toEqual([]);
    },
  );

  test.each(["ROOT/ci/*", "aurora", "*"])("%s is no value", async (word) => {
    expect(code(await propose("ada", "protected-domains", word))).toBe("policy.value");
  });

  test("CloudStack away: refused, since nobody can say what it would protect", async () => {
    domains = err(failure("unavailable", "cloudstack.unreachable", "away"));
    expect(code(await propose("ada", "protected-domains", "ROOT/ci/aurora"))).toBe("policy.domain_unread");
  });
});
