/** Claim INV-2: deletion, waiver, change of policy, resume and adoption refuse a vote for the same reasons, record it in one table, and count it alike. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { AdoptionBody } from "../../src/core/adoption.ts";
import { digestOf } from "../../src/core/digest.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import type { DomainId, DomainPath, Instant, ProjectId, Slug } from "../../src/core/ids.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";
import type { Asker } from "../../src/core/people.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { sweepPolicy } from "../../src/policy/service.ts";
import type { QuestionKind } from "../../src/core/votes.ts";
import { insertAdoption, readAdoption } from "../../src/store/adoptions.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { insertRow } from "../../src/store/db.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import { recordGoOn } from "../../src/store/go-on.ts";
import { recordApprovedInventory } from "../../src/store/inventories.ts";
import { approversOf, configOf, putInForce, testBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, enterAsSaved, expectRow, inventory, item, op, openOne } from "../support/deletions.ts";
import { resetDatabase } from "../sim/reset.ts";

let fresh: FreshDatabase;
let now = 20;
let skew = 0;
let approvers: Result<readonly string[], Failure>;
let config = configOf();
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  await resetDatabase(fresh.db);
  now = 20;
  skew = 0;
  config = configOf();
  approvers = ok(["ada", "ben", "chen", "dora"]);
  await putInForce(fresh.db);
});

const bot = () =>
  testBot(fresh.db, {
    config,
    approvers: approversOf(() => approvers),
    reader: { readInventory: async (id) => ok(inventory(id, [item("template", "t")])) },
    now: () => now as Instant,
    clockSkew: async () => ({ ms: skew, against: "another clock" }),
  });
const asker = (name: string, account?: string): Asker => ({
  operator: { id: op(name), name, ciUserId: null },
  isTeam: true,
  ...(account === undefined ? {} : { account }),
});
const code = (r: Result<unknown, Failure>): string => (r.ok ? "ok" : r.error.code);

/** One open question, asked for by chen where somebody asked; `vote` gives the code of the answer, `decided` whether it is settled. */
interface Open {
  vote(by: Asker): Promise<string>;
  decided(): Promise<boolean>;
}
type Put = () => Promise<Open>;

const proposed = async () => {
  const row = await openOne(fresh.db);
  const digest = inventoryDigest(inventory(row.domain_id, [item("template", "t")]));
  await recordApprovedInventory(fresh.db, row.id, inventory(row.domain_id, [item("template", "t")]), 10);
  return {
    row,
    propose: () =>
      updateDeletion(fresh.db, row.id, { phase: "proposed", digest, proposed_at: at(10), expires_at: at(1_000_000), entered_at: at(10) }),
  };
};

/** A vote on the deletion itself, from before it froze. */
const APPROVED =
  "insert into ballot (kind, question, voter, voter_name, verdict, digest, at) values ('deletion', $1, $2, $2, 'approve', $3, 11)";

const questions: Readonly<Record<QuestionKind, Put>> = {
  async deletion() {
    const { row, propose } = await proposed();
    await enterAsSaved(fresh.db, row, inventory(row.domain_id, [item("template", "t")]));
    await propose();
    const { digest, version } = await expectRow(fresh.db, row.id);
    return {
      vote: async (by) => code(await bot().services.deletions.approve({ deletionId: row.id, version, digest, by, typedName: row.name })),
      decided: async () => (await expectRow(fresh.db, row.id)).phase === "cooling_off",
    };
  },
  async waiver() {
    const { row, propose } = await proposed();
    const entryId = randomUUID();
    const owner = { kind: "deletion" as const, id: row.id };
    await insertEntry(fresh.db, owner, { id: entryId, itemKind: "template", itemId: "template-t", name: "t", at: 5 });
    await updateEntry(fresh.db, entryId, 6, { state: "failed", problem: "It cannot be extracted" });
    await propose();
    const { digest, version } = await expectRow(fresh.db, row.id);
    return {
      vote: async (by) => code(await bot().services.deletions.waive({ deletionId: row.id, version, digest, by, entryId })),
      decided: async () => {
        const view = await bot().services.deletions.view(row.id);
        return view.ok && view.value.archive[0]?.state === "waived";
      },
    };
  },
  async policy() {
    const made = await bot().services.policy.propose(asker("chen"), { setting: "grace", text: "20 days", reason: "longer holidays" });
    if (!made.ok) throw new Error(made.error.message);
    const Change = z.object({ id: z.string(), digest: z.string() });
    const change = await fresh.db.one(Change, "select id::text, digest from policy_change");
    return {
      vote: async (by) => code(await bot().services.policy.approve({ changeId: change.id, digest: change.digest, by })),
      decided: async () => (await fresh.db.many(z.object({}), "select from policy_version")).length === 2,
    };
  },
  async go_on() {
    const { row, propose } = await proposed();
    const found = inventory(row.domain_id, [item("template", "t")]);
    await enterAsSaved(fresh.db, row, found);
    await propose();
    // No way leads there but a whole life; the tests of freezes play it.
    await fresh.db.tx(async (q) => {
      await q.exec("set local session_replication_role = replica");
      await q.exec("update deletion set phase = 'frozen', frozen_from = 'removing', entered_at = 10 where id = $1", [row.id]);
      for (const voter of ["ci:early1", "ci:early2"]) await q.exec(APPROVED, [row.id, voter, inventoryDigest(found)]);
    });
    const question = { id: randomUUID(), deletionId: row.id, reason: "changed", sentence: "it changed", neighbours: null };
    await recordGoOn(fresh.db, {
      ...question,
      digest: inventoryDigest(found),
      body: found,
      closedAt: null,
      closedBy: null,
      openedAt: at(10),
      expiresAt: at(1_000_000),
    });
    const { version } = await expectRow(fresh.db, row.id);
    const click = { deletionId: row.id, version, digest: inventoryDigest(found), questionId: question.id };
    return {
      vote: async (by) => code(await bot().services.deletions.goOn({ ...click, by })),
      decided: async () => (await expectRow(fresh.db, row.id)).phase === "removing",
    };
  },
  async adoption() {
    const [id, domain] = [randomUUID(), randomUUID()];
    await fresh.db.tx(async (q) => {
      await q.exec("set local session_replication_role = replica");
      const managed = { domainId: domain, projectId: "p-1", generation: 1, origin: "adopted", recordedAt: 5, path: "ROOT/ci/a" };
      await insertRow(q, "managed_domain", managed);
    });
    const place = { domainId: domain as DomainId, path: "ROOT/ci/a" as DomainPath, projectId: "p-1" as ProjectId, slug: "a" as Slug };
    const body: AdoptionBody = {
      ...{ kind: "give_back", root: "ROOT/ci" as DomainPath, rows: [], lines: [], mapped: [] },
      domains: [{ ...place, generation: 1, isNew: false, accounts: [] }],
    };
    const row = { id, kind: body.kind, body, digest: digestOf(body), requesters: [op("chen")], proposed_by_name: "chen", quorum: 2 };
    await insertAdoption(fresh.db, { ...row, proposed_at: at(10), expires_at: at(1_000_000) });
    return {
      vote: async (by) => code(await bot().services.adoption.approve({ id, digest: row.digest, by })),
      decided: async () => (await readAdoption(fresh.db, id))?.state === "applied",
    };
  },
  async resume() {
    await bot().services.sync.stop(asker("chen"), "something looks wrong");
    return {
      vote: async (by) => code(await bot().services.sync.resume(by)),
      decided: async () => (await fresh.db.many(z.object({}), "select from stop_switch where kind = 'resume'")).length === 1,
    };
  },
};

const kinds = Object.keys(questions) as readonly QuestionKind[];
const votes = () =>
  fresh.db.many(
    z.object({ voter: z.string(), account: z.string().nullable() }),
    "select voter, slack_account as account from ballot where voter not like 'ci:early%'",
  );

describe.each(kinds)("%s:", (kind) => {
  test("two distinct approvers decide, each recorded with the Slack account", async () => {
    const question = await questions[kind]();
    expect([await question.vote(asker("ada", "T1/U1")), await question.decided()]).toEqual(["ok", false]);
    expect([await question.vote(asker("ben", "T1/U2")), await question.decided()]).toEqual(["ok", true]);
    expect(await votes()).toEqual([
      { voter: "ci:ada", account: "T1/U1" },
      { voter: "ci:ben", account: "T1/U2" },
    ]);
  });

  test.each<[string, string, () => void, string]>([
    ["a clock that jumped", "ada", () => (skew = 600_000), "deletion.clock"],
    [
      "a scope that nobody confirmed",
      "ada",
      () => (config = configOf({ CI_PROJECTS_VIEW: "only_one_project" })),
      "deletion.scope_unconfirmed",
    ],
    ["who is no approver any more", "ada", () => (approvers = ok(["ben", "dora"])), `${kind}.not_approver`],
    [
      "approvers that nobody can name",
      "ada",
      () => (approvers = err(failure("unavailable", "slack.away", "Slack is away"))),
      `${kind}.directory`,
    ],
  ])("%s: refused, recorded, and not counted", async (_, who, arrange, expected) => {
    const question = await questions[kind]();
    arrange();
    expect(await question.vote(asker(who))).toBe(expected);
    expect([await votes(), await question.decided()]).toEqual([[], false]);
    const refusals = await fresh.db.many(z.object({ actor: z.string() }), "select actor from audit where kind like 'refused.%'");
    expect(refusals).toEqual([{ actor: "ci:ada" }]);
  });

  test("a second vote of one person, or through one Slack account, does not count", async () => {
    const question = await questions[kind]();
    expect(await question.vote(asker("ada", "T1/U1"))).toBe("ok");
    expect(await question.vote(asker("ada", "T1/U9"))).toBe(`${kind}.voted`);
    expect(await question.vote(asker("ben", "T1/U1"))).toBe(`${kind}.voted`);
    expect([(await votes()).length, await question.decided()]).toEqual([1, false]);
  });

  test("who asked has no vote", async () => {
    const question = await questions[kind]();
    // Whoever stopped everything asked for nothing, and may help to resume.
    const expected = {
      deletion: "deletion.requester",
      waiver: "waiver.requester",
      policy: "policy.requester",
      go_on: "go_on.requester",
      resume: "ok",
      adoption: "adoption.requester",
    }[kind];
    expect(await question.vote(asker("chen"))).toBe(expected);
    expect(await question.decided()).toBe(false);
  });

  test("a domain that is protected by now", async () => {
    const question = await questions[kind]();
    await putInForce(fresh.db, { protectedDomains: ["ROOT/ci/a"] }).catch(() => undefined);
    const expected = {
      deletion: "deletion.protected",
      waiver: "deletion.protected",
      policy: "ok",
      go_on: "deletion.protected",
      resume: "ok",
      adoption: "ok",
    }[kind];
    expect(await question.vote(asker("ada"))).toBe(expected);
  });
});

test("a waiver of a person who is no approver any more does not count, and a third person gives the second one", async () => {
  const question = await questions.waiver();
  expect(await question.vote(asker("ada"))).toBe("ok");
  approvers = ok(["ben", "dora"]);
  expect([await question.vote(asker("ben")), await question.decided()]).toEqual(["ok", false]);
  expect([await question.vote(asker("dora")), await question.decided()]).toEqual(["ok", true]);
});

test("a stop by a clock that was ahead is ended once the clock is right", async () => {
  now = 3_600_000;
  const question = await questions.resume();
  now = 60;
  expect([await question.vote(asker("ada")), await question.vote(asker("ben"))]).toEqual(["ok", "ok"]);
  expect(await question.decided()).toBe(true);
});

test("while all is stopped a changed scope is put to two people all the same, and then they can resume", async () => {
  const question = await questions.resume();
  config = configOf({ CI_PROJECTS_VIEW: "other_projects" });
  expect(await question.vote(asker("ada"))).toBe("deletion.scope_unconfirmed");
  await sweepPolicy(bot().policy);
  const Change = z.object({ id: z.string(), digest: z.string(), setting: z.string() });
  const change = await fresh.db.one(Change, "select id::text, digest, setting from policy_change where state = 'proposed'");
  expect(change.setting).toBe("scope");
  const confirm = (name: string) => bot().services.policy.approve({ changeId: change.id, digest: change.digest, by: asker(name) });
  expect([code(await confirm("ada")), code(await confirm("ben"))]).toEqual(["ok", "ok"]);
  expect([await question.vote(asker("ada")), await question.vote(asker("ben")), await question.decided()]).toEqual(["ok", "ok", true]);
});
