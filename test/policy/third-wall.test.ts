/** Claim: PostgreSQL itself refuses a policy that two people did not approve, whatever client asks. Each wall is tried by hand-made SQL. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeEach, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { insertRow } from "../../src/store/db.ts";
import { insertPolicyChange, seedPolicy } from "../../src/store/policies.ts";
import type { TeamPolicy } from "../../src/core/policy.ts";
import { insertDeletion } from "../../src/store/deletions.ts";
import { recordVote } from "../../src/store/ballots.ts";
import type { FreshDatabase } from "../support/database.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { at, op, policy as frozen } from "../support/deletions.ts";
import { teamPolicy } from "./support.ts";

let fresh: FreshDatabase;
const body: TeamPolicy = { ...teamPolicy, graceMs: 1000 };
const digest = digestOf(body);
let id = "";
beforeEach(async () => {
  await fresh?.drop();
  fresh = await lendDatabase();
  id = randomUUID();
  await fresh.db.tx((q) => seedPolicy(q, teamPolicy, 1));
});
afterAll(() => fresh.drop());

const change = (more: object = {}) =>
  insertPolicyChange(fresh.db, {
    ...{ id, base_version: 1, setting: "grace", body, digest, proposed_by: op("ada"), proposed_by_name: "ada", reason: "why not" },
    ...{ quorum: 2, proposed_at: at(10), expires_at: at(1000) },
    ...more,
  });
const vote = (who: string, more: object = {}) =>
  recordVote(
    fresh.db,
    { kind: "policy", id },
    { voter: op(who), voterName: who, account: null, verdict: "approve", digest, reason: null, at: at(20), ...more },
  );
const version = (more: object = {}) => insertRow(fresh.db, "policy_version", { version: 2, body, change_id: id, at: at(30), ...more });
const refused = (constraint: string) => ({ kind: "constraint", constraint });

test("a version without two approvals, without a change, of another body, out of turn, or late", async () => {
  await expect(version({ change_id: null })).rejects.toMatchObject({ kind: "constraint" });
  await expect(version()).rejects.toMatchObject(refused("policy_version_change"));
  await change();
  await expect(version()).rejects.toMatchObject(refused("policy_version_quorum"));
  await vote("ben");
  await expect(version()).rejects.toMatchObject(refused("policy_version_quorum"));
  await vote("chen");
  await expect(version({ body: { ...body, quorum: 9 } })).rejects.toMatchObject(refused("policy_version_change"));
  await expect(version({ version: 3 })).rejects.toMatchObject(refused("policy_version_next"));
  await expect(version({ at: at(1000) })).rejects.toMatchObject(refused("policy_version_change"));
  await version();
  await expect(version({ version: 3 })).rejects.toMatchObject(refused("policy_version_change"));
});

test("a rejection ends it, whoever else approves", async () => {
  await change();
  await vote("zoe", { verdict: "reject" });
  await vote("ben");
  await vote("chen");
  await expect(version()).rejects.toMatchObject(refused("policy_version_quorum"));
});

test("votes of the proposer, of one person twice, on another digest, out of time", async () => {
  await change();
  await expect(vote("ada")).rejects.toMatchObject(refused("ballot_requester"));
  await expect(vote("ben", { digest: digestOf("x") })).rejects.toMatchObject(refused("ballot_digest"));
  await expect(vote("ben", { at: at(9) })).rejects.toMatchObject(refused("ballot_early"));
  await expect(vote("ben", { at: at(1000) })).rejects.toMatchObject(refused("ballot_expired"));
  await vote("ben");
  await expect(vote("ben")).rejects.toMatchObject(refused("ballot_once"));
});

test("a change of fewer people than the policy asks, of an old policy, or born as applied", async () => {
  await expect(change({ quorum: 1 })).rejects.toMatchObject({ kind: "constraint" });
  await expect(change({ base_version: 0 })).rejects.toMatchObject(refused("policy_base"));
  await change();
  await expect(fresh.db.exec("update policy_change set body = $1", ["{}"])).rejects.toMatchObject(refused("policy_frozen_question"));
  await expect(fresh.db.exec("update policy_change set expires_at = expires_at + 1")).rejects.toMatchObject(
    refused("policy_frozen_question"),
  );
  await expect(fresh.db.exec("update policy_change set proposed_by = 'ci:x'")).rejects.toMatchObject(refused("policy_frozen_question"));
  await expect(fresh.db.exec("update policy_change set state = 'applied', ended_at = 5")).rejects.toMatchObject(refused("policy_applied"));
  await expect(fresh.db.exec("delete from policy_change")).rejects.toMatchObject({ kind: "constraint" });
  await fresh.db.exec("update policy_change set state = 'rejected', ended_at = 5");
  await expect(fresh.db.exec("update policy_change set state = 'proposed', ended_at = null")).rejects.toMatchObject(
    refused("policy_ended"),
  );
  await expect(vote("ben")).rejects.toMatchObject(refused("ballot_open"));
});

test.each(["policy_version", "ballot"])("%s only grows", async (table) => {
  await change();
  await vote("ben");
  await expect(fresh.db.exec(`delete from ${table}`)).rejects.toMatchObject(refused(`${table}_append_only`));
  await expect(fresh.db.exec(`update ${table} set at = 0`)).rejects.toMatchObject(refused(`${table}_append_only`));
});

test("a deletion that asks for fewer people than the policy in force", async () => {
  const larger = { ...teamPolicy, quorum: 3 };
  await change({ body: larger, digest: digestOf(larger), setting: "quorum" });
  for (const who of ["ben", "chen"]) await vote(who, { digest: digestOf(larger) });
  await version({ body: larger });
  const domain = randomUUID() as never;
  const deletion = {
    ...{ id: randomUUID() as never, domain_id: domain, project_id: "p" as never, slug: "a", path: "ROOT/ci/a" as never, name: "a" },
    ...{ requesters: [op("ada")], opened_at: at(1) },
    evidence: { kind: "absent" as const, projectId: "p" as never, since: at(0), reads: 30 },
  };
  const waits = { coolOffMs: larger.coolOffMs, graceMs: larger.graceMs };
  await expect(insertDeletion(fresh.db, { ...deletion, policy: { ...frozen, ...waits } })).rejects.toMatchObject(
    refused("deletion_policy_quorum"),
  );
  expect(await insertDeletion(fresh.db, { ...deletion, policy: { ...frozen, ...waits, quorum: 3 } })).toBe(true);
});
