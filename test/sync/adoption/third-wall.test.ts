/** Claim: PostgreSQL itself refuses what two people did not agree on: nothing is recorded as adopted, given back or restricted by hand-made SQL. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { AdoptionBody, AdoptionKind } from "../../../src/core/adoption.ts";
import { digestOf } from "../../../src/core/digest.ts";
import type { DomainPath } from "../../../src/core/ids.ts";
import { endAdoption, insertAdoption, recordAdopted, recordGivenBack, type AdoptionTableRow } from "../../../src/store/adoptions.ts";
import { recordVote, type CastVote } from "../../../src/store/ballots.ts";
import { insertRow } from "../../../src/store/db.ts";
import { recordManagedDomains } from "../../../src/store/managed.ts";
import { putInForce } from "../../support/bot.ts";
import type { FreshDatabase } from "../../support/database.ts";
import { at, insertWithAnyWaits, op, policy } from "../../support/deletions.ts";
import { lendDatabase } from "../../support/lent-database.ts";
import { account, accountId, domain, domainId, member, project, user } from "./world.ts";

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
});
afterEach(() => fresh.drop());

const userId = account(1, 1, "user1").users[0]?.id ?? ("" as never);
function bodyOf(kind: AdoptionKind, of = [1]): AdoptionBody {
  const accounts = [{ accountId: accountId(1), userId, ciUserId: member(1).userId, name: "user1" }];
  const domains = of.map((n) => ({ domainId: domainId(n), projectId: project(n).id, slug: project(n).slug, path: domain(n).path }));
  const more = { generation: 1, isNew: true, accounts: kind === "adopt" ? accounts : [] };
  return { kind, root: "ROOT/ci" as DomainPath, domains: domains.map((d) => ({ ...d, ...more })), rows: [], lines: [], mapped: [] };
}
async function put(kind: AdoptionKind = "adopt", more: Partial<AdoptionTableRow> = {}, body = bodyOf(kind)): Promise<AdoptionTableRow> {
  const id = randomUUID();
  const row = { id, kind, body, digest: digestOf(body), requesters: [op("chen")], proposed_by_name: "chen", quorum: 2 };
  const whole = { ...row, proposed_at: at(10), expires_at: at(1000), ...more };
  expect(await insertAdoption(fresh.db, whole)).toBe(true);
  return { ...whole, state: "proposed", ended_at: null, ended_by: null, ended_reason: null };
}
const vote = (row: AdoptionTableRow, who: string, more: Partial<CastVote> = {}) =>
  recordVote(
    fresh.db,
    { kind: "adoption", id: row.id },
    { voter: op(who), voterName: who, account: null, verdict: "approve", digest: row.digest, reason: null, at: at(20), ...more },
  );
const end = (row: AdoptionTableRow, state: AdoptionTableRow["state"] = "applied") =>
  endAdoption(fresh.db, row.id, { state, at: 30, by: null, reason: "x" });
const apply = (row: AdoptionTableRow) => fresh.db.tx((q) => recordAdopted(q, row.id, row.body, 30));
const refused = (constraint: string) => ({ kind: "constraint", constraint });
const adopted = { domainId: domainId(1), projectId: project(1).id, generation: 1, origin: "adopted" } as const;

test("nothing is adopted without a table, without two approvals, by a rejected, a decided or another table", async () => {
  await expect(fresh.db.tx((q) => recordManagedDomains(q, [adopted], 1))).rejects.toMatchObject(refused("managed_domain_adopted"));
  const row = await put();
  await expect(apply(row)).rejects.toMatchObject(refused("managed_domain_adopted"));
  await vote(row, "ada");
  await expect(apply(row)).rejects.toMatchObject(refused("managed_domain_adopted"));
  await expect(end(row)).rejects.toMatchObject(refused("adoption_quorum"));
  await vote(row, "ben");
  const other = { ...row.body, domains: bodyOf("adopt", [2]).domains };
  await expect(fresh.db.tx((q) => recordAdopted(q, row.id, other, 30))).rejects.toMatchObject(refused("managed_domain_adopted"));
  const strange = { ...row.body, domains: row.body.domains.map((d) => ({ ...d, projectId: project(2).id })) };
  await expect(fresh.db.tx((q) => recordAdopted(q, row.id, strange, 30))).rejects.toMatchObject(refused("managed_domain_adopted"));
  await apply(row);
  await end(row);
  const late = { account_id: accountId(2), user_id: userId, domain_id: domainId(1), project_id: "p-1", ci_user_id: "u-2", recorded_at: 1 };
  await expect(insertRow(fresh.db, "managed_account", { ...late, adoption: row.id })).rejects.toMatchObject(
    refused("managed_account_adopted"),
  );
  const again = await put();
  await vote(again, "ada");
  await vote(again, "zoe", { verdict: "reject" });
  await vote(again, "ben");
  await expect(end(again)).rejects.toMatchObject(refused("adoption_quorum"));
});

test("an account that is in no approved table, or another member's, is not adopted", async () => {
  const row = await put();
  for (const who of ["ada", "ben"]) await vote(row, who);
  const [one] = row.body.domains;
  for (const change of [{ accountId: accountId(9) }, { ciUserId: member(2).userId }, { userId: account(2, 1, "user2").users[0]!.id }]) {
    const body = { ...row.body, domains: [{ ...one!, accounts: one!.accounts.map((a) => ({ ...a, ...change })) }] };
    await expect(fresh.db.tx((q) => recordAdopted(q, row.id, body, 30))).rejects.toMatchObject(refused("managed_account_adopted"));
  }
  const rest = { account_id: accountId(1), user_id: userId, domain_id: domainId(1), ci_user_id: member(1).userId, recorded_at: 1 };
  await expect(insertRow(fresh.db, "managed_account", { ...rest, project_id: "p-2", adoption: row.id })).rejects.toMatchObject(
    refused("managed_account_adopted"),
  );
});

test("2,500 domains with 10,000 accounts are adopted, and given back, each within the time that a statement may take", async () => {
  const numbers = Array.from({ length: 2500 }, (_, i) => i + 1);
  const accounts = (n: number) =>
    [1, 2, 3, 4].map((m) => ({
      accountId: accountId(n * 10 + m),
      userId: user(n * 10 + m, "", "").id,
      ciUserId: member(n * 10 + m).userId,
    }));
  const small = bodyOf("adopt", numbers);
  const domains = small.domains.map((d, i) => ({ ...d, accounts: accounts(i + 1).map((a) => ({ ...a, name: "user" })) }));
  const row = await put("adopt", {}, { ...small, domains });
  for (const who of ["ada", "ben"]) await vote(row, who);
  // One row too many, in a statement of all of them.
  const more = { ...domains[0]!, domainId: domainId(6000), generation: 2, accounts: [] };
  await expect(apply({ ...row, body: { ...row.body, domains: [...domains, more] } })).rejects.toMatchObject(
    refused("managed_domain_adopted"),
  );
  await apply(row);
  await end(row);
  const back = await put("give_back", {}, { ...bodyOf("give_back"), domains });
  for (const who of ["ada", "ben"]) await vote(back, who);
  const ids = domains.map((d) => d.domainId);
  expect(await fresh.db.tx((q) => recordGivenBack(q, back.id, ids, 40))).toBe(2500);
});

test("an account is adopted into a managed domain only when what restricts there waits for a release", async () => {
  const row = await put();
  for (const who of ["ada", "ben"]) await vote(row, who);
  const [one] = row.body.domains;
  await fresh.db.tx((q) => recordAdopted(q, row.id, { ...row.body, domains: [{ ...one!, accounts: [] }] }, 30));
  await fresh.db.exec("update managed_domain set first_plan = false");
  const late = { account_id: accountId(1), user_id: userId, domain_id: domainId(1), project_id: "p-1", ci_user_id: member(1).userId };
  const insert = () => insertRow(fresh.db, "managed_account", { ...late, recorded_at: 1, adoption: row.id });
  await expect(insert()).rejects.toMatchObject(refused("managed_account_first_plan"));
  await fresh.db.tx((q) => recordAdopted(q, row.id, { ...row.body, domains: [{ ...one!, isNew: false }] }, 30));
  const Plan = z.object({ first_plan: z.boolean() });
  expect(await fresh.db.one(Plan, "select first_plan from managed_domain")).toEqual({ first_plan: true });
});

test("votes: of who asked, under whatever name, of a terminal, twice, on another digest, out of time, withdrawn", async () => {
  const row = await put();
  await expect(vote(row, "chen")).rejects.toMatchObject(refused("ballot_requester"));
  await expect(vote(row, "x", { voter: "terminal:root" as never })).rejects.toMatchObject(refused("ballot_terminal"));
  await expect(vote(row, "x", { voter: "terminal:other" as never })).rejects.toMatchObject(refused("ballot_terminal"));
  await expect(vote(row, "ben", { digest: digestOf("x") })).rejects.toMatchObject(refused("ballot_digest"));
  await expect(vote(row, "ben", { at: at(9) })).rejects.toMatchObject(refused("ballot_early"));
  await expect(vote(row, "ben", { at: at(1000) })).rejects.toMatchObject(refused("ballot_expired"));
  await vote(row, "ben");
  await expect(vote(row, "ben")).rejects.toMatchObject(refused("ballot_once"));
  await expect(vote(row, "ben", { verdict: "withdraw" })).rejects.toMatchObject(refused("ballot_withdraw"));
  await end(row, "rejected");
  await expect(vote(row, "ada")).rejects.toMatchObject(refused("ballot_open"));
});

test("what was asked at a terminal takes one approver more than the policy says, whoever writes the rows", async () => {
  const asked = (quorum: number) => put("adopt", { requesters: ["terminal:root"], quorum });
  await expect(asked(2)).rejects.toMatchObject(refused("adoption_terminal_quorum"));
  // A person's name beside the login changes nothing: whoever types may have written it.
  await expect(put("adopt", { requesters: [op("chen"), "terminal:root"] })).rejects.toMatchObject(refused("adoption_terminal_quorum"));
  await putInForce(fresh.db, { quorum: 3 });
  await expect(asked(3)).rejects.toMatchObject(refused("adoption_terminal_quorum"));
  const row = await asked(4);
  for (const who of ["ada", "ben", "chen"]) await vote(row, who);
  await expect(apply(row)).rejects.toMatchObject(refused("managed_domain_adopted"));
  await expect(end(row)).rejects.toMatchObject(refused("adoption_quorum"));
  await vote(row, "dora");
  await apply(row);
  await end(row);
});

test("a table from a terminal that was stored with two, as before this was a rule, is not decided by two", async () => {
  const row = await put();
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("update adoption set requesters = array['terminal:root'] where id = $1", [row.id]);
  });
  for (const who of ["ada", "ben"]) await vote(row, who);
  await expect(apply(row)).rejects.toMatchObject(refused("managed_domain_adopted"));
  await expect(end(row)).rejects.toMatchObject(refused("adoption_quorum"));
  await vote(row, "dora");
  await apply(row);
  await end(row);
});

test("a table of fewer people than the policy asks, born as decided, changed, decided again, or deleted", async () => {
  await putInForce(fresh.db, { quorum: 3 });
  await expect(put()).rejects.toMatchObject(refused("adoption_policy_quorum"));
  const row = await put("adopt", { quorum: 3 });
  for (const sql of ["body = '{}'", "expires_at = expires_at + 1", "requesters = array['ci:x']", "asked_as = '{}'", "quorum = 2"])
    await expect(fresh.db.exec(`update adoption set ${sql}`), sql).rejects.toMatchObject(refused("adoption_frozen_question"));
  await expect(fresh.db.exec("delete from adoption")).rejects.toMatchObject({ kind: "constraint" });
  await end(row, "expired");
  await expect(fresh.db.exec("update adoption set state = 'proposed', ended_at = null")).rejects.toMatchObject(refused("adoption_ended"));
});

test("nothing is given back without its own table of two, nor while it is under a deletion; what was given back is not deleted", async () => {
  await putInForce(fresh.db, { coolOffMs: 0, graceMs: 0 });
  const row = await put();
  for (const who of ["ada", "ben"]) await vote(row, who);
  await apply(row);
  await end(row);
  const back = await put("give_back");
  const give = () => fresh.db.tx((q) => recordGivenBack(q, back.id, [domainId(1)], 40));
  await expect(give()).rejects.toMatchObject(refused("managed_domain_given_back"));
  for (const who of ["ada", "ben"]) await vote(back, who);
  await expect(fresh.db.exec("update managed_domain set given_back = $1, deleted_at = 1", [row.id])).rejects.toMatchObject(
    refused("managed_domain_given_back"),
  );
  const open = {
    project_id: "p-1",
    slug: "p1",
    path: "ROOT/ci/p1",
    name: "p1",
    evidence: { kind: "closed" },
    requesters: [op("chen")],
    policy,
    opened_at: at(1),
  };
  const deletion = { ...open, id: randomUUID(), domain_id: domainId(1) } as unknown as Parameters<typeof insertWithAnyWaits>[1];
  await expect(
    insertRow(fresh.db, "deletion", { ...open, id: randomUUID(), domain_id: domainId(1), phase: "archiving", quorum: 2 }),
  ).rejects.toMatchObject(refused("first_plan_deletes"));
  await insertWithAnyWaits(fresh.db, deletion);
  await expect(give()).rejects.toMatchObject(refused("managed_domain_under_deletion"));
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("delete from deletion");
  });
  expect(await give()).toBe(1);
  await expect(
    insertRow(fresh.db, "deletion", { ...open, id: randomUUID(), domain_id: domainId(1), phase: "archiving", quorum: 2 }),
  ).rejects.toMatchObject(refused("first_plan_deletes"));
  await expect(fresh.db.exec("update managed_domain set given_back = null, deleted_at = null")).rejects.toMatchObject(
    refused("managed_domain_adopted"),
  );
});

test.each(["lock_account", "lower_limit", "set_role"])("an unreleased first plan: no %s is begun", async (command) => {
  const row = await put();
  for (const who of ["ada", "ben"]) await vote(row, who);
  await apply(row);
  await end(row);
  const params = JSON.stringify({ change: { domainId: domainId(1) } });
  const intent = () => insertRow(fresh.db, "intent", { id: randomUUID(), ownerKind: "pass", ownerId: "x", command, params, at: 1 });
  await expect(intent()).rejects.toMatchObject(refused("first_plan_restricts"));
  await fresh.db.exec("update managed_domain set first_plan = false");
  await intent();
});
