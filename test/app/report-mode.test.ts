/**
 * Claims of report mode, in the bot as it is put together: nothing is sent that changes anything, whatever keys are set; plans say what
 * would be done, once; nobody gets a button; a deletion approved before stands; only the kind whose keys are left out is held so.
 */
import { randomUUID } from "node:crypto";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CloudParts } from "../../src/app/parts.ts";
import { renderPlan } from "../../src/bot/render/plan.ts";
import { renderCard } from "../../src/bot/render/card.ts";
import { answerPlan } from "../../src/commands/passes.ts";
import type { AccountId, DomainId, DomainPath, JobId, Slug } from "../../src/core/ids.ts";
import type { Asker } from "../../src/core/people.ts";
import { ok } from "../../src/core/result.ts";
import { readLiveDeletions } from "../../src/store/deletions.ts";
import { readInstallation } from "../../src/store/installation.ts";
import { isRead } from "../../src/store/stop-switch.ts";
import { addManagedRoot } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import type { Inventory, InventoryItem } from "../../src/core/inventory.ts";
import { botCloud, grantFor, valueOf } from "../cloudstack/support.ts";
import { configOf, putInForce } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { expectRow, item, op } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { approveIn, smallWorld } from "../support/small-world.ts";
import { service } from "../sync/people.ts";

const reporting = configOf({ TWOKEY_MODE: "report" });
const without = (kind: string) => configOf({ [`CLOUDSTACK_${kind}_API_KEY`]: "", [`CLOUDSTACK_${kind}_SECRET_KEY`]: "" });
const ada: Asker = { operator: { id: op("ada"), name: "ada", ciUserId: null }, isTeam: true };

describe("no client sends what changes something", () => {
  let emulator: CloudStackEmulator;
  let found: Inventory;
  let ann: InventoryItem;
  beforeAll(async () => {
    emulator = await startCloudStackEmulator({ port: 0, jobMs: 5 });
    const alpha = emulator.addDomain({ name: "alpha", parent: addManagedRoot(emulator) }) as DomainId;
    emulator.addAccount({ domain: alpha, name: "ann" });
    found = valueOf(await botCloud(emulator).reader.readInventory(alpha, "ROOT/ci/alpha" as DomainPath));
    const account = found.items.find((i) => i.kind === "account");
    if (account === undefined) throw new Error("there is no account");
    ann = account;
    return () => emulator.close();
  });
  const sent = () => emulator.requests().filter((c) => !isRead(c.command)).length;
  const job = () => randomUUID() as JobId;
  const template = item("template", "t", { id: randomUUID(), zoneId: randomUUID() });
  const calls: readonly (readonly [string, string, (c: CloudParts) => Promise<unknown>])[] = [
    ["disable an account", "DELETE", (c) => c.deleter.quarantineAccount(grantFor(found), ann, job())],
    ["delete a domain", "DELETE", (c) => c.deleter.deleteDomain(grantFor(found), job())],
    ["lock an account", "DELETE", (c) => c.restorer.lockAccount(ann.id as AccountId, job())],
    ["set the mark", "WRITE", (c) => c.writer.addMark(randomUUID(), null)],
    ["export a template", "EXPORT", (c) => c.exports.openExport(template)],
  ];
  test.each(calls)("%s: neither in report mode nor without the key %s", async (_what, kind, call) => {
    for (const env of [{ TWOKEY_MODE: "report" }, { [`CLOUDSTACK_${kind}_API_KEY`]: "", [`CLOUDSTACK_${kind}_SECRET_KEY`]: "" }]) {
      const before = sent();
      expect(await call(botCloud(emulator, { env }))).toMatchObject({ ok: false, error: { code: "cloudstack.report_only" } });
      expect(sent()).toBe(before);
    }
    const before = sent();
    await call(botCloud(emulator));
    expect(sent(), "it is sent otherwise").toBeGreaterThan(before);
  });
});

describe("in a database", () => {
  let fresh: FreshDatabase;
  beforeEach(async () => {
    fresh = await lendDatabase();
    await putInForce(fresh.db);
  });
  afterEach(() => fresh.drop());

  const intents = (command: string) => fresh.db.exec("select from intent where command like $1", [command]);
  const force = (id: string, phase: string) =>
    fresh.db.tx(async (q) => {
      await q.exec("set local session_replication_role = replica");
      await q.exec("update deletion set phase = $2, version = version + 1 where id = $1", [id, phase]);
    });
  const messages = (s: ReturnType<typeof service>) => [...s.messages.values()].map((m) => JSON.stringify(renderPlan(m, "test")));

  test.each([
    ["report mode", reporting, "TWOKEY_MODE is report"] as const,
    ["no writing key", without("WRITE"), "WRITE_API_KEY is left out"] as const,
  ])("%s: the plan says what would be done, once, and nothing is", async (_what, config, why) => {
    const s = service(fresh.db, { beta: ["mia"] });
    const bot = s.bot(config);
    await s.pass(bot);
    const before = await intents("%");
    s.projects["beta"]?.members.add("noor");
    const record = await s.pass(bot);
    expect(record).toMatchObject({ state: "reported", outcomes: [{ outcome: "reported" }] });
    for (let i = 0; i < 3; i += 1) await s.pass(bot);
    expect([s.made, await intents("%"), await intents("add_mark")]).toEqual([[], before, 0]);
    const said = messages(s).filter((m) => m.includes("noor"));
    expect(said).toHaveLength(1);
    for (const words of ["1 change would be made, and none is", "Would be done", "create account noor", why])
      expect(said[0]).toContain(words);
    expect(JSON.stringify(await answerPlan(ada, null, bot.services.sync))).toContain(why);
    // Another change is news, and with the key all of it is done.
    s.projects["beta"]?.members.add("ivan");
    await s.pass(bot);
    expect(messages(s).filter((m) => m.includes("ivan"))).toHaveLength(1);
    expect((await s.pass()).outcomes.map((o) => o.outcome)).toEqual(["done", "done"]);
  });

  test.each([
    ["report mode", reporting] as const,
    ["no deleting key", without("DELETE")] as const,
    ["no exporting key", without("EXPORT")] as const,
  ])("%s: a closed project's domain is named, and nobody is asked about it", async (_what, config) => {
    const s = service(fresh.db, { beta: ["mia"], alpha: ["ann"] });
    await s.pass();
    Object.assign(s.projects["alpha"] ?? {}, { state: "closed" });
    const bot = s.bot(config);
    const record = await s.pass(bot);
    expect(record.plan.proposals).toHaveLength(1);
    expect(record.notAsked).toMatchObject([
      { path: "ROOT/ci/alpha", reason: expect.stringMatching(/^deletions are only reported: /) as string },
    ]);
    await s.pass(bot);
    expect(messages(s).filter((m) => m.includes("nobody is asked now"))).toHaveLength(1);
    expect(await readLiveDeletions(fresh.db)).toEqual([]);
  });

  test("only the kind without keys is reported: changes are made without the deleting key", async () => {
    const s = service(fresh.db, { beta: ["mia"] });
    await s.pass();
    s.projects["beta"]?.members.add("noor");
    expect((await s.pass(s.bot(without("DELETE")))).outcomes.map((o) => o.outcome)).toEqual(["done"]);
  });

  test("a deletion approved before stands in every phase, gets no vote and no button, and goes on with the key", async () => {
    const w = await smallWorld(fresh.db);
    const { row, bot: usual } = await approveIn(w);
    const bot = usual.with({ config: reporting });
    w.now = 130;
    for (const phase of ["cooling_off", "quarantining", "removing"] as const) {
      await force(row.id, phase);
      await bot.advance(row.id);
      expect(await expectRow(fresh.db, row.id)).toMatchObject({
        phase,
        activity: expect.stringContaining("TWOKEY_MODE is report") as string,
      });
    }
    await force(row.id, "proposed");
    const { version, digest } = await expectRow(fresh.db, row.id);
    const click = { deletionId: row.id, version, digest: digest ?? ("" as never), by: ada, typedName: null };
    expect(await bot.services.deletions.approve(click)).toMatchObject({ ok: false, error: { code: "cloudstack.report_only" } });
    const shown = await bot.services.deletions.view(row.id);
    expect(shown.ok && JSON.stringify(renderCard(shown.value, "test"))).toMatch(/^(?!.*"action_id":"approve).*deletions are only reported/);
    expect(w.calls).toEqual([]);
    await force(row.id, "cooling_off");
    await usual.advance(row.id);
    expect(w.calls).toEqual(["disable a"]);
  });

  test("exports, rebuild and reimport are refused with the reason", async () => {
    const s = service(fresh.db, { beta: ["mia"] });
    const bot = s.bot(reporting);
    const listener = { channel: "C1", user: "U1" };
    expect(await bot.services.exports.start(ada, "beta" as Slug, randomUUID(), listener)).toMatchObject({
      ok: false,
      error: { code: "cloudstack.report_only", message: "Nothing is exported or saved: TWOKEY_MODE is report" },
    });
    const say = () => undefined;
    expect(await bot.rebuild({ dryRun: false, say })).toMatchObject({ ok: false, error: { code: "cloudstack.report_only" } });
    const ask = { dryRun: false } as Parameters<typeof bot.reimport>[0];
    expect(await bot.reimport(ask, {} as never)).toMatchObject({ ok: false, error: { code: "cloudstack.report_only" } });
  });
});

test("no work of report mode touches the archive: no copy is saved, pruned or removed, nor the head of the audit log kept there", async () => {
  const fresh = await lendDatabase();
  try {
    const s = service(fresh.db, { alpha: ["ann"] });
    await putInForce(fresh.db);
    const touched: string[] = [];
    const touch = (what: string) => async () => {
      touched.push(what);
      return ok(0 as never);
    };
    const archive = { append: touch("append"), finish: touch("finish"), remove: touch("remove") };
    const bot = s.bot(reporting, { archive });
    await s.pass(bot);
    for (const one of bot.schedules) await one.run().catch(() => undefined);
    expect(touched).toEqual([]);
    expect((await readInstallation(fresh.db)).keptHash).toBeNull();
    // The same work of the whole bot does keep it.
    await s.pass(s.bot(configOf()));
    expect((await readInstallation(fresh.db)).keptHash).not.toBeNull();
  } finally {
    await fresh.drop();
  }
});
