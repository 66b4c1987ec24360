/**
 * Claims: a project that is back ends its deletion's cool-off or grace period at the next pass, not at the end of the wait; what the CI
 * database does not say for certain, or nobody confirmed, ends none; a domain deleted by hand while it is given back is recorded as deleted.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import { failure } from "../../src/core/failure.ts";
import type { ProjectId } from "../../src/core/ids.ts";
import { err, ok } from "../../src/core/result.ts";
import { SHORT_MS } from "../../src/deletion/reasons.ts";
import { updateDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { recordManagedDomains } from "../../src/store/managed.ts";
import { resetDatabase } from "../sim/reset.ts";
import { putInForce, type TestBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow, op, openOne, updateAnyway } from "../support/deletions.ts";
import { approveReal, changeByHand, realCloud, type RealCloud } from "../support/real-cloud.ts";
import { approveIn, looseLimits, smallWorld, type SmallWorld } from "../support/small-world.ts";
import { service } from "../sync/people.ts";

const DAY = 86_400_000;
let fresh: FreshDatabase;
let w: SmallWorld;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await smallWorld(fresh.db);
});
afterAll(() => fresh.drop());

const by = { operator: { id: op("eve"), name: "Eve", ciUserId: null }, isTeam: true };

/** A deletion at the beginning of a wait of two weeks. */
async function waitingIn(phase: "cooling_off" | "grace"): Promise<{ readonly row: DeletionRow; readonly bot: TestBot }> {
  const { row, bot } = await approveIn(w);
  if (phase === "grace") {
    w.now = 130;
    await bot.advance(row.id);
  }
  await updateAnyway(fresh.db, row.id, { until_at: (w.now + 14 * DAY) as never });
  w.now += DAY;
  await bot.advance(row.id);
  const now = await expectRow(fresh.db, row.id);
  expect(now.phase).toBe(phase);
  return { row: now, bot };
}

describe("in a wait of two weeks, on its second day", () => {
  test.each([
    ["cooling_off", []],
    ["grace", ["disable a", "enable"]],
  ] as const)("%s: a project that is active again has its domain at once", async (phase, calls) => {
    const { row, bot } = await waitingIn(phase);
    w.project = "active";
    await bot.advance(row.id);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "came_back" });
    expect(w.calls).toEqual(calls);
  });

  test("another closing of the project ends what people approved", async () => {
    const { row, bot } = await waitingIn("grace");
    await bot.with({ ci: { readProjectState: async () => ok("closed_again") } }).advance(row.id);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "closed", closed_because: "changed" });
  });

  test("a CI database that cannot be read ends no wait, and keeps nothing back", async () => {
    const { row, bot } = await waitingIn("grace");
    const away = async () => err(failure("unavailable", "cidb.away", "it cannot be read"));
    await bot.with({ ci: { readProjectState: away } }).advance(row.id);
    expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase: "grace", activity: null, waiting_for: null });
  });

  test("nor does one that nobody confirmed", async () => {
    const { row, bot } = await waitingIn("grace");
    w.project = "active";
    const { scope } = bot.parts.config.policy;
    await putInForce(fresh.db, { ...looseLimits, scope: { ...scope, root: "ROOT/other" as typeof scope.root } });
    await bot.advance(row.id);
    expect((await expectRow(fresh.db, row.id)).phase).toBe("grace");
  });
});

describe("a pass", () => {
  /** A pass over one project whose deletion waits; gives what the pass put into the queue. */
  async function passOver(state: "active" | "closed", change: Parameters<typeof updateDeletion>[2] = {}): Promise<readonly string[]> {
    await resetDatabase(fresh.db);
    await putInForce(fresh.db);
    const s = service(fresh.db, { "p-1": ["mia"], other: ["ben"] });
    await s.pass();
    const row = await openOne(fresh.db, { domain: domainIdFor("p-1" as ProjectId, 1), name: "p-1" });
    await updateAnyway(fresh.db, row.id, { phase: "grace", until_at: (s.now + 14 * DAY) as never, ...change });
    await fresh.db.tx(async (q) => {
      await q.exec("set local session_replication_role = replica");
      await q.exec(`update deletion set evidence = evidence || '{"closedAt": null}'`);
    });
    Object.assign(s.projects["p-1"] ?? {}, { state });
    const queued: string[] = [];
    const bot = s.bot(undefined, { enqueue: async (name, id) => void queued.push(`${name} ${id === row.id ? "of p-1" : id}`) });
    const record = await s.pass(bot);
    expect(record.plan.holds).toEqual([]);
    return queued;
  }

  test("has a deletion looked at whose project is active again", async () => {
    expect(await passOver("active")).toEqual(["deletion of p-1"]);
  });
  test("has one looked at that waits for approvals", async () => {
    expect(await passOver("active", { phase: "proposed", until_at: null })).toEqual(["deletion of p-1"]);
  });
  test("has none looked at whose project is closed as it was", async () => {
    expect(await passOver("closed")).toEqual([]);
  });
  test("has none looked at that is given back already", async () => {
    expect(await passOver("active", { restore_by: "ada" })).toEqual([]);
  });
});

describe("a domain that is deleted by hand while it is given back", () => {
  let c: RealCloud;
  afterEach(() => c.emulator.close());

  /** Restore is pressed in the grace period, and the domain is gone before its next run. */
  async function goneMeanwhile(): Promise<DeletionRow> {
    c = await realCloud(fresh.db, (made) => void made.emulator.addTemplate({ account: made.ann, name: "golden" }));
    await approveReal(c);
    expect(await c.until(["grace"])).toBe("grace");
    const { id, domain_id: domainId, project_id: projectId } = await c.row();
    await recordManagedDomains(fresh.db, [{ domainId, projectId, generation: 1, origin: "created" }], 1);
    await changeByHand(c, "deleteAccount", { id: c.ann });
    c.w.now += DAY;
    await changeByHand(c, "deleteDomain", { id: c.domain, cleanup: "true" });
    await restore();
    return expectRow(fresh.db, id);
  }
  async function restore(): Promise<void> {
    const { id, version, digest } = await c.row();
    expect(await c.bot.services.deletions.restore({ deletionId: id, version, digest, by })).toMatchObject({ ok: true });
  }
  const deletedOnes = () => fresh.db.exec("select from managed_domain where deleted_at is not null");

  test("ends as one that somebody deleted: its project can get another one", async () => {
    await goneMeanwhile();
    await c.advance();
    const end = await c.row();
    expect(end).toMatchObject({ phase: "closed", closed_because: "gone", closed_by: null });
    expect(end.closed_reason).toContain(
      "somebody else deleted the domain: CloudStack's event log confirms it; nothing could be brought back",
    );
    expect(await deletedOnes()).toBe(1);
  });

  test("without a word of the event log people are asked first, and who then asks for it again takes it for deleted", async () => {
    await goneMeanwhile();
    const silent = c.bot.with({ reader: { hasDeletionEvent: async () => ok(false) } });
    const { id } = await c.row();
    await silent.advance(id);
    expect(await c.row()).toMatchObject({ phase: "grace", waiting_for: "domain_gone" });
    expect((await c.row()).activity).toContain("is gone, and CloudStack's event log has no deletion of it");
    c.w.now += SHORT_MS;
    await silent.advance(id);
    expect((await c.row()).phase).toBe("frozen");
    expect(await deletedOnes()).toBe(0);
    await restore();
    await silent.advance(id);
    const end = await c.row();
    expect(end).toMatchObject({ phase: "closed", closed_because: "gone" });
    expect(end.closed_reason).toContain("it was asked for again after people had been told so");
    expect(await deletedOnes()).toBe(1);
  });
});
