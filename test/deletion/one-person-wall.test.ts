/** Claim INV-2: PostgreSQL itself refuses a vote of who asked, and counts people, by every name that is known of them. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { StoreError } from "../../src/store/store-error.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { resetDatabase } from "../sim/reset.ts";

const A = "a".repeat(64);
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(() => resetDatabase(fresh.db));
afterAll(() => fresh.drop());

const run = (sql: string, params: readonly unknown[] = []): Promise<number> => fresh.db.exec(sql, params);
const know = (account: string, operator: string): Promise<number> =>
  run("insert into known_account values ($1, $2, 1)", [account, operator]);
async function ruleOf(statement: Promise<number>): Promise<string | null> {
  return statement.then(
    () => "none",
    (thrown: unknown) => (thrown instanceof StoreError ? thrown.constraint : String(thrown)),
  );
}

/** A deletion that `ci:rita` asked for, put to people. */
async function proposed(): Promise<string> {
  const id = randomUUID();
  await run(
    `insert into deletion (id, domain_id, project_id, slug, path, name, evidence, requesters, phase, quorum, policy, opened_at)
     values ($1, $2, 'p', 'apollo', 'ROOT/ci/apollo', 'apollo', '{}', array['ci:rita'], 'archiving', 2, '{"coolOffMs": 0, "graceMs": 0}', 500)`,
    [id, randomUUID()],
  );
  await run(
    "update deletion set phase = 'proposed', digest = $2, proposed_at = 1000, expires_at = 1e13, entered_at = 1000, until_at = null where id = $1",
    [id, A],
  );
  return id;
}
const vote = (id: string, voter: string, account: string | null, verdict = "approve", at = 1500): Promise<number> =>
  run(
    `insert into ballot (kind, question, voter, voter_name, slack_account, verdict, digest, at)
     values ('deletion', $1, $2, $2, $3, $4, $5, $6)`,
    [id, voter, account, verdict, A, at],
  );
const approved = (id: string): Promise<string | null> =>
  ruleOf(run("update deletion set phase = 'cooling_off', entered_at = 1600, until_at = 5000000 where id = $1", [id]));

test("through an account that was ever the requester's, nobody votes; nor anybody else that this account ever was", async () => {
  const id = await proposed();
  await know("T1/U-RITA", "ci:rita");
  await know("T1/U-RITA", "ci:rita-2");
  expect(await ruleOf(vote(id, "slack:x", "T1/U-RITA"))).toBe("ballot_requester");
  expect(await ruleOf(vote(id, "ci:bob", "T1/U-RITA"))).toBe("ballot_requester");
  expect(await ruleOf(vote(id, "ci:rita-2", "T1/U-OTHER"))).toBe("ballot_requester");
  expect(await ruleOf(vote(id, "ci:bob", "T1/U-BOB"))).toBe("none");
});

test("while no account of the requester is known, only people of the CI database vote", async () => {
  const id = await proposed();
  expect(await ruleOf(vote(id, "slack:x", "T1/U-X"))).toBe("ballot_unknown_requester");
  expect(await ruleOf(vote(id, "ci:bob", "T1/U-BOB"))).toBe("none");
  await know("T1/U-RITA", "ci:rita");
  expect(await ruleOf(vote(id, "slack:x", "T1/U-X"))).toBe("none");
});

test("an account that voted as one person does not vote as another for 30 days, on whatever question", async () => {
  const day = 86_400_000;
  expect(await ruleOf(vote(await proposed(), "ci:ada", "T1/U-ADA", "approve", 10 * day))).toBe("none");
  expect(await ruleOf(vote(await proposed(), "ci:ida", "T1/U-ADA", "approve", 11 * day))).toBe("ballot_identity");
  expect(await ruleOf(vote(await proposed(), "ci:ida", "T1/U-ADA", "approve", 41 * day))).toBe("none");
});

test("a rejection is taken whatever the account was before", async () => {
  expect(await ruleOf(vote(await proposed(), "ci:ada", "T1/U-ADA"))).toBe("none");
  expect(await ruleOf(vote(await proposed(), "ci:ida", "T1/U-ADA", "reject"))).toBe("none");
});

test("a vote of who turns out to have asked carries no phase", async () => {
  const id = await proposed();
  await vote(id, "ci:ada", "T1/U-ADA");
  await vote(id, "ci:bob", "T1/U-BOB");
  await know("T1/U-BOB", "ci:rita");
  expect(await approved(id)).not.toBe("none");
  await vote(id, "ci:cyd", "T1/U-CYD");
  expect(await approved(id)).toBe("none");
});

test("who asked is refused over however many steps", async () => {
  const id = await proposed();
  await know("T1/U-RITA", "ci:rita");
  await know("T1/U-RITA", "ci:rita-2");
  await know("T1/U-NEW", "ci:rita-2");
  await know("T1/U-NEW", "ci:rita-3");
  expect(await ruleOf(vote(id, "ci:rita-3", "T1/U-NEWER"))).toBe("ballot_requester");
  expect(await ruleOf(vote(id, "slack:x", "T1/U-NEW"))).toBe("ballot_requester");
});

test("one person has one vote, whatever they are called when they cast the second", async () => {
  const id = await proposed();
  await know("T1/U-RITA", "ci:rita");
  await know("T1/U-ADA", "ci:ada");
  await know("T1/U-ADA2", "ci:ada");
  await know("T1/U-ADA2", "ci:ada-2");
  await vote(id, "ci:ada", "T1/U-ADA");
  for (const [voter, account] of [
    ["slack:x", "T1/U-ADA2"],
    ["ci:novak", "T1/U-ADA2"],
    ["ci:ada-2", "T1/U-ADA3"],
    ["ci:ada-2", null],
  ] as const)
    expect(await ruleOf(vote(id, voter, account)), voter).toBe("ballot_person_once");
  expect(await ruleOf(vote(id, "ci:bob", "T1/U-BOB"))).toBe("none");
});

test("two votes of who turns out to be one person carry no phase, and one withdrawal takes both back", async () => {
  await know("T1/U-RITA", "ci:rita");
  const id = await proposed();
  await vote(id, "ci:ada", "T1/U-ADA");
  await vote(id, "slack:x", "T1/U-ADA2");
  await know("T1/U-ADA2", "ci:ida");
  await know("T1/U-ADA", "ci:ida");
  expect(await approved(id)).not.toBe("none");
  await vote(id, "ci:bob", "T1/U-BOB");
  await vote(id, "slack:x", "T1/U-ADA2", "withdraw");
  expect(await approved(id)).not.toBe("none");
  await vote(id, "ci:cyd", "T1/U-CYD");
  expect(await approved(id)).toBe("none");
});

test("an approval is taken back by its account, whatever that is called now", async () => {
  const id = await proposed();
  await vote(id, "ci:ada", "T1/U-ADA");
  await vote(id, "ci:bob", "T1/U-BOB");
  await vote(id, "slack:x", "T1/U-BOB", "withdraw");
  expect(await approved(id)).not.toBe("none");
});

test("a vote makes its account known, and nothing that is known is changed or forgotten", async () => {
  await vote(await proposed(), "ci:ada", "T1/U-ADA");
  expect(await run("select from known_account where slack_account = 'T1/U-ADA' and operator = 'ci:ada'")).toBe(1);
  expect(await ruleOf(run("update known_account set operator = 'ci:bob'"))).toBe("known_account_append_only");
  expect(await ruleOf(run("delete from known_account"))).toBe("known_account_append_only");
});

test("names that were only seen together are one person for 30 days after that, names that voted for ever", async () => {
  const DAYS = 86_400_000;
  await know("T1/U-ADA", "ci:bob");
  await know("T1/U-ADA", "ci:ada");
  expect(await run("select where identities_of(array['ci:bob']) @> array['ci:ada']")).toBe(1);
  const id = await proposed();
  expect(await ruleOf(vote(id, "ci:cyd", "T1/U-CYD"))).toBe("none");
  await run("insert into known_account values ('T1/U-ZOE', 'ci:zoe', $1)", [30 * DAYS]);
  expect(await run("select where identities_of(array['ci:bob']) @> array['ci:ada']")).toBe(1);
  // Seen again, it counts from then.
  await run("insert into known_account values ('T1/U-ADA', 'ci:ada', $1)", [20 * DAYS]);
  await run("insert into known_account values ('T1/U-ZOE', 'ci:zoe', $1)", [31 * DAYS]);
  expect(await run("select where identities_of(array['ci:bob']) @> array['ci:ada']")).toBe(0);
  expect(await run("select where identities_of(array['ci:ada']) @> array['T1/U-ADA']")).toBe(1);
  await run("insert into known_account values ('T1/U-ZOE', 'ci:zoe', $1)", [99 * DAYS]);
  expect(await run("select where identities_of(array['ci:ada']) @> array['T1/U-ADA']")).toBe(0);
  expect(await run("select where identities_of(array['ci:cyd']) @> array['T1/U-CYD']")).toBe(1);
  // A clock that ran ahead for a moment forgets nobody.
  await run("insert into known_account values ('T1/U-ZOE', 'ci:zoe', $1)", [9e15]);
  await run("insert into known_account values ('T1/U-YAN', 'ci:yan', (extract(epoch from now()) * 1000)::bigint)");
  expect(await run("select where identities_of(array['ci:yan']) @> array['T1/U-YAN']")).toBe(1);
});
