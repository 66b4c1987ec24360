/** Claims INV-2, through the assembled bot: who closed the project is a requester; a No counts although a Yes could not be given just now. */
import { afterAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Asker } from "../../src/core/people.ts";
import { failure } from "../../src/core/failure.ts";
import type { CiUserId } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";
import { readLiveDeletions } from "../../src/store/deletions.ts";
import { approversOf, putInForce, testBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { at, op, openOne, proposeOne } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { approveIn, smallWorld } from "../support/small-world.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  await fresh?.drop();
  fresh = await lendDatabase();
  await putInForce(fresh.db);
});
afterAll(() => fresh.drop());
const asker = (name: string): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam: true });

test.each<[string, string | null, readonly string[], readonly string[]]>([
  ["who closed the project", "cleo", [], ["ci:cleo"]],
  ["who closed the project and who started the pass", "cleo", ["dora"], ["ci:cleo", "ci:dora"]],
  ["one person who did both, once", "cleo", ["cleo"], ["ci:cleo"]],
  ["nobody, when nobody is named", null, [], []],
])("requesters: %s", async (_, closedBy, startedBy, expected) => {
  const bot = testBot(fresh.db, { now: () => at(20) });
  const evidence = { kind: "closed", projectId: "p-9", slug: "nine", closedAt: at(5), closedBy: closedBy as CiUserId | null };
  const domainId = "6f1c9a1e-0000-4000-8000-0000000000d9";
  const proposal = { domainId, projectId: "p-9", path: "ROOT/ci/nine", name: "nine", evidence };
  await bot.passes.deletions.openDeletion(proposal as never, startedBy.map(op));
  expect((await readLiveDeletions(fresh.db)).map((row) => row.requesters)).toEqual([expected]);
});

const nine = (closedBy: string) => ({
  ...{ domainId: "6f1c9a1e-0000-4000-8000-0000000000d9", projectId: "p-9", path: "ROOT/ci/nine", name: "nine" },
  evidence: { kind: "closed", projectId: "p-9", slug: "nine", closedAt: at(5), closedBy: closedBy as CiUserId },
});
const live = () => readLiveDeletions(fresh.db);

test.each(["", "u\n3", "u".repeat(201)])(
  "a closer who can be no person (%j): nothing is opened, and the plan says why",
  async (closedBy) => {
    const opener = testBot(fresh.db, { now: () => at(20) }).passes.deletions;
    await opener.openDeletion(nine(closedBy) as never, []);
    expect(await live()).toEqual([]);
    expect(await opener.whyNotOpened(nine(closedBy) as never, [])).toEqual({
      reason: "who closed the project is told by no id of a person (closed_by)",
      isNews: true,
    });
  },
);

test("asking twice makes no card that nobody can approve: the plan says who could, and the next pass by itself asks", async () => {
  const bot = testBot(fresh.db, { now: () => at(20) });
  const opener = bot.passes.deletions;
  const proposal = nine("ben") as never;
  // Ben closed it, Ada started the pass: of Ada, Ben and Dora only Dora would be left.
  await opener.openDeletion(proposal, [op("ada")]);
  expect(await live()).toEqual([]);
  expect((await opener.whyNotOpened(proposal, [op("ada")]))?.reason).toBe(
    "only dora could approve it, and 2 must: who closed the project or started the pass has no vote. The next pass that starts by itself asks",
  );
  await opener.openDeletion(proposal, []);
  expect((await live()).map((row) => row.requesters)).toEqual([["ci:ben"]]);
});

test("nor does a pass by itself, where too few approvers are left; once there is another approver, it asks", async () => {
  let names = ["ada", "ben"];
  const bot = testBot(fresh.db, { now: () => at(20), approvers: approversOf(() => ok(names)) });
  const opener = bot.passes.deletions;
  await opener.openDeletion(nine("ben") as never, []);
  expect(await live()).toEqual([]);
  expect((await opener.whyNotOpened(nine("ben") as never, []))?.reason).toContain("Add an approver");
  names = ["ada", "ben", "cleo"];
  await opener.openDeletion(nine("ben") as never, []);
  expect(await live()).toHaveLength(1);
});

test("while Slack cannot say who may approve, the card is made all the same", async () => {
  const away = approversOf(() => err(failure("unavailable", "directory.away", "Slack could not be asked")));
  await testBot(fresh.db, { now: () => at(20), approvers: away }).passes.deletions.openDeletion(nine("ben") as never, []);
  expect(await live()).toHaveLength(1);
});

test("a rejection is a vote although CloudStack was never asked for the managed root", async () => {
  const row = await proposeOne(fresh.db);
  const bot = testBot(fresh.db, {
    reader: { readManagedRoot: async () => err(failure("unavailable", "cloudstack.away", "CloudStack is away")) },
    approvers: approversOf(() => ok(["ada", "ben"])),
    now: () => at(20),
  });
  const click = { deletionId: row.id, version: row.version, digest: row.digest, by: asker("ada") };
  expect((await bot.services.deletions.reject({ ...click, reason: "we need it" })).ok).toBe(true);
  const Vote = z.object({ voter: z.string(), verdict: z.string() });
  expect(await fresh.db.many(Vote, "select voter, verdict from ballot")).toEqual([{ voter: "ci:ada", verdict: "reject" }]);
});

test("before a step, Slack is asked again about those who voted", async () => {
  const { row, bot } = await approveIn(await smallWorld(fresh.db));
  const counted: (readonly string[])[] = [];
  const { approversNow } = bot.parts.slack.approvers;
  const heard = async (voters: readonly ReturnType<typeof op>[] = []) => {
    counted.push(voters);
    return approversNow(voters);
  };
  await bot.with({ approvers: { approversNow: heard }, now: () => at(130) }).advance(row.id);
  expect(counted).toContainEqual([op("ada"), op("ben")]);
});

test("a rejection before the question was put ends the deletion, and is no vote", async () => {
  const row = await openOne(fresh.db);
  const bot = testBot(fresh.db, { now: () => at(20) });
  const click = { deletionId: row.id, version: row.version, digest: row.digest, by: asker("ada") };
  expect(await bot.services.deletions.reject({ ...click, reason: "we need it" })).toMatchObject({ ok: true, value: { phase: "closed" } });
  expect(await fresh.db.many(z.object({}), "select from ballot")).toEqual([]);
});
