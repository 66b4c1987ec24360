/**
 * Claim INV-1: what the CI database says is believed only where the server says of itself that it is the database, with the views, that two
 * people confirmed, whatever the address says; otherwise every pass is held and every deletion waits, with a sentence that says what differs.
 */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { CiDatabase } from "../../src/cidb/read.ts";
import { failure } from "../../src/core/failure.ts";
import type { DomainPath, ProjectId } from "../../src/core/ids.ts";
import type { DatabaseSource } from "../../src/core/policy.ts";
import { err, ok } from "../../src/core/result.ts";
import type { Asker } from "../../src/core/people.ts";
import { takePassage } from "../../src/deletion/passage.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import { askAboutScope } from "../../src/policy/service.ts";
import { readPolicy } from "../../src/store/policies.ts";
import type { DeletionRow } from "../../src/store/deletions.ts";
import { nothingObserved } from "../../src/sync/planning/observed.ts";
import { resetDatabase } from "../sim/reset.ts";
import { team } from "../sim/people.ts";
import { botCi, configOf, putInForce, type TestBot } from "../support/bot.ts";
import { copyOf, emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { approveIn, looseLimits, smallWorld } from "../support/small-world.ts";
import { createCi, setCi, type CiTruth } from "../sync/lossy-ci.ts";

const root = "ROOT/ci" as DomainPath;
const reader = `source_${process.pid}`;
let own: FreshDatabase;
let base: FreshDatabase;
let url: string;
let row: DeletionRow;
let bot: TestBot;
let ci: CiDatabase;
let cards: PolicyChangeView[];

const truthOf = (id: string): CiTruth => ({ users: ["ann"], projects: [{ id, slug: "a", closed: true, members: ["ann"] }] });
/** On a server, in one of its databases. */
async function withClient(at: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: at });
  await client.connect();
  await work(client).finally(() => client.end());
}
const asAdmin = (sql: string) => withClient(base.url, (client) => client.query(sql));
const open = (at = url): CiDatabase => botCi(at, () => 10, null, own.db);
const botOn = (ciNow: CiDatabase): TestBot =>
  bot.with({
    ci: ciNow,
    reader: { readFleet: async () => err(nothingObserved({ kind: "fleet", root }, 10 as never, "not asked here")) },
    changes: { showChange: async (v) => void (cards = [...cards.filter((c) => c.id !== v.id), v]) },
    approvers: { resolve: async () => ok(team.slice(0, 3).map((p) => p.operator)) },
  });
/** The database that answers now is confirmed. */
async function confirm(source: DatabaseSource | undefined): Promise<void> {
  const { scope } = configOf().policy;
  await putInForce(own.db, { ...looseLimits, scope: { ...scope, ...(source === undefined ? {} : { source }) } });
}
async function sourceOf(of: CiDatabase): Promise<DatabaseSource> {
  const read = await of.readSource();
  if (!read.ok || read.value === null) throw new Error("the CI database did not say which it is");
  return read.value;
}
const holds = async (on: TestBot): Promise<readonly string[]> => {
  const done = await on.runPass(null, { kind: "schedule" });
  return done.ok ? done.value.plan.holds.filter((h) => h.kind === "desired_partial").map((h) => h.sentence) : [done.error.message];
};
const approve = (who: number) =>
  botOn(ci).services.policy.approve({ changeId: cards.at(-1)?.id ?? "", digest: cards.at(-1)?.digest ?? "", by: team[who] as Asker });

/** Nothing is believed: a pass is held with these words, the step waits with them, and two people are asked. */
async function expectHeld(words: string): Promise<void> {
  const now = botOn(ci);
  expect(await holds(now)).toEqual([expect.stringContaining(words)]);
  const refused = { reason: "scope_unconfirmed", kind: "unavailable", message: expect.stringContaining(words) };
  expect(await takePassage(row, now.deletions)).toMatchObject({ ok: false, error: refused });
  expect(cards.filter((c) => c.state === "proposed")).toHaveLength(1);
}

/** Two people confirm what answers now, and it is believed again. */
async function expectConfirmed(): Promise<void> {
  expect(await approve(0)).toMatchObject({ ok: true, value: { applied: false } });
  expect(await approve(1)).toMatchObject({ ok: true, value: { applied: true } });
  expect(await takePassage(row, botOn(ci).deletions)).toMatchObject({ ok: true });
  expect(await holds(botOn(ci))).toEqual([]);
  expect((await readPolicy(own.db))?.body.scope.source).toEqual(await sourceOf(ci));
}

beforeAll(async () => {
  own = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(own.db);
  base = await emptyDatabase();
  ({ row, bot } = await approveIn(await smallWorld(own.db)));
  await withClient(base.url, async (client) => {
    await createCi(client, reader);
    await setCi(client, reader, truthOf(row.project_id), []);
    const { evidence: e } = row;
    const { closedAt, closedBy } = e.kind === "closed" ? e : { closedAt: null, closedBy: null };
    await client.query("update base_project set closed_at = to_timestamp($1::float8 / 1000), closed_by = $2", [closedAt, closedBy]);
  });
  cards = [];
  const login = new URL(base.url);
  login.username = reader;
  url = login.href;
  ci = open();
  await confirm(await sourceOf(ci));
});
afterEach(async () => {
  await ci.close();
  await asAdmin(`drop owned by ${reader}; drop role ${reader}`);
  await base.drop();
});
afterAll(() => own.drop());

test("the confirmed one is believed, and nobody is asked; nor behind another address", async () => {
  expect(await takePassage(row, botOn(ci).deletions)).toMatchObject({ ok: true });
  const elsewhere = botOn(ci).with({ config: configOf({ CI_DATABASE_URL: "postgres://reader@failover-address:6432/ci" }) });
  await askAboutScope(elsewhere.policy);
  expect(cards).toEqual([]);
  expect(await takePassage(row, elsewhere.deletions)).toMatchObject({ ok: true });
});

test("another database behind the same address", async () => {
  await Promise.all([ci.close(), base.db.close()]);
  const other = await copyOf(base.url);
  await other.db.close();
  const [name, otherName] = [base, other].map((of) => new URL(of.url).pathname.slice(1));
  const server = Object.assign(new URL(base.url), { pathname: "/postgres" }).href;
  await withClient(server, async (client) => {
    await client.query(`alter database ${name} rename to ${name}_before`);
    await client.query(`alter database ${otherName} rename to ${name}`);
  });
  ci = open();
  await expectHeld(`this is not the CI database that was confirmed: the database is ${name} (`);
  await expectConfirmed();
  await withClient(server, (client) => client.query(`drop database ${name}_before`));
});

test("a view with another definition: what differs is said, by name", async () => {
  await asAdmin(
    "create or replace view twokey_projects with (security_invoker = true) as select * from base_project where state = 'closed'",
  );
  await expectHeld("the view public.twokey_projects has another definition than the confirmed one");
  await expectConfirmed();
});

test("a view of the same name in a schema that the role's search_path names first is not read", async () => {
  await asAdmin(`create schema elsewhere; grant usage on schema elsewhere to ${reader};
    create view elsewhere.twokey_users as select * from public.twokey_users; grant select on elsewhere.twokey_users to ${reader};
    alter role ${reader} in database ${new URL(base.url).pathname.slice(1)} set search_path = elsewhere, public`);
  await ci.close();
  ci = open();
  expect(await holds(botOn(ci))).toEqual([]);
  expect((await sourceOf(ci)).views.users.name).toBe("public.twokey_users");
});

test("where the role may not ask for the system identifier, the server is its address", async () => {
  expect((await sourceOf(ci)).server).toMatch(/^system \d+$/);
  await asAdmin("revoke execute on function pg_catalog.pg_control_system() from public");
  await expectHeld("the server is a local socket, confirmed was system ");
  await expectConfirmed();
  await asAdmin("grant execute on function pg_catalog.pg_control_system() to public");
});

test("a scope that an earlier version confirmed by the address: people are asked once, and nothing is believed until then", async () => {
  await confirm(undefined);
  await expectHeld("nobody has confirmed yet which CI database this is: ");
  await askAboutScope(botOn(ci).policy);
  expect(cards).toHaveLength(1);
  expect(cards[0]?.before).toContain("which database answers there is not confirmed");
  await expectConfirmed();
  await askAboutScope(botOn(ci).policy);
  expect(cards.filter((c) => c.state === "proposed")).toEqual([]);
});

test("a database that does not answer cannot be confirmed", async () => {
  await confirm(undefined);
  const silent = botOn(ci).with({ ci: { readSource: async () => err(failure("unavailable", "cidb.unavailable", "no answer")) } });
  await askAboutScope(silent.policy);
  expect(cards).toEqual([]);
  const wish = { setting: "scope", text: "present", reason: "it is ours after all" };
  expect(await silent.services.policy.propose(team[0] as Asker, wish)).toMatchObject({ ok: false, error: { code: "cidb.unavailable" } });
});

test("who people are is read all the same: they are needed to confirm it", async () => {
  await confirm(undefined);
  expect(await ci.listPeople()).toMatchObject({ ok: true });
  expect(await ci.readProjectState(row.project_id as ProjectId)).toMatchObject({ ok: false, error: { code: "cidb.not_confirmed" } });
});
