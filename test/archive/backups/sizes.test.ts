/**
 * Claims: what a project holds is counted once and for the right project, and one complete look a day is kept, or none at all. What
 * an inventory comes to is a pure function; the looks are the bot's own schedule.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addManagedRoot } from "../../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../../emulators/cloudstack/server.ts";
import { bytesOf, measureInventory } from "../../../src/archive/backups/sizes.ts";
import { type Measurement, readMeasurements } from "../../../src/store/backup-sizes.ts";
import { failure } from "../../../src/core/failure.ts";
import type { DomainId, DomainPath, ProjectId } from "../../../src/core/ids.ts";
import { err, ok } from "../../../src/core/result.ts";
import { createEvents } from "../../../src/events.ts";
import { recordManagedDomains } from "../../../src/store/managed.ts";
import type { InventoryItem } from "../../../src/core/inventory.ts";
import { botCloud, valueOf } from "../../cloudstack/support.ts";
import { testBot, type PartsChange } from "../../support/bot.ts";
import { at, item } from "../../support/deletions.ts";
import { freshDatabase, type FreshDatabase } from "../../support/database.ts";

const root = "00000000-0000-4000-8000-000000000001" as DomainId;
const aurora = "00000000-0000-4000-8000-00000000000a" as DomainId;
const inAurora = "00000000-0000-4000-8000-0000000000aa";
const stranger = "00000000-0000-4000-8000-00000000000b";
const path = "ROOT/ci" as DomainPath;
const managed = [{ domainId: aurora, projectId: "p-1" as ProjectId }];
const domain = (id: string, name: string, parentId: string): InventoryItem => item("child_domain", name, { id, parentId });
const account = (id: string, parentId: string): InventoryItem => item("account", id, { id, accountId: id as never, parentId });
const owned = (kind: InventoryItem["kind"], name: string, accountId: string, more: Partial<InventoryItem>): InventoryItem =>
  item(kind, name, { accountId: accountId as never, ...more });
const items: readonly InventoryItem[] = [
  domain(aurora, "aurora", root),
  domain(inAurora, "sub", aurora),
  domain(stranger, "old-lab", root),
  account("acc-a", aurora),
  account("acc-sub", inAurora),
  account("acc-b", stranger),
  item("cloudstack_project", "cp", { id: "cp-1", parentId: aurora }),
  owned("machine", "m", "acc-a", { bytes: 999 }),
  owned("volume", "v", "acc-a", { bytes: 100, facts: { physicalBytes: 7 } }),
  item("volume", "v-cp", { bytes: 50, facts: { projectId: "cp-1" } }),
  owned("snapshot", "s", "acc-sub", { bytes: 100, facts: { physicalBytes: 30 } }),
  owned("template", "t", "acc-a", { bytes: 40, facts: { physicalBytes: 40 } }),
  owned("template", "no size", "acc-a", { bytes: null }),
  owned("network", "n", "acc-a", { bytes: 12 }),
  owned("volume", "v-b", "acc-b", { bytes: 5 }),
  item("snapshot", "nobody's", { bytes: 3 }),
];
const inventory = { domainId: root, path, items, obstacles: [], asOf: at(1000) };

describe("an inventory of the root", () => {
  const measured = measureInventory(inventory, managed);
  test("counts for the project above, also from child domains and CloudStack projects", () => {
    expect(measured.sizes.map((s) => [s.slug, s.kind, s.things, s.bytes])).toEqual([
      ["aurora", "machine", 1, 0],
      ["aurora", "volume", 2, 150],
      ["aurora", "snapshot", 1, 30],
      ["aurora", "template", 2, 40],
      ["aurora", "iso", 0, 0],
    ]);
  });
  test("leaves nothing out: what belongs to no managed project is told too", () => {
    expect(measured.otherBytes).toBe(8);
  });
  test.each([
    [{ kind: "snapshot", bytes: 100, facts: { physicalBytes: 0 } }, 100],
    [{ kind: "snapshot", bytes: 100, facts: { physicalBytes: 30 } }, 30],
    [{ kind: "template", bytes: null, facts: {} }, 0],
    [{ kind: "volume", bytes: 100, facts: { physicalBytes: 30 } }, 100],
    [{ kind: "machine", bytes: 100, facts: {} }, 0],
  ] as const)("%j counts %d bytes", (thing, bytes) => {
    expect(bytesOf(thing)).toBe(bytes);
  });
  test("a circle of parents ends, and belongs to nobody", () => {
    const circle = [
      domain("x", "x", "y"),
      domain("y", "y", "x"),
      account("acc-x", "x"),
      owned("volume", "v", "acc-x", { bytes: 1 }),
      domain(aurora, "aurora", root),
    ];
    expect(measureInventory({ ...inventory, items: circle }, managed).otherBytes).toBe(1);
  });
  test("a project whose domain is not listed has no sizes at all, instead of zeros", () => {
    expect(measureInventory({ ...inventory, items: [] }, managed).sizes).toEqual([]);
  });
});

describe("a CloudStack", () => {
  let emulator: CloudStackEmulator;
  let measured: Measurement;
  beforeAll(async () => {
    emulator = await startCloudStackEmulator({ port: 0, jobMs: 5 });
    const ci = addManagedRoot(emulator);
    const domains = ["aurora", "borealis"].map((name) => emulator.addDomain({ name, parent: ci }) as DomainId);
    const [first = "", second = ""] = domains.map((d, i) => emulator.addAccount({ domain: d, name: `a${i}` }).accountId);
    const machine = emulator.addMachine({ account: first, name: "m" });
    emulator.addVolume({ account: first, name: "data", machine, size: 3000 });
    emulator.addSnapshot({ machine, name: "s" });
    emulator.addTemplate({ account: second, name: "t", bytes: 12_345 });
    const project = emulator.addProject({ account: second, name: "cp" });
    emulator.addVolume({ account: project.accountId, name: "in-cp", size: 70_000 });
    const { reader } = botCloud(emulator);
    const inventoryOfRoot = valueOf(await reader.readInventory(ci as DomainId, "ROOT/ci" as DomainPath));
    measured = measureInventory(
      inventoryOfRoot,
      domains.map((domainId, i) => ({ domainId, projectId: `p-${i}` as ProjectId })),
    );
  });
  afterAll(() => emulator.close());

  test("is measured with one inventory of its root, CloudStack projects included", () => {
    const of = (slug: string, kind: string) => measured.sizes.find((s) => s.slug === slug && s.kind === kind);
    expect(of("aurora", "machine")).toMatchObject({ things: 1, bytes: 0 });
    expect(of("aurora", "volume")?.things).toBe(2);
    expect(of("aurora", "snapshot")?.things).toBe(1);
    expect(of("borealis", "template")).toMatchObject({ projectId: "p-1", things: 1, bytes: 12_345 });
    expect(of("borealis", "volume")).toMatchObject({ things: 1, bytes: 70_000 });
    expect(measured.otherBytes).toBe(0);
  });
});

describe("the history", () => {
  let fresh: FreshDatabase;
  beforeAll(async () => {
    fresh = await freshDatabase();
  });
  afterAll(() => fresh.drop());
  const day = 24 * 3600_000;
  /** Runs the bot's schedule at a time; gives why nothing was measured. */
  async function measure(now: number, reader: PartsChange["reader"] = {}): Promise<readonly string[]> {
    const failed: string[] = [];
    const bot = testBot(fresh.db, {
      reader: {
        readManagedRoot: async () => ok({ id: root, ancestors: [] }),
        readInventory: async () => ok({ ...inventory, asOf: at(now) }),
        ...reader,
      },
      events: { ...createEvents("silent", "test"), failed: (_fact, f) => void failed.push(f.code) },
      now: () => at(now),
    });
    await bot.schedules.find((one) => one.name === "measure-fleet")?.run();
    return failed;
  }
  const manageAurora = () =>
    recordManagedDomains(
      fresh.db,
      managed.map((m) => ({ ...m, generation: 1, origin: "created" })),
      1,
    );

  test("a read that fails leaves no row", async () => {
    expect(await measure(0)).toEqual(["backup.nothing_managed"]);
    await manageAurora();
    const broken = async () => err(failure("unavailable", "cloudstack.unreachable", "CloudStack does not answer"));
    expect(await measure(0, { readInventory: broken })).toEqual(["cloudstack.unreachable"]);
    expect(await measure(0, { readManagedRoot: broken })).toEqual(["cloudstack.unreachable"]);
    expect(await readMeasurements(fresh.db, 0)).toEqual([]);
  });

  test("has one look a day, the first", async () => {
    await manageAurora();
    for (const look of [5 * day + 10, 5 * day + 20, 6 * day + 1]) expect(await measure(look)).toEqual([]);
    const history = await readMeasurements(fresh.db, 0);
    expect(history.map((m) => [m.at, m.otherBytes, m.sizes.length])).toEqual([
      [5 * day + 10, 8, 5],
      [6 * day + 1, 8, 5],
    ]);
    expect(history[0]?.sizes.find((s) => s.kind === "volume")).toEqual({
      projectId: "p-1",
      slug: "aurora",
      kind: "volume",
      things: 2,
      bytes: 150,
    });
    expect(await readMeasurements(fresh.db, 6 * day)).toHaveLength(1);
    for (let d = 7; d < 40; d += 1) await measure(d * day);
    const thinned = await readMeasurements(fresh.db, 0, 30 * day);
    expect(thinned.map((m) => m.at / day)).toEqual([7, 14, 21, 28, ...Array.from({ length: 10 }, (_, i) => 30 + i)]);
    expect(thinned.every((m) => m.sizes.length === 5)).toBe(true);
  });

  test.each(["backup_measurement", "backup_size", "backup_content"])("%s only grows", async (table) => {
    await expect(fresh.db.exec(`truncate ${table} cascade`)).rejects.toThrow(/only grows|refused/);
    if (table !== "backup_content") await expect(fresh.db.exec(`delete from ${table}`)).rejects.toThrow(/only grows|refused/);
  });
});
