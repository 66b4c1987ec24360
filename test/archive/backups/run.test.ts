/** Claims: a backup holds what was saved and read back, names what was not, never believes an old copy, and is made when due and no sooner. */
import { addManagedRoot, keysOf } from "../../../demo/keys.ts";
import { resumeByTwo } from "../../support/stop.ts";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startCloudStackEmulator } from "../../../emulators/cloudstack/server.ts";
import { createFolderStore } from "../../../src/archive/folder-store.ts";
import type { ExportSource } from "../../../src/archive/ports.ts";
import { createBackupService, type BackupServiceContext } from "../../../src/archive/backups/service.ts";
import { runBackup, type BackupRunContext } from "../../../src/archive/backups/run.ts";
import { askForBackups, type ScheduleContext } from "../../../src/archive/backups/schedule.ts";
import { createCloudStackExporter } from "../../../src/cloudstack/export/exporter.ts";
import { createCloudStackReader } from "../../../src/cloudstack/read/reader.ts";
import { answerBackups } from "../../../src/commands/backups.ts";
import { parseCommand } from "../../../src/commands/command.ts";
import type { Asker } from "../../../src/core/people.ts";
import { failure } from "../../../src/core/failure.ts";
import type { CiUserId, DomainId, DomainPath, ProjectId, Slug } from "../../../src/core/ids.ts";
import { err, ok } from "../../../src/core/result.ts";
import { findBackedUpProject, readBackupContents, readBackupRuns, type BackupRunRow } from "../../../src/store/backup-runs.ts";
import { recordStop } from "../../../src/store/stop-switch.ts";
import type { DesiredProject } from "../../../src/sync/planning/desired.ts";
import type { InventoryItem } from "../../../src/core/inventory.ts";
import { optionsFor } from "../../cloudstack/support.ts";
import { at, inventory, item, op } from "../../support/deletions.ts";
import { freshDatabase, type FreshDatabase } from "../../support/database.ts";

const DAY = 86_400_000;
const START = 1_700_000_000_000;
const running = new AbortController().signal;
let fresh: FreshDatabase;
let root: string;
let now = START;
let items: InventoryItem[] = [];
let broken = new Map<string, string>();
let opened: string[] = [];
let enqueued: string[] = [];
let projectId: ProjectId;
let domainId: DomainId;

beforeAll(async () => {
  fresh = await freshDatabase();
  root = await mkdtemp(path.join(tmpdir(), "twokey-backups-"));
});
afterAll(async () => {
  await fresh.drop();
  await rm(root, { recursive: true });
});
beforeEach(() => {
  now = START;
  broken = new Map();
  opened = [];
  enqueued = [];
  projectId = `p-${randomUUID()}` as ProjectId;
  domainId = randomUUID() as DomainId;
  items = [
    item("account", "owner"),
    item("machine", "m", { facts: { osTypeId: "os-1" } }),
    item("volume", "disk"),
    item("snapshot", "s", { facts: { physicalBytes: 0 } }),
    item("template", "t"),
  ];
});

const source: ExportSource = {
  openExport: (i) => {
    opened.push(i.name);
    const why = broken.get(i.name);
    if (why !== undefined) return Promise.resolve(err(failure("rejected", why, "CloudStack would not give it")));
    const bytes = Buffer.from(`bytes of ${i.name} at ${now}`);
    return Promise.resolve(ok({ open: async () => ok({ bytes: Readable.from([bytes]), offset: 0, totalBytes: bytes.length }) }));
  },
};
const context = (more: Partial<BackupRunContext> = {}): BackupRunContext => ({
  db: fresh.db,
  readInventory: () => Promise.resolve(ok(inventory(domainId, items))),
  source,
  store: createFolderStore(root),
  now: () => at(now),
  newId: randomUUID,
  ...more,
});
const schedule = (more: Partial<ScheduleContext> = {}): ScheduleContext => ({
  db: fresh.db,
  rootPath: "ROOT/ci" as DomainPath,
  policies: { "*": "everything" },
  scheduleDays: 7,
  projects: () => Promise.resolve(ok([{ id: projectId, slug: "aurora" as Slug, state: "active" as const }])),
  managedDomains: () => Promise.resolve([{ projectId, domainId }]),
  enqueue: (id) => {
    enqueued.push(id);
    return Promise.resolve();
  },
  now: () => at(now),
  newId: randomUUID,
  ...more,
});
const runs = (): Promise<readonly BackupRunRow[]> => readBackupRuns(fresh.db, projectId, 50);
const names = async (run: BackupRunRow | undefined): Promise<readonly string[]> =>
  (await readBackupContents(fresh.db, [run?.id ?? ""])).map((e) => e.name).toSorted();

/** Asks for what is due and makes it; gives the newest backup. */
async function backUp(more: Partial<ScheduleContext> = {}, with_: Partial<BackupRunContext> = {}): Promise<BackupRunRow | undefined> {
  await askForBackups(schedule(more));
  for (const id of (await runs()).filter((r) => r.ended_at === null).map((r) => r.id)) await runBackup(id, context(with_), running);
  return (await runs())[0];
}

describe("nothing is asked for", () => {
  test.each<[string, Partial<ScheduleContext>]>([
    ["without a policy", { policies: { "*": null } }],
    ["by the project's own policy", { policies: { "*": "everything", aurora: null } }],
    ["of a closed project", { projects: async () => ok([{ id: projectId, slug: "aurora" as Slug, state: "closed" }]) }],
    ["of a project without a domain", { managedDomains: async () => [] }],
  ])("%s", async (_name, more) => {
    expect(await askForBackups(schedule(more))).toEqual(ok(undefined));
    expect(await runs()).toEqual([]);
  });

  test("when the projects cannot be read", async () => {
    const away = err(failure("unavailable", "cidb.away", "The CI database is away"));
    expect(await askForBackups(schedule({ projects: async () => away }))).toBe(away);
    expect(await runs()).toEqual([]);
  });

  test("twice while one is under way: the same is put into the queue again, which takes it once", async () => {
    await askForBackups(schedule());
    await askForBackups(schedule());
    expect(await runs()).toHaveLength(1);
    expect(new Set(enqueued).size).toBe(1);
    await backUp();
  });

  test("before it is due; a failed one is due after a day", async () => {
    await backUp();
    now = START + 7 * DAY - 1;
    await backUp();
    expect(await runs()).toHaveLength(1);
    now = START + 7 * DAY;
    const away = failure("unavailable", "cloudstack.away", "CloudStack does not answer");
    expect(await backUp({}, { readInventory: async () => err(away) })).toMatchObject({ state: "failed", problem: away.message });
    now += DAY - 1;
    await backUp();
    expect(await runs()).toHaveLength(2);
    now += 1;
    expect(await backUp()).toMatchObject({ state: "complete" });
  });

  test("of more than four at a time, and those that waited longest come first", async () => {
    const many = Array.from({ length: 7 }, (_, i) => ({
      id: `${projectId}-${i}` as ProjectId,
      slug: `p${i}` as Slug,
      state: "active" as const,
    }));
    const all = {
      projects: async () => ok(many),
      managedDomains: async () => many.map((p) => ({ projectId: p.id, domainId: randomUUID() as DomainId })),
    };
    const live = async () => {
      const found = await Promise.all(many.map((p) => readBackupRuns(fresh.db, p.id, 1)));
      return found.flat().filter((r) => r.ended_at === null);
    };
    await askForBackups(schedule(all));
    expect((await live()).map((r) => r.slug)).toEqual(["p0", "p1", "p2", "p3"]);
    await askForBackups(schedule(all));
    expect(await live()).toHaveLength(4);
    for (const r of await live()) await runBackup(r.id, context(), running);
    await askForBackups(schedule(all));
    expect((await live()).map((r) => r.slug)).toEqual(["p4", "p5", "p6"]);
    for (const r of await live()) await runBackup(r.id, context(), running);
  });
});

describe("a backup", () => {
  test.each([
    ["everything", ["disk", "m", "s", "t"]],
    ["snapshots", ["s", "t"]],
    ["templates", ["t"]],
  ] as const)("by the policy %s holds %j, read back", async (policy, held) => {
    const run = await backUp({ policies: { aurora: policy, "*": null } });
    expect(run).toMatchObject({ state: "complete", policy, slug: "aurora", path: "ROOT/ci/aurora", problem: null });
    expect(await names(run)).toEqual(held);
  });

  test("saves what changes anew, and reads the rest back only", async () => {
    const first = await backUp();
    now += 7 * DAY;
    opened = [];
    const second = await backUp();
    expect(opened.toSorted()).toEqual(["disk"]);
    expect(await names(second)).toEqual(await names(first));
    const [before, after] = await Promise.all([first, second].map((r) => readBackupContents(fresh.db, [r?.id ?? ""])));
    const keys = (list: typeof before, kind: string) => list?.filter((e) => e.item_kind === kind).map((e) => [e.store_key, e.sha256]);
    expect(keys(after, "template")).toEqual(keys(before, "template"));
    expect(after?.find((e) => e.item_kind === "template")?.verified_at).toBe(now);
    for (const [kind, same] of [
      ["volume", false],
      ["machine", true],
    ] as const)
      expect(keys(after, kind)?.[0]?.[1] === keys(before, kind)?.[0]?.[1], kind).toBe(same);
  });

  test.each(["lost", "spoilt"])("does not believe an old copy that is %s: it is saved anew", async (what) => {
    const [old] = await readBackupContents(fresh.db, [(await backUp({ policies: { "*": "templates" } }))?.id ?? ""]);
    const file = path.join(root, old?.store_key.slice(0, 2) ?? "", old?.store_key ?? "");
    if (what === "lost") await rm(file);
    else await writeFile(file, "something else of another length");
    now += 7 * DAY;
    const again = await backUp({ policies: { "*": "templates" } });
    const [made] = await readBackupContents(fresh.db, [again?.id ?? ""]);
    expect(again?.state).toBe("complete");
    expect(made?.store_key).not.toBe(old?.store_key);
  });

  test("names what could not be saved and keeps the rest; nothing at all is a failure", async () => {
    broken.set("disk", "cloudstack.in_use");
    const run = await backUp();
    expect(run).toMatchObject({ state: "partial", problem: "1 of 4 could not be saved. volume disk: CloudStack would not give it" });
    expect(await names(run)).toEqual(["m", "s", "t"]);
    now += 7 * DAY;
    items = [item("volume", "disk")];
    expect(await backUp()).toMatchObject({ state: "failed" });
  });

  test("of an empty domain is complete and empty", async () => {
    items = [];
    const run = await backUp();
    expect(run?.state).toBe("complete");
    expect(await names(run)).toEqual([]);
  });

  test("that was cut off goes on where it was, and one that ended is left alone", async () => {
    const cut = new AbortController();
    await askForBackups(schedule());
    const [run] = await runs();
    const one: ExportSource = {
      openExport: (i) => {
        cut.abort(new Error("this process ends"));
        return source.openExport(i);
      },
    };
    await expect(runBackup(run?.id ?? "", context({ source: one }), cut.signal)).rejects.toThrow("this process ends");
    expect((await runs())[0]).toMatchObject({ state: "saving" });
    opened = [];
    expect(await backUp()).toMatchObject({ state: "complete" });
    expect(opened.toSorted()).toEqual(["s", "t"]);
    opened = [];
    await runBackup(run?.id ?? "", context(), running);
    expect(opened).toEqual([]);
  });

  test("an ended backup does not end again, and none is deleted", async () => {
    const run = await backUp();
    await expect(fresh.db.exec("delete from backup_run where id = $1", [run?.id])).rejects.toThrow(/only grows|refused/);
    await expect(fresh.db.exec("delete from backup_content where run_id = $1", [run?.id])).rejects.toThrow(/only grows|refused/);
    await expect(fresh.db.exec("update backup_run set ended_at = null where id = $1", [run?.id])).rejects.toThrow();
  });
});

describe("/ci-backups", () => {
  const person = (ciUserId: string | null, isTeam = false): Asker => ({
    operator: { id: op("x"), name: "X", ciUserId: ciUserId as CiUserId | null },
    isTeam,
  });
  const project = (state: "active" | "closed" = "active"): DesiredProject => ({
    id: projectId,
    slug: "aurora" as Slug,
    name: "Aurora",
    state,
    closedAt: null,
    closedBy: null,
    limits: {} as DesiredProject["limits"],
    members: [],
  });
  const service = (projectsOf: BackupServiceContext["projectsOf"]) =>
    createBackupService({
      measuring: {
        ...context(),
        rootPath: "ROOT/ci" as DomainPath,
        readRoot: () => Promise.resolve(ok({ id: domainId })),
        managedDomains: async () => [],
      },
      terms: { scheduleDays: 7, keepVersions: 4, keepDays: 90, pricePerGibMonth: 0, transferPricePerGib: 0, currency: "EUR" },
      policies: { "*": "everything" },
      projectsOf,
    });
  const desksOf = (projectsOf: BackupServiceContext["projectsOf"]) => ({
    backups: service(projectsOf),
    projects: { projectsOf, status: () => Promise.reject(new Error("not asked")) },
  });
  const mine = async (asker: Asker) => ok(asker.operator.ciUserId === "mia" || asker.isTeam ? [project()] : []);

  test("tells a stranger the same whether the project is there or not", async () => {
    await backUp();
    const theirs = await answerBackups(person("noor"), "aurora" as Slug, desksOf(mine));
    const none = await answerBackups(person("noor"), "nowhere" as Slug, desksOf(mine));
    expect(theirs.title).toBe("You have no project aurora");
    expect({ ...theirs, title: "" }).toEqual({ ...none, title: "" });
    expect((await answerBackups(person(null), null, desksOf(mine))).title).toBe("You have no project here");
  });

  test("shows a member versions, what is in the newest, when it was read back, and what failed", async () => {
    await backUp();
    now += 7 * DAY;
    broken.set("disk", "x");
    await backUp();
    const reply = await answerBackups(person("mia"), null, desksOf(mine));
    expect(reply.title).toBe("aurora: newest backup 2023-11-21 22:13 UTC");
    const text = JSON.stringify(reply.parts);
    expect(text).toContain("The next backup is due 2023-11-28 22:13 UTC");
    expect(text).toContain("2023-11-21 22:13 UTC, everything: incomplete; 3 things");
    expect(text).toContain("1 of 4 could not be saved. volume disk");
    expect(text).toContain("2023-11-14 22:13 UTC, everything: complete; 4 things");
    expect(text).toMatch(/template t, 27 B, saved and read back 2023-11-21 22:13 UTC/);
    expect(parseCommand("/ci-backups", "aurora")).toEqual(ok({ kind: "backups", slug: "aurora" }));
  });

  test("shows the team what the CI database has forgotten, and only the team", async () => {
    const slug = `gone-${randomUUID().slice(0, 8)}` as Slug;
    await backUp({ projects: async () => ok([{ id: projectId, slug, state: "active" }]) });
    expect(await findBackedUpProject(fresh.db, slug)).toBe(projectId);
    const nobodys = async () => ok([]);
    expect((await answerBackups(person("mia"), slug, desksOf(nobodys))).title).toBe(`You have no project ${slug}`);
    const reply = await answerBackups(person(null, true), slug, desksOf(nobodys));
    expect(reply.title).toContain(`${slug}: newest backup`);
    expect(JSON.stringify(reply.parts)).toContain("No new backups are made");
  });

  test("before the first says so; without a name it asks which", async () => {
    expect((await answerBackups(person("mia"), "aurora" as Slug, desksOf(mine))).title).toBe("aurora: no backup yet");
    const two = async () => ok([project(), { ...project(), slug: "b" as Slug }]);
    expect((await answerBackups(person("mia"), null, desksOf(two))).title).toBe("Which project?");
  });
});

describe("against CloudStack", () => {
  test("templates, snapshots and a free disk are saved and read back; the disk of a running machine is named", async () => {
    const emulator = await startCloudStackEmulator({ port: 0, jobMs: 5 });
    const ci = addManagedRoot(emulator);
    domainId = emulator.addDomain({ name: "aurora", parent: ci }) as DomainId;
    const account = emulator.addAccount({ domain: domainId, name: "mia" }).accountId;
    const volume = emulator.addVolume({ account, name: "free", size: 100_000, placed: true });
    emulator.addSnapshot({ volume, name: "of-free" });
    emulator.addTemplate({ account, name: "golden", bytes: 50_000, isExtractable: false });
    emulator.addMachine({ account, name: "runs" });
    const exporter = createCloudStackExporter(optionsFor({ url: emulator.url, ...keysOf(emulator).export }));
    const reader = createCloudStackReader(optionsFor({ url: emulator.url, ...keysOf(emulator).delete }));
    const cloud: Partial<BackupRunContext> = {
      readInventory: (id, p) => reader.readInventory(id, p),
      source: {
        openExport: async (i) => {
          const extracted = await exporter.extract(i);
          return extracted.ok ? ok({ open: (offset: number) => exporter.open(extracted.value, offset) }) : extracted;
        },
      },
    };
    // What the emulator serves for a disk, whatever its size.
    const emulated = 1024 ** 2;
    const run = await backUp({}, cloud);
    expect(run).toMatchObject({ state: "partial", problem: expect.stringMatching(/^1 of 5 could not be saved\. volume ROOT/) });
    const saved = await readBackupContents(fresh.db, [run?.id ?? ""]);
    expect(saved.map((e) => [e.item_kind, e.name, e.item_kind === "machine" ? 0 : e.bytes])).toEqual(
      expect.arrayContaining([
        ["machine", "runs", 0],
        ["volume", "free", emulated],
        ["snapshot", "of-free", emulated],
        ["template", "golden", 50_000],
      ]),
    );
    expect(JSON.stringify(run)).not.toContain("userdata");
    await emulator.close();
  });
});

describe("while everything is stopped", () => {
  test("nothing is begun, what is under way waits, and goes on after the resume", async () => {
    await askForBackups(schedule());
    const [run] = await runs();
    const stopping: ExportSource = {
      openExport: async () => {
        await recordStop(fresh.db, { at: at(now), kind: "stop", byOperator: op("ada"), reason: "drill" });
        return err(failure("refused", "cloudstack.stopped", "extractVolume was not sent: everything is stopped (drill)"));
      },
    };
    await runBackup(run?.id ?? "", context({ source: stopping }), running);
    expect((await runs())[0]).toMatchObject({ state: "saving", ended_at: null });
    opened = [];
    enqueued = [];
    await askForBackups(schedule());
    await runBackup(run?.id ?? "", context(), running);
    expect([opened, enqueued]).toEqual([[], []]);
    await resumeByTwo(fresh.db, at(now + 1));
    expect(await backUp()).toMatchObject({ state: "complete" });
    expect(enqueued).toEqual([run?.id]);
  });
});
