/**
 * Claim: losing any page, row or side of a read never adds a deletion or a restriction, over several passes, with their counters of absence.
 *
 * Whole passes run through the real readers: CloudStack's answers come over HTTP through a server that spoils them, the CI database is a real
 * PostgreSQL whose views are spoiled. The oracle knows only what is true at each pass (who closed, left, or is no longer listed), and nothing
 * of the planner: an undisturbed pass must take exactly what it allows, a disturbed one nothing else. fast-check prints the seed.
 * And what is held is said in the channel: the row, the view or the page, with how to mend it.
 */
import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { randomBytes } from "node:crypto";
import { addManagedRoot } from "../../demo/keys.ts";
import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import type { CiDatabase } from "../../src/cidb/read.ts";
import { accountIdFor, domainIdFor, userIdFor } from "../../src/core/derived-ids.ts";
import type { CiUserId, Instant, ProjectId } from "../../src/core/ids.ts";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { ok } from "../../src/core/result.ts";
import { readLiveDeletions } from "../../src/store/deletions.ts";
import { botCloud } from "../cloudstack/support.ts";
import { botCi, putInForce, testBot, type TestBot } from "../support/bot.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { ciLosses, createCi, setCi, type CiLoss, type CiTruth } from "./lossy-ci.ts";
import { cloudLosses, startLossyCloud, type CloudLoss, type LossyCloud } from "./lossy-cloud.ts";

const HOUR = 3_600_000;
const PASSES = 5;
/** Absent in three reads, over two hours: passes are an hour apart. */
const absence = { reads: 3, forMs: 2 * HOUR };
const projects = ["p1", "p2", "p3", "p4", "p5", "p6"];
const users = ["u1", "u2", "u3", "u4"];
const membersOf = (i: number): readonly string[] => [users[i % 4] ?? "", users[(i + 1) % 4] ?? ""];
const reader = `reader_${randomBytes(4).toString("hex")}`;

let state: FreshDatabase;
let ciBase: FreshDatabase;
let client: pg.Client;
let cloud: CloudStackEmulator;
let lossy: LossyCloud;
let ci: CiDatabase;
let bot: TestBot;
const start = Date.UTC(2026, 0, 5);
let now = start;
/** What a pass did: kinds and names, as the writer and the opener of deletions heard them. */
let effects: Set<string>;
/** Every change that was written, and every message as Slack gets it. */
let writes: string[];
let messages: string[];

/** One life: at which pass each project closes or is no longer listed, and each member leaves. */
interface Life {
  readonly closes: readonly number[];
  readonly vanishes: readonly number[];
  readonly leaves: readonly number[];
}
const never = PASSES + 1;

function truthAt(life: Life, pass: number): CiTruth {
  return {
    users,
    projects: projects
      .map((id, i) => ({
        id,
        slug: id,
        closed: (life.closes[i] ?? never) <= pass,
        members: membersOf(i).filter((_, m) => m > 0 || (life.leaves[i] ?? never) > pass),
        ...(id === "p6" ? { limits: { user_vm: 5 } } : {}),
      }))
      .filter((_, i) => (life.vanishes[i] ?? never) > pass),
  };
}

/** All that may be taken at a pass, by what is true. */
function allowedAt(life: Life, pass: number): Set<string> {
  const allowed = new Set<string>();
  for (const [i, id] of projects.entries()) {
    const [closes, vanishes, leaves] = [life.closes[i] ?? never, life.vanishes[i] ?? never, life.leaves[i] ?? never];
    if (vanishes <= pass) {
      if (pass - vanishes + 1 >= absence.reads) allowed.add(`delete ${id}`);
    } else if (closes <= pass) allowed.add(`delete ${id}`);
    else {
      if (leaves <= pass) allowed.add(`lock ${id} ${membersOf(i)[0]}`);
      if (id === "p6") allowed.add(`lower ${id} user_vm`);
    }
  }
  return allowed;
}

beforeAll(async () => {
  [state, ciBase] = await Promise.all([freshDatabase(), emptyDatabase()]);
  client = new pg.Client({ connectionString: ciBase.url });
  await client.connect();
  await createCi(client, reader);
  const readerUrl = new URL(ciBase.url);
  readerUrl.username = reader;
  ci = botCi(readerUrl.href, () => now);
  cloud = await startCloudStackEmulator({ now: () => now, listens: false });
  const top = addManagedRoot(cloud);
  for (const [i, id] of projects.entries()) {
    const domain = cloud.addDomain({ name: id, parent: top, id: domainIdFor(id as ProjectId, 1) });
    for (const user of membersOf(i)) {
      const [project, member] = [id as ProjectId, user as CiUserId];
      const person = { email: `${user}@example.org`, firstname: "First", lastname: "Last" };
      cloud.addAccount({
        domain,
        name: user,
        id: accountIdFor(project, 1, member),
        userId: userIdFor(project, 1, member),
        ...person,
      });
    }
  }
  await recordAsMadeBefore(state.db, cloud);
  lossy = await startLossyCloud(cloud);
  const seen = botCloud(
    { url: lossy.url, findKeys: cloud.findKeys },
    { now: () => now as Instant, pageSize: 3, sleep: async () => undefined },
  );
  await putInForce(state.db, {
    ...{ absenceReads: absence.reads, absenceMs: absence.forMs, restrictionsPerPass: 100, proposalsPerPass: 100 },
    ...{ changesPerPass: 1000, restrictionsPerDay: 5000, restrictionsPerWeek: 20_000, shrinkMinShare: 0, protectedDomains: [] },
  });
  bot = testBot(state.db, {
    ci,
    reader: seen.reader,
    writer: {
      addMark: seen.writer.addMark,
      removeMark: seen.writer.removeMark,
      applyChange: async (change) => {
        writes.push(`${change.kind} ${change.projectId}`);
        if (change.kind === "lock_account") effects.add(`lock ${change.projectId} ${change.ciUserId}`);
        else if (change.kind === "lower_limit") effects.add(`lower ${change.projectId} ${change.type}`);
        return ok(undefined);
      },
    },
    plans: { showPlan: async (record) => void messages.push(JSON.stringify(renderPlan(record, "test")).replaceAll("\u200b", "")) },
    now: () => now as Instant,
  });
  await pass(truthAt({ closes: [], vanishes: [], leaves: [] }, 0), [], []);
});
afterAll(async () => {
  await Promise.all([ci.close(), lossy.close(), cloud.close()]);
  await client.query(`drop owned by ${reader} cascade; drop role ${reader}`);
  await client.end();
  await Promise.all([state.drop(), ciBase.drop()]);
});

async function pass(truth: CiTruth, onCi: readonly CiLoss[], onCloud: readonly CloudLoss[]): Promise<ReadonlySet<string>> {
  effects = new Set();
  writes = [];
  messages = [];
  await setCi(client, reader, truth, onCi);
  lossy.begin(onCloud);
  now += HOUR;
  const done = await bot.runPass(null, { kind: "schedule" });
  expect(done.ok).toBe(true);
  // A deletion that is opened is all that a pass does of it; the next pass meets the domain as if nobody had heard of it.
  for (const { project_id } of await readLiveDeletions(state.db)) effects.add(`delete ${project_id}`);
  await state.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec("delete from deletion");
  });
  return effects;
}

/** Everything as it was after the first pass, in which all was well. */
async function forget(): Promise<void> {
  await state.db.exec("update managed_domain set absent_since = null, absent_reads = 0");
  await state.db.exec("update managed_account set locked_by_us = false");
  await state.db.exec("update sync_state set projects = 6, domains = 6");
}

const soon = fc.oneof({ arbitrary: fc.constant(never), weight: 3 }, { arbitrary: fc.integer({ min: 1, max: PASSES }), weight: 1 });
/** The first project stays: a CI database without any is another test's. */
const perProject = fc.tuple(fc.constant(never), ...projects.slice(1).map(() => soon));
const lives = fc.record({
  closes: perProject,
  vanishes: perProject,
  leaves: fc.array(soon, { minLength: projects.length, maxLength: projects.length }),
});
const onCi = fc.array(fc.record({ kind: fc.constantFrom(...ciLosses), pick: fc.nat(20) }), { maxLength: 2 });
const onCloud = fc.array(
  fc.record({
    command: fc.constantFrom("listDomains" as const, "listAccounts" as const),
    nth: fc.oneof(fc.integer({ min: 0, max: 7 }), fc.constant("every" as const)),
    kind: fc.constantFrom(...cloudLosses),
    row: fc.nat(5),
    field: fc.nat(40),
    value: fc.constantFrom(null, "", 0, -1, true, "enabled", "another", [], {}, domainIdFor("p1" as ProjectId, 1)),
  }),
  { maxLength: 2 },
);
const disturbances = fc.array(fc.record({ onCi, onCloud }), { minLength: PASSES, maxLength: PASSES });
/** A deeper run: METAMORPHIC_RUNS=500 METAMORPHIC_SEED=$RANDOM npx vitest run test/sync/metamorphic.test.ts */
const RUNS = Number(process.env["METAMORPHIC_RUNS"] ?? 8);
const seed = Number(process.env["METAMORPHIC_SEED"] ?? 20170712);

/** Plays a life with its losses; gives what was taken. */
async function play(life: Life, losses: readonly Losses[]): Promise<number> {
  await forget();
  let taken = 0;
  for (let k = 1; k <= (life === quiet ? absence.reads : PASSES); k++) {
    const did = await pass(truthAt(life, k), losses[k - 1]?.onCi ?? [], losses[k - 1]?.onCloud ?? []);
    const allowed = allowedAt(life, k);
    expect(
      [...did].filter((e) => !allowed.has(e)),
      `pass ${k}`,
    ).toEqual([]);
    taken += did.size;
  }
  return taken;
}
interface Losses {
  readonly onCi: readonly CiLoss[];
  readonly onCloud: readonly CloudLoss[];
}
const quiet: Life = { closes: [], vanishes: [], leaves: [] };
const always = (one: Partial<Losses>): readonly Losses[] => Array.from({ length: PASSES }, () => ({ onCi: [], onCloud: [], ...one }));

test.for<readonly [string, Life, readonly Losses[]]>([
  ["the view of members emptied: nobody is locked", quiet, always({ onCi: [{ kind: "view_emptied", pick: 2 }] })],
  ["the view of users emptied: nobody is locked", quiet, always({ onCi: [{ kind: "view_emptied", pick: 1 }] })],
  ["the view of projects emptied: nothing is gone", quiet, always({ onCi: [{ kind: "view_emptied", pick: 0 }] })],
  ["members that a policy hides have not left", quiet, always({ onCi: [{ kind: "rows_hidden_by_policy", pick: 2 }] })],
  ["projects that a policy hides are not gone", quiet, always({ onCi: [{ kind: "rows_hidden_by_policy", pick: 3 }] })],
  [
    "a project without its id for a while, then truly gone: its absence is counted from then on",
    { ...quiet, vanishes: [never, 4] },
    [1, 2, 3].map(() => ({
      onCi: [{ kind: "null_project_id", pick: 1 } as const, { kind: "null_member_project", pick: 1 } as const],
      onCloud: [],
    })),
  ],
  [
    "an account shown in another project's domain is no leaver there",
    quiet,
    always({
      onCloud: [0, 1, 2].map((row) => ({
        command: "listAccounts",
        nth: "every",
        kind: "field_changed",
        row,
        field: "domainid",
        value: domainIdFor("p1" as ProjectId, 1),
      })),
    }),
  ],
  ["a row of accounts lost in every answer, and counted so", quiet, always({ onCloud: [lost("listAccounts")] })],
  ["a row of domains lost in every answer, and counted so", quiet, always({ onCloud: [lost("listDomains")] })],
] as const)("%s", async ([, life, losses]) => {
  await play(life, losses);
});
function lost(command: CloudLoss["command"]): CloudLoss {
  return { command, nth: "every", kind: "row_lost_and_counted_so", row: 1, field: 0, value: null };
}

test("undisturbed, a project that is no longer listed is due at the third read in a row, and not before", async () => {
  await forget();
  const life: Life = { ...quiet, vanishes: [never, 2] };
  for (let k = 1; k <= PASSES; k++) expect([k, (await pass(truthAt(life, k), [], [])).has("delete p2")]).toEqual([k, k >= 4]);
});

test("undisturbed passes take exactly what is due", async () => {
  await fc.assert(
    fc.asyncProperty(lives, async (life) => {
      await forget();
      for (let k = 1; k <= PASSES; k++)
        expect([...(await pass(truthAt(life, k), [], []))].toSorted()).toEqual([...allowedAt(life, k)].toSorted());
    }),
    { seed, numRuns: Math.ceil(RUNS / 4), endOnFailure: true },
  );
});

test("disturbed passes take nothing that is not due", async () => {
  let disturbed = 0;
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(lives, disturbances, async (life, losses) => {
      taken += await play(life, losses);
      disturbed += losses.flatMap((l) => [...l.onCi, ...l.onCloud]).length;
    }),
    { seed, numRuns: RUNS, endOnFailure: true },
  );
  // Runs in which nothing is disturbed, or nothing ever due, would prove nothing.
  expect(disturbed).toBeGreaterThan(RUNS);
  expect(taken).toBeGreaterThan(RUNS);
});

/** The one change that is due in every pass of a quiet life; the writer of these tests changes nothing. */
const due = ["lower_limit p6"];
test.for<readonly [string, CiLoss, RegExp, readonly string[]]>([
  ["a null slug", { kind: "null_slug", pick: 1 }, /twokey_projects, id p2: has no slug; give it a slug/, due],
  ["a slug with a slash", { kind: "odd_slug", pick: 0 }, /id p1: has the slug .*a\/b.*cannot name a domain; use at most 63/, due],
  ["a slug with an underscore", { kind: "odd_slug", pick: 1 }, /id p2: has the slug .*a_b.*; use at most 63/, due],
  ["a slug with a percent sign", { kind: "odd_slug", pick: 2 }, /id p3: has the slug .*a%.*; use at most 63/, due],
  ["a slug with a backslash", { kind: "odd_slug", pick: 3 }, /id p4: has the slug .*u0041.*; use at most 63/, due],
  ["a slug of 300 characters", { kind: "odd_slug", pick: 4 }, /id p5: has the slug .*300 characters.*; use at most 63/, due],
  ["two projects of one slug", { kind: "one_slug_twice", pick: 1 }, /id p2: shares the slug.*id p3: shares the slug/, due],
  ["a member without e-mail", { kind: "null_email", pick: 0 }, /twokey_users, id u1: has no usable e-mail address; give/, due],
  ["an empty view", { kind: "view_emptied", pick: 0 }, /the CI database lists no project at all/, []],
  [
    "a view without a column",
    { kind: "column_lost", pick: 3 },
    /twokey_projects of the CI database misses a column: .*slug.*Add it as docs/,
    [],
  ],
  ["a view that is not there", { kind: "view_lost", pick: 2 }, /no view twokey_memberships in public. Create it as docs/, []],
  [
    "rows that a policy hides",
    { kind: "rows_hidden_by_policy", pick: 2 },
    /hides rows of twokey_memberships from us. Give the reading role/,
    [],
  ],
] as const)("%s is held with a message that names it and the remedy, and nothing else changes", async ([, loss, words, written]) => {
  await forget();
  const truth = truthAt(quiet, 1);
  await pass(truth, [], []);
  await pass(truth, [loss], []);
  expect(messages.join("\n")).toMatch(words);
  expect(writes).toEqual(written);
});

test("a domain whose name breaks the JSON of a whole page: the message says which page, and nothing changes", async () => {
  await forget();
  cloud.addDomain({ name: String.raw`projekt \u0041`, parent: domainIdFor("p6" as ProjectId, 1) });
  await pass(truthAt({ ...quiet, leaves: [1, 1, 1], closes: [never, 1] }, 1), [], []);
  expect([...effects]).toEqual([]);
  expect(writes).toEqual([]);
  expect(messages.join("\n")).toMatch(/listDomains, page 3: the answer is not valid JSON/);
});
