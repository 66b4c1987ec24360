/** Claims: a backup holds what was saved and read back, names what was not, never believes an old copy, and is made when due and no sooner. */
import { addManagedRoot } from "../../../demo/keys.ts";
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
import { renderReply } from "../../../src/bot/render/reply.ts";
import { answerBackups } from "../../../src/commands/backups.ts";
import { parseCommand } from "../../../src/commands/command.ts";
import type { Asker } from "../../../src/core/people.ts";
import type { Policy } from "../../../src/core/backup-policy.ts";
import { failure } from "../../../src/core/failure.ts";
import type { CiUserId, DomainId, ProjectId, Slug } from "../../../src/core/ids.ts";
import { err, ok } from "../../../src/core/result.ts";
import { findBackedUpProject, readBackupContents, readBackupRuns, type BackupRunRow } from "../../../src/store/backup-runs.ts";
import { recordManagedDomains } from "../../../src/store/managed.ts";
import { recordStop } from "../../../src/store/stop-switch.ts";
import type { DesiredProject } from "../../../src/sync/planning/desired.ts";
import type { InventoryItem } from "../../../src/core/inventory.ts";
import { createEvents } from "../../../src/events.ts";
import { botCloud } from "../../cloudstack/support.ts";
import { configOf, testBot, type PartsChange, type TestBot } from "../../support/bot.ts";
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
let failed: string[] = [];
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
beforeEach(async () => {
  now = START;
  broken = new Map();
  opened = [];
  enqueued = [];
  failed = [];
  projectId = `p-${randomUUID()}` as ProjectId;
  domainId = randomUUID() as DomainId;
  items = [
    item("account", "owner"),
    item("machine", "m", { facts: { osTypeId: "os-1" } }),
    item("volume", "disk"),
    item("snapshot", "s", { facts: { physicalBytes: 0 } }),
    item("template", "t"),
  ];
  await manage(projectId, domainId);
});
const manage = (project: ProjectId, domain: DomainId) =>
  recordManagedDomains(fresh.db, [{ projectId: project, domainId: domain, generation: 1, origin: "created" }], START);
/** A project as the CI database has it. */
const projectOf = (more: Partial<DesiredProject> = {}): DesiredProject => ({
  id: projectId,
  slug: "aurora" as Slug,
  name: "Aurora",
  state: "active",
  closedAt: null,
  closedBy: null,
  limits: {} as DesiredProject["limits"],
  members: [],
  ...more,
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
/** What a test changes: the policies, what the CI database says, or any other part. */
interface Change extends PartsChange {
  readonly policies?: Readonly<Record<string, Policy | null>>;
}
/** The bot, with an archive in a folder, and one project whose domain it manages. */
function bot({ policies = { "*": "everything" }, ...parts }: Change = {}): TestBot {
  const config = configOf();
  return testBot(fresh.db, {
    config: { ...config, backups: { ...config.backups, policies, scheduleDays: 7 } },
    ci: { projectsOf: async () => ok([projectOf()]) },
    reader: { readInventory: async () => ok(inventory(domainId, items)) },
    exports: source,
    archive: createFolderStore(root),
    enqueue: async (name, id) => void enqueued.push(`${name} ${id}`),
    events: { ...createEvents("silent", "test"), failed: (fact, f) => void failed.push(`${fact} ${f.code}`) },
    now: () => at(now),
    ...parts,
  });
}
const ask = (b: TestBot) => b.schedules.find((one) => one.name === "ask-for-backups")?.run();
const runs = (): Promise<readonly BackupRunRow[]> => readBackupRuns(fresh.db, projectId, 50);
const names = async (run: BackupRunRow | undefined): Promise<readonly string[]> =>
  (await readBackupContents(fresh.db, [run?.id ?? ""])).map((e) => e.name).toSorted();

/** Asks for what is due and makes it; gives the newest backup. */
async function backUp(change: Change = {}): Promise<BackupRunRow | undefined> {
  const b = bot(change);
  await ask(b);
  for (const id of (await runs()).filter((r) => r.ended_at === null).map((r) => r.id)) await b.work.backup(id, running);
  return (await runs())[0];
}

describe("nothing is asked for", () => {
  test.each<[string, Change]>([
    ["without a policy", { policies: { "*": null } }],
    ["by the project's own policy", { policies: { "*": "everything", aurora: null } }],
    ["of a closed project", { ci: { projectsOf: async () => ok([projectOf({ state: "closed" })]) } }],
    ["of a project without a domain", { ci: { projectsOf: async () => ok([projectOf({ id: `${projectId}-other` as ProjectId })]) } }],
  ])("%s", async (_name, change) => {
    await ask(bot(change));
    expect([await runs(), enqueued, failed]).toEqual([[], [], []]);
  });

  test("when the projects cannot be read", async () => {
    await ask(bot({ ci: { projectsOf: async () => err(failure("unavailable", "cidb.away", "The CI database is away")) } }));
    expect([await runs(), failed]).toEqual([[], ["backup.ask cidb.away"]]);
  });

  test("twice while one is under way: the same is put into the queue again, which takes it once", async () => {
    await ask(bot());
    await ask(bot());
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
    expect(await backUp({ reader: { readInventory: async () => err(away) } })).toMatchObject({ state: "failed", problem: away.message });
    now += DAY - 1;
    await backUp();
    expect(await runs()).toHaveLength(2);
    now += 1;
    expect(await backUp()).toMatchObject({ state: "complete" });
  });

  test("of more than four at a time, and those that waited longest come first", async () => {
    const many = Array.from({ length: 7 }, (_, i) => projectOf({ id: `${projectId}-${i}` as ProjectId, slug: `p${i}` as Slug }));
    for (const p of many) await manage(p.id, randomUUID() as DomainId);
    const all = bot({ ci: { projectsOf: async () => ok(many) } });
    const live = async () => {
      const found = await Promise.all(many.map((p) => readBackupRuns(fresh.db, p.id, 1)));
      return found.flat().filter((r) => r.ended_at === null);
    };
    await ask(all);
    expect((await live()).map((r) => r.slug)).toEqual(["p0", "p1", "p2", "p3"]);
    await ask(all);
    expect(await live()).toHaveLength(4);
    for (const r of await live()) await all.work.backup(r.id, running);
    await ask(all);
    expect((await live()).map((r) => r.slug)).toEqual(["p4", "p5", "p6"]);
    for (const r of await live()) await all.work.backup(r.id, running);
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

  test("saves what changed again, and reads the rest back only", async () => {
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

  test.each(["lost", "spoilt"])("does not believe an old copy that is %s: it is saved again", async (what) => {
    const [old] = await readBackupContents(fresh.db, [(await backUp({ policies: { "*": "templates" } }))?.id ?? ""]);
    const file = path.join(root, old?.store_key.slice(0, 2) ?? "", old?.store_key ?? "");
    // As each pass does: by it, the archive is known as the one that the copy was in.
    await bot().deletions.ownership.keep();
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
    await ask(bot());
    const [run] = await runs();
    const ending = bot({
      exports: {
        openExport: (i) => {
          cut.abort(new Error("this process ends"));
          return source.openExport(i);
        },
      },
    });
    await expect(ending.work.backup(run?.id ?? "", cut.signal)).rejects.toThrow("this process ends");
    expect((await runs())[0]).toMatchObject({ state: "saving" });
    opened = [];
    expect(await backUp()).toMatchObject({ state: "complete" });
    expect(opened.toSorted()).toEqual(["s", "t"]);
    opened = [];
    await bot().work.backup(run?.id ?? "", running);
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
  /** The services of a bot whose CI database says that Mia is in these projects; the team sees all of them. */
  const desks = (...projects: readonly DesiredProject[]) =>
    bot({ ci: { projectsOf: async (who) => ok(who === "mia" || who === "all" ? projects : []) } }).services;

  test("tells a stranger the same whether the project is there or not", async () => {
    await backUp();
    const theirs = await answerBackups(person("noor"), "aurora" as Slug, desks(projectOf()));
    const none = await answerBackups(person("noor"), "nowhere" as Slug, desks(projectOf()));
    expect(theirs.title).toBe("You have no project aurora");
    expect({ ...theirs, title: "" }).toEqual({ ...none, title: "" });
    expect((await answerBackups(person(null), null, desks(projectOf()))).title).toBe("You have no project here");
  });

  test("shows a member versions, what is in the newest, when it was read back, and what failed", async () => {
    await backUp();
    now += 7 * DAY;
    broken.set("disk", "x");
    await backUp();
    const reply = await answerBackups(person("mia"), null, desks(projectOf()));
    expect(reply.title).toBe("aurora: 2 backups");
    // As who reads no instants in their own zone sees them.
    const text = JSON.stringify(renderReply(reply).blocks).replaceAll(/<!date\^[^|]*\|([^>]*)>/g, "$1");
    expect(text).toContain("The newest backup is of 2023-11-21 22:13:20 UTC");
    expect(text).toContain("The next backup is due 2023-11-28 22:13:20 UTC");
    expect(text).toContain("2023-11-21 22:13:20 UTC, everything: incomplete; 3 things");
    expect(text).toContain("1 of 4 could not be saved. volume disk");
    expect(text).toContain("2023-11-14 22:13:20 UTC, everything: complete; 4 things");
    expect(text).toMatch(/template `t`, 27 B, saved and read back 2023-11-21 22:13:20 UTC/);
    expect(parseCommand("/ci-backups", "aurora")).toEqual(ok({ kind: "backups", slug: "aurora" }));
  });

  test("shows the team what the CI database has forgotten, and only the team", async () => {
    const slug = `gone-${randomUUID().slice(0, 8)}` as Slug;
    await backUp({ ci: { projectsOf: async () => ok([projectOf({ slug })]) } });
    expect(await findBackedUpProject(fresh.db, slug)).toBe(projectId);
    expect((await answerBackups(person("mia"), slug, desks())).title).toBe(`You have no project ${slug}`);
    const reply = await answerBackups(person(null, true), slug, desks());
    expect(reply.title).toBe(`${slug}: 1 backup`);
    expect(JSON.stringify(reply.parts)).toContain("No new backups are made");
  });

  test("before the first says so; without a name it asks which", async () => {
    expect((await answerBackups(person("mia"), "aurora" as Slug, desks(projectOf()))).title).toBe("aurora: no backup yet");
    const two = desks(projectOf(), projectOf({ slug: "b" as Slug }));
    expect((await answerBackups(person("mia"), null, two)).title).toBe("Which project?");
  });
});

describe("against CloudStack", () => {
  test("templates, snapshots and a free disk are saved and read back; the disk of a running machine is named", async () => {
    const emulator = await startCloudStackEmulator({ port: 0, jobMs: 5 });
    const ci = addManagedRoot(emulator);
    emulator.addDomain({ name: "aurora", parent: ci, id: domainId });
    const account = emulator.addAccount({ domain: domainId, name: "mia" }).accountId;
    const volume = emulator.addVolume({ account, name: "free", size: 100_000, placed: true });
    emulator.addSnapshot({ volume, name: "of-free" });
    emulator.addTemplate({ account, name: "golden", bytes: 50_000, isExtractable: false });
    emulator.addMachine({ account, name: "runs" });
    const { reader, exports } = botCloud(emulator);
    // What the emulator serves for a disk, whatever its size.
    const emulated = 1024 ** 2;
    const run = await backUp({ reader, exports });
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
    await ask(bot());
    const [run] = await runs();
    const stopping = async () => {
      await recordStop(fresh.db, { at: at(now), kind: "stop", byOperator: op("ada"), reason: "drill" });
      return err(failure("refused", "cloudstack.stopped", "extractVolume was not sent: everything is stopped (drill)"));
    };
    await bot({ exports: { openExport: stopping } }).work.backup(run?.id ?? "", running);
    expect((await runs())[0]).toMatchObject({ state: "saving", ended_at: null });
    opened = [];
    enqueued = [];
    await ask(bot());
    await bot().work.backup(run?.id ?? "", running);
    expect([opened, enqueued]).toEqual([[], []]);
    await resumeByTwo(fresh.db, at(now + 1));
    expect(await backUp()).toMatchObject({ state: "complete" });
    expect(enqueued).toEqual([`backup ${run?.id}`]);
  });
});
