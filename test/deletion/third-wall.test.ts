/** Claims that PostgreSQL itself refuses every forbidden write about a deletion, by the rule's name, whoever sends it. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { StoreError } from "../../src/store/store-error.ts";
import { readWaitLeft } from "../../src/store/deletions.ts";
import { putInForce } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { useRealWallClock } from "../support/fast-wall-clock.ts";
import { looseLimits } from "../support/small-world.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);
/** When the cool-off and the grace period of every deletion here end. */
const UNTIL = 5000;
const walk = ["archiving", "proposed", "cooling_off", "quarantining", "grace", "dismantling", "expunging", "removing", "deleted"];
const beyond = walk.slice(walk.indexOf("cooling_off"));

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.drop();
});

const run = (sql: string, params: readonly unknown[] = []): Promise<number> => fresh.db.exec(sql, params);

/** The name of the rule that refuses a statement; fails when nothing refuses it. */
async function refusal(statement: Promise<number>): Promise<string | null> {
  const thrown = await statement.then(
    () => "it was let through",
    (error: unknown) => error,
  );
  if (!(thrown instanceof StoreError)) throw new Error(String(thrown));
  expect(thrown.kind).toBe("constraint");
  return thrown.constraint;
}

async function insert(phase = "archiving", digest: string | null = null, domain: string = randomUUID(), quorum = 2): Promise<string> {
  const id = randomUUID();
  await run(
    `insert into deletion (id, domain_id, project_id, slug, path, name, evidence, requesters, phase, digest, quorum, policy, opened_at)
     values ($1, $2, 'p', 'apollo', 'ROOT/ci/apollo', 'apollo', '{}', array['ci:rita'], $3, $4, $5, '{"coolOffMs": 0, "graceMs": 0}', 500)`,
    [id, domain, phase, digest, quorum],
  );
  return id;
}

const vote = (id: string, voter: string, verdict = "approve", digest = A, at = 1500): Promise<number> =>
  run("insert into ballot (kind, question, voter, voter_name, verdict, digest, at) values ('deletion', $1, $2, $2, $3, $4, $5)", [
    id,
    voter,
    verdict,
    digest,
    at,
  ]);
const withdraw = (id: string, voter: string): Promise<number> => vote(id, voter, "withdraw", A, 1700);
const set = (id: string, what: string): Promise<number> => run(`update deletion set ${what} where id = $1`, [id]);
const to = (id: string, phase: string, at = UNTIL): Promise<number> =>
  run("update deletion set phase = $2, entered_at = $3, until_at = $4 where id = $1", [id, phase, at, UNTIL]);

/** A new deletion, walked by the rules to a phase; two people approve on the way. */
async function at(phase: string): Promise<string> {
  const id = await insert(phase === "archiving" ? undefined : "archiving");
  for (const next of walk.slice(1, walk.indexOf(phase) + 1)) {
    if (next === "proposed") await set(id, `phase = 'proposed', digest = '${A}', proposed_at = 1000, expires_at = 2000, entered_at = 1000`);
    else await to(id, next);
    if (next === "proposed" && phase !== "proposed") {
      await vote(id, "ci:ada");
      await vote(id, "ci:bob");
    }
  }
  return id;
}

const phaseOf = async (id: string): Promise<string> =>
  (await fresh.db.one(z.object({ phase: z.string() }), "select phase from deletion where id = $1", [id])).phase;

test("a deletion goes through all phases with two votes of two people", async () => {
  const id = await insert();
  await set(id, `phase = 'proposed', digest = '${A}', proposed_at = 1000, expires_at = 2000`);
  await vote(id, "ci:ada");
  await vote(id, "ci:bob");
  for (const next of beyond) {
    await to(id, next);
    expect(await phaseOf(id)).toBe(next);
  }
  const row = await fresh.db.one(z.object({ version: z.number() }), "select version from deletion where id = $1", [id]);
  expect(row.version).toBe(walk.length);
});

describe("a birth", () => {
  test.each([...walk.slice(1), "closed", "frozen"])("in the phase %s is refused", async (phase) => {
    await expect(insert(phase)).rejects.toMatchObject({ kind: "constraint", constraint: "deletion_birth" });
  });
  test("with a digest is refused", async () => {
    await expect(insert("archiving", A)).rejects.toMatchObject({ kind: "constraint", constraint: "deletion_birth" });
  });
  test("with a quorum of one is refused", async () => {
    await expect(insert("archiving", null, randomUUID(), 1)).rejects.toMatchObject({ constraint: "deletion_quorum_check" });
  });
  test("beside a live deletion of the same domain is refused, and allowed after that one ended", async () => {
    const domain = randomUUID();
    const first = await insert("archiving", null, domain);
    await expect(insert("archiving", null, domain)).rejects.toMatchObject({ constraint: "deletion_one_live" });
    await to(first, "closed");
    await insert("archiving", null, domain);
  });
});

describe("a vote", () => {
  test.each(walk.filter((p) => p !== "proposed"))("in the phase %s is refused", async (phase) => {
    expect(await refusal(vote(await at(phase), "ci:cyd"))).toBe("ballot_open");
  });
  test.each(["closed", "frozen"])("on a %s deletion is refused", async (phase) => {
    const id = await at("proposed");
    await to(id, phase);
    expect(await refusal(vote(id, "ci:cyd"))).toBe("ballot_open");
  });
  test.each(["approve", "reject"])("of a requester is refused: %s", async (verdict) => {
    expect(await refusal(vote(await at("proposed"), "ci:rita", verdict))).toBe("ballot_requester");
  });
  test("of the same person a second time is refused", async () => {
    const id = await at("proposed");
    await vote(id, "ci:ada");
    expect(await refusal(vote(id, "ci:ada"))).toBe("ballot_once");
    await withdraw(id, "ci:ada");
    expect(await refusal(vote(id, "ci:ada"))).toBe("ballot_once");
  });
  test("through the Slack account of somebody who voted is refused", async () => {
    const id = await at("proposed");
    const through = (voter: string, account: string): Promise<number> =>
      run(
        `insert into ballot (kind, question, voter, voter_name, slack_account, verdict, digest, at)
         values ('deletion', $1, $2, $2, $3, 'approve', $4, 1500)`,
        [id, voter, account, A],
      );
    await through("ci:ada", "T1/U1");
    expect(await refusal(through("ci:bob", "T1/U1"))).toBe("ballot_account_once");
    await through("ci:bob", "T1/U2");
  });
  test("for another digest is refused", async () => {
    expect(await refusal(vote(await at("proposed"), "ci:ada", "approve", B))).toBe("ballot_digest");
  });
  test.each([2000, 2001])("at %d, when the time ran out at 2000, is refused", async (when) => {
    expect(await refusal(vote(await at("proposed"), "ci:ada", "approve", A, when))).toBe("ballot_expired");
  });
  test("with a third verdict, or on no deletion, is refused", async () => {
    expect(await refusal(vote(await at("proposed"), "ci:ada", "maybe"))).toBe("ballot_verdict_check");
    expect(await refusal(vote(randomUUID(), "ci:ada"))).toBe("ballot_open");
  });
  test.each(["quarantining", "grace", "dismantling", "deleted"])("cannot be withdrawn in the phase %s", async (phase) => {
    expect(await refusal(withdraw(await at(phase), "ci:ada"))).toBe("ballot_withdraw");
  });
});

describe("what was written down stays:", () => {
  test.each([
    ["ballot", "at = 1"],
    ["deletion_event", "at = 1"],
    ["approved_inventory", "stored_at = 1"],
  ])("%s", async (table, change) => {
    const id = await at("cooling_off");
    await withdraw(id, "ci:ada");
    await run("insert into deletion_event (deletion_id, at, kind, data) values ($1, 1, 'x', '{}')", [id]);
    await run("insert into approved_inventory values ($1, '{}', 2)", [id]);
    expect(await refusal(run(`update ${table} set ${change}`))).toBe(`${table}_append_only`);
    expect(await refusal(run(`delete from ${table}`))).toBe(`${table}_append_only`);
    expect(await refusal(run(`truncate ${table}`))).toBe(`${table}_append_only`);
  });
  test.each(["vote", "withdrawal", "waiver", "policy_vote", "resume_vote"])("%s, which is older, takes no vote any more", async (table) => {
    const columns = await fresh.db.many(
      z.object({ name: z.string(), type: z.string() }),
      "select column_name as name, data_type as type from information_schema.columns where table_schema = 'twokey' and table_name = $1 and is_identity = 'NO'",
      [table],
    );
    const values = columns.map((c) => (c.type === "uuid" ? `'${randomUUID()}'` : c.type === "bigint" ? "1" : "'approve'"));
    expect(await refusal(run(`insert into ${table} (${columns.map((c) => c.name).join()}) values (${values.join()})`))).toBe(
      `${table}_closed`,
    );
  });
  test("a deletion, and all deletions", async () => {
    const id = await insert();
    expect(await refusal(run("delete from deletion where id = $1", [id]))).toBe("deletion_append_only");
    expect(await refusal(run("truncate deletion cascade"))).toMatch(/_append_only$/);
  });
  test("the approved inventory cannot be stored a second time", async () => {
    const id = await insert();
    await run("insert into approved_inventory values ($1, '{}', 2)", [id]);
    expect(await refusal(run("insert into approved_inventory values ($1, '{}', 3)", [id]))).toBe("approved_inventory_pkey");
  });
});

describe("the question does not change:", () => {
  test.each([
    "requesters = '{}'",
    "requesters = array['ci:zoe']",
    "quorum = 3",
    `policy = '{"quorum": 9}'`,
    "path = 'ROOT/ci/other'",
    "name = 'other'",
    "project_id = 'q'",
    "domain_id = '99999999-9999-4999-8999-999999999999'",
    "id = '99999999-9999-4999-8999-999999999998'",
  ])("%s", async (change) => {
    for (const phase of ["archiving", "proposed", "grace"]) {
      expect(await refusal(set(await at(phase), change))).toBe("deletion_frozen_question");
    }
  });
  test.each([`'${B}'`, "null"])("digest = %s", async (digest) => {
    for (const phase of ["proposed", "cooling_off", "grace", "removing"]) {
      expect(await refusal(set(await at(phase), `digest = ${digest}`))).toBe("deletion_digest");
    }
  });
});

describe("a jump", () => {
  const jumps = walk.slice(0, -1).flatMap((from, i) =>
    walk
      .filter((_, j) => j !== i && j !== i + 1)
      .filter((next) => !(from === "cooling_off" && next === "proposed"))
      .map((next) => [from, next] as const),
  );
  test.each(walk.slice(0, -1))("from %s to anywhere but the next phase is refused", async (from) => {
    const id = await at(from);
    for (const [, next] of jumps.filter(([f]) => f === from)) expect(await refusal(to(id, next))).toBe("deletion_move");
    expect(await phaseOf(id)).toBe(from);
  });
  test("to a phase that does not exist is refused", async () => {
    expect(await refusal(to(await at("proposed"), "gone"))).toMatch(/^deletion_(move|phase_check)$/);
  });
  test("through the frozen state is refused", async () => {
    const id = await at("proposed");
    await to(id, "frozen");
    for (const next of walk.filter((p) => p !== "proposed")) expect(await refusal(to(id, next))).toBe("deletion_move");
    await to(id, "proposed");
  });
  test.each(["deleted", "closed"])("out of %s is refused", async (ended) => {
    const id = await at(ended === "deleted" ? "deleted" : "grace");
    if (ended === "closed") await to(id, "closed");
    for (const next of [...walk, "closed", "frozen"].filter((p) => p !== ended)) {
      expect(await refusal(to(id, next))).toBe("deletion_ended");
    }
  });
  test("from removing back to closed is refused", async () => {
    expect(await refusal(to(await at("removing"), "closed"))).toBe("deletion_no_return");
  });
});

describe("the cool-off does not begin", () => {
  test.each<[string, readonly string[], string | null, string | null]>([
    ["without a vote", [], null, null],
    ["with one vote", ["ci:ada"], null, null],
    ["with a rejection", ["ci:ada", "ci:bob"], "ci:cyd", null],
    ["with a withdrawn vote", ["ci:ada", "ci:bob"], null, "ci:bob"],
  ])("%s", async (_, voters, rejecter, withdrawer) => {
    const id = await at("proposed");
    for (const voter of voters) await vote(id, voter);
    if (rejecter !== null) await vote(id, rejecter, "reject");
    if (withdrawer !== null) await withdraw(id, withdrawer);
    expect(await refusal(to(id, "cooling_off"))).toBe("deletion_quorum");
  });
  test("with two votes when the question asks for three", async () => {
    const id = await insert("archiving", null, randomUUID(), 3);
    await set(id, `phase = 'proposed', digest = '${A}', proposed_at = 1000, expires_at = 2000`);
    await vote(id, "ci:ada");
    await vote(id, "ci:bob");
    expect(await refusal(to(id, "cooling_off"))).toBe("deletion_quorum");
    await vote(id, "ci:cyd");
    await to(id, "cooling_off");
  });
});

describe("a wait", () => {
  test.each([
    ["cooling_off", "quarantining"],
    ["grace", "dismantling"],
  ])("in %s does not end early", async (from, next) => {
    const id = await at(from);
    expect(await refusal(to(id, next, UNTIL - 1))).toBe("deletion_wait");
    await to(id, next, UNTIL);
  });
  test("in the cool-off ends in nothing when a vote was withdrawn meanwhile", async () => {
    const id = await at("cooling_off");
    await withdraw(id, "ci:ada");
    expect(await refusal(to(id, "quarantining"))).toBe("deletion_quorum");
  });
});

describe("a hostile client does not get through", () => {
  const entered = (id: string, phase: string, when: string): Promise<number> => set(id, `phase = '${phase}', entered_at = ${when}`);
  test("by clearing the end of the wait", async () => {
    const id = await at("cooling_off");
    await set(id, "until_at = null").catch(() => undefined);
    await refusal(entered(id, "quarantining", "1"));
  });
  test("by moving the end of the wait", async () => {
    const id = await at("grace");
    await set(id, "until_at = 0").catch(() => undefined);
    await refusal(entered(id, "dismantling", "1"));
  });
  test("by not saying when the phase was entered", async () => {
    await refusal(entered(await at("grace"), "dismantling", "null"));
  });
  test("by rewriting where a frozen deletion stood", async () => {
    const id = await at("cooling_off");
    await to(id, "frozen");
    await set(id, "frozen_from = 'dismantling'").catch(() => undefined);
    await refusal(entered(id, "dismantling", "1"));
  });
  test("by closing from removing through the frozen state", async () => {
    const id = await at("removing");
    await to(id, "frozen");
    await refusal(to(id, "closed"));
  });
  test("by voting from before the question was put", async () => {
    await refusal(vote(await at("proposed"), "ci:ada", "approve", A, 999));
  });
  test("by extending the time to approve", async () => {
    await refusal(set(await at("proposed"), "expires_at = 9000"));
  });
  test("by rewriting the evidence", async () => {
    await refusal(set(await at("proposed"), `evidence = '{"kind": "absent"}'`));
  });
});

describe("PostgreSQL's own clock", () => {
  let real: FreshDatabase;
  beforeAll(async () => {
    real = await freshDatabase();
    await useRealWallClock(real.url);
  });
  afterAll(() => real.drop());

  const policy = (more: object): string =>
    JSON.stringify({ coolOffMs: 0, graceMs: 0, deletionsPerDay: 100, deletionsPerWeek: 100, archiveKinds: ["template"], ...more });
  const move = (id: string, phase: string): Promise<number> =>
    // The process's own times say that every wait has long ended.
    real.db.exec("update deletion set phase = $2, entered_at = $3, until_at = 5000 where id = $1", [id, phase, UNTIL]);
  async function walkTo(phase: string, limits: object): Promise<string> {
    const id = randomUUID();
    await real.db.exec(
      `insert into deletion (id, domain_id, project_id, slug, path, name, evidence, requesters, phase, quorum, policy, opened_at)
       values ($1, $2, 'p', 'apollo', 'ROOT/ci/apollo', 'apollo', '{}', array['ci:rita'], 'archiving', 2, $3, 500)`,
      [id, randomUUID(), policy(limits)],
    );
    const put = `update deletion set phase = 'proposed', digest = '${A}', proposed_at = 1000, expires_at = 2000 where id = $1`;
    await real.db.exec(put, [id]);
    for (const voter of ["ci:ada", "ci:bob"])
      await real.db.exec(
        "insert into ballot (kind, question, voter, voter_name, verdict, digest, at) values ('deletion', $1, $2, $2, 'approve', $3, 1500)",
        [id, voter, A],
      );
    for (const next of walk.slice(2, walk.indexOf(phase) + 1)) await move(id, next);
    return id;
  }

  test.each([
    ["cooling_off", "quarantining", "coolOffMs"],
    ["grace", "dismantling", "graceMs"],
  ])("%s does not end before its frozen length has passed", async (phase, next, limit) => {
    const id = await walkTo(phase, { [limit]: 400 });
    expect(await refusal(move(id, next))).toBe("deletion_wait_left");
    // Frozen and taken up again it has not passed either.
    await move(id, "frozen");
    await move(id, phase);
    expect(await refusal(move(id, next))).toBe("deletion_wait_left");
    await eventually("the wait to pass", async () => (await readWaitLeft(real.db, id)) === 0);
    await move(id, next);
  });

  test("nobody but the database writes when a phase began", async () => {
    const id = await walkTo("grace", { graceMs: 60_000 });
    for (const column of ["phase_since", "destroys_since"])
      expect(await refusal(real.db.exec(`update deletion set ${column} = 1 where id = $1`, [id]))).toBe("deletion_times");
  });

  test("a deletion is born with the waits in force, or longer ones", async () => {
    const born = (body: string): Promise<number> =>
      real.db.exec(
        `insert into deletion (id, domain_id, project_id, slug, path, name, evidence, requesters, phase, quorum, policy, opened_at)
         values ($1, $2, 'p', 'apollo', 'ROOT/ci/apollo', 'apollo', '{}', '{}', 'archiving', 2, $3, 500)`,
        [randomUUID(), randomUUID(), body],
      );
    await putInForce(real.db, { coolOffMs: 1000, graceMs: 2000 });
    const less = [{}, { coolOffMs: 1000 }, { coolOffMs: null, graceMs: 2000 }, { coolOffMs: "1000", graceMs: "2000" }];
    const shorter = [
      { coolOffMs: 999, graceMs: 2000 },
      { coolOffMs: 1000, graceMs: 0 },
    ];
    for (const body of [...less, ...shorter].map((one) => JSON.stringify(one)))
      expect(await refusal(born(body)), body).toBe("deletion_birth_waits");
    await born(policy({ coolOffMs: 1000, graceMs: 3000 }));
    await putInForce(real.db, looseLimits);
  });

  test.each([
    ["a day", { deletionsPerDay: 1 }],
    ["a week", { deletionsPerWeek: 1 }],
  ])("no more deletions begin to destroy in %s than the frozen policy allows", async (_, limit) => {
    await walkTo("dismantling", {});
    const second = await walkTo("grace", limit);
    expect(await refusal(move(second, "dismantling"))).toBe("deletion_budget");
  });

  test("the policy in force counts, when it allows less", async () => {
    await putInForce(real.db, { ...looseLimits, deletionsPerDay: 0 });
    expect(await refusal(move(await walkTo("grace", {}), "dismantling"))).toBe("deletion_budget");
    await putInForce(real.db, looseLimits);
  });
});
