/**
 * Claims: however often and by however many a template is asked for, the archive keeps one copy of it, and some of its disk stays free; its
 * link leads somewhere, goes on where a download broke off, and ends when the person leaves the project.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import type { ExportView } from "../../src/archive/export-view.ts";
import type { DomainId, ProjectId, Slug } from "../../src/core/ids.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";
import type { Asker } from "../../src/core/people.ts";
import { renderExport } from "../../src/bot/render/export.ts";
import { linkContext } from "../../src/app/archive.ts";
import { serveExport } from "../../src/archive/export-link.ts";
import { startHttpServer } from "../../src/app/http.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { readLiveExportsOf } from "../../src/store/exports.ts";
import { recordManagedDomains } from "../../src/store/managed.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { testBot, type PartsChange, type TestBot } from "../support/bot.ts";
import { at, item, op } from "../support/deletions.ts";
import { resetDatabase } from "../sim/reset.ts";

const running = new AbortController().signal;
const projectId = "p-1" as ProjectId;
const body = Buffer.from("the bytes of a template ".repeat(100));
let fresh: FreshDatabase;
let folder: string;
let downloads: string[];
let enqueued: string[];
let shown: ExportView[];
let templates: InventoryItem[];
let now: number;

beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  folder = mkdtempSync(path.join(tmpdir(), "twokey-exports-"));
  [downloads, enqueued, shown, now] = [[], [], [], 1000];
  templates = ["t-1", "t-2", "t-3", "t-4"].map((name) =>
    item("template", name, { bytes: body.length, facts: { physicalBytes: body.length, format: "QCOW2" } }),
  );
  await recordManagedDomains(fresh.db, [{ projectId, domainId: randomUUID() as DomainId, generation: 1, origin: "created" }], 1);
});
afterAll(() => fresh.drop());

function bot(more: PartsChange = {}): TestBot {
  const project = { id: projectId, slug: "aurora" as Slug, name: "Aurora", state: "active", members: [] } as never;
  const b = testBot(fresh.db, {
    ci: { projectsOf: async () => ok([project]), project: async () => ok(project) },
    reader: {
      readItems: async () => ok(templates),
      readItem: async (_domain, _kind, id) => ok(templates.find((t) => t.id === id) ?? null),
    },
    exports: {
      openExport: async (i) => {
        downloads.push(i.name);
        return ok({ open: async () => ok({ bytes: Readable.from([body]), offset: 0, totalBytes: body.length }) });
      },
    },
    archive: createFolderStore(path.join(folder, "archive")),
    enqueue: async (name, id) => void enqueued.push(`${name} ${id}`),
    now: () => at(now),
    ...more,
  });
  b.parts.slack.announcers.export.showExport = async (view) => (shown.push(view), true);
  return b;
}
const mia = (name = "mia"): Asker => ({ operator: { id: op(name), name, ciUserId: name as never }, isTeam: false });
const place = { channel: "C1", user: "U1" };
const ask = (b: TestBot, t = 0, who = mia()) => b.services.exports.start(who, "aurora" as Slug, templates[t]?.id ?? "", place);
const run = (b: TestBot, t = 0) => b.work.export(templates[t]?.id ?? "", running);
const files = () => readdirSync(path.join(folder, "archive"), { recursive: true }).filter((f) => /^\w\w\/[0-9a-f-]+$/.test(String(f)));
const links = () => shown.filter((v) => v.state === "ready").map((v) => v.link);

test("fifty times asked for by one person at once it is one export; asked for again it is the same copy with another link", async () => {
  const b = bot();
  const asked = await Promise.all(Array.from({ length: 50 }, () => ask(b)));
  expect(new Set(asked.map((a) => (a.ok ? a.value.id : "")))).toHaveProperty("size", 1);
  await run(b);
  for (let n = 0; n < 5; n++) {
    await ask(b);
    await run(b);
  }
  expect([downloads, files().length, new Set(links()).size]).toEqual([["t-1"], 1, 6]);
  expect(shown.at(-1)?.sha256).toBe(createHash("sha256").update(body).digest("hex"));
});

test("those who ask while it is saved share its copy, each with a link of their own", async () => {
  const b = bot();
  for (const name of ["mia", "ben", "eve"]) await ask(b, 0, mia(name));
  await run(b);
  expect([downloads, files().length, new Set(links()).size]).toEqual([["t-1"], 1, 3]);
  expect(new Set(enqueued)).toEqual(new Set([`export ${templates[0]?.id}`]));
});

test("a process that dies before it told the end is followed by one that tells it, with a link that opens", async () => {
  const b = bot();
  const dies: typeof b.parts.slack.announcers.export.showExport = async (view) => {
    if (view.state === "ready" || view.state === "failed") throw new Error("killed");
    return true;
  };
  const tell = b.parts.slack.announcers.export.showExport;
  b.parts.slack.announcers.export.showExport = dies;
  await ask(b);
  await expect(run(b)).rejects.toThrow("killed");
  b.parts.slack.announcers.export.showExport = tell;
  await run(b);
  await run(b);
  expect([downloads, links().length]).toEqual([["t-1"], 1]);
  const { pathname } = new URL(String(links()[0]), "http://x");
  const parts = { ...b.parts, slack: { ...b.parts.slack, identify: async () => ok(mia()) } } as never;
  const projects = { projectsOf: async () => ok([{ id: projectId, slug: "aurora" }]) } as never;
  expect((await serveExport(pathname, {}, linkContext(parts, projects))).status).toBe(200);

  b.parts.slack.announcers.export.showExport = dies;
  await ask(b, 1);
  templates = templates.filter((t) => t.id !== templates[1]?.id);
  const gone = (await readLiveExportsOf(fresh.db, op("mia")))[0]?.template_id ?? "";
  await expect(b.work.export(gone, running)).rejects.toThrow("killed");
  b.parts.slack.announcers.export.showExport = tell;
  await b.work.export(gone, running);
  expect(shown.at(-1)).toMatchObject({ state: "failed", problem: expect.stringContaining("no longer exists") as string });
});

test("a template that changed, or whose copy is damaged, is downloaded again", async () => {
  const b = bot();
  await ask(b);
  await run(b);
  templates = templates.map((t) => ({ ...t, createdAt: at(900) }));
  await ask(b);
  await run(b);
  expect(downloads).toEqual(["t-1", "t-1"]);
  rmSync(path.join(folder, "archive"), { recursive: true });
  await ask(b);
  await run(b);
  expect(downloads).toEqual(["t-1", "t-1", "t-1"]);
});

test("one person has at most three exports under way; when one has ended there is room for another", async () => {
  const b = bot();
  for (const t of [0, 1, 2]) expect((await ask(b, t)).ok).toBe(true);
  expect(await ask(b, 3)).toMatchObject({ ok: false, error: { kind: "refused", code: "export.too_many" } });
  expect((await ask(b, 3, mia("ben"))).ok).toBe(true);
  await run(b, 1);
  expect((await ask(b, 3)).ok).toBe(true);
});

test("a run that was killed after the copy was saved makes the link from that copy", async () => {
  const b = bot();
  await ask(b);
  const dies = bot({
    newToken: () => {
      throw new Error("killed");
    },
  });
  await expect(run(dies)).rejects.toThrow("killed");
  await run(b);
  expect([downloads, links().length]).toEqual([["t-1"], 1]);
});

test("where too little of the disk would stay free nothing is downloaded, and it says what to do", async () => {
  const { bavail, bsize } = statfsSync(folder);
  const b = bot({ archive: createFolderStore(folder, bavail * bsize * 2) });
  await ask(b);
  await run(b);
  expect(downloads).toEqual([]);
  expect(shown.at(-1)).toMatchObject({ state: "failed", problem: expect.stringMatching(/would stay free.*ARCHIVE_MIN_FREE_GIB/) });
});

test("a copy that takes the last room while it is written is given up", async () => {
  const { bavail, bsize } = statfsSync(folder);
  const store = createFolderStore(folder, bavail * bsize * 2);
  const chunk = Buffer.alloc(1024 * 1024);
  const endless = Readable.from(
    (function* () {
      for (let n = 0; n < 100; n++) yield chunk;
    })(),
  );
  expect(await store.append(randomUUID(), 0, endless)).toMatchObject({ ok: false, error: { code: "archive.full" } });
  // The copy of the audit log's head is small, and is always written.
  expect(await store.append(randomUUID(), 0, Readable.from([body]))).toMatchObject({ ok: true });
});

async function linkOf(b: TestBot): Promise<string> {
  await ask(b);
  await run(b);
  return shown.at(-1)?.link ?? "";
}
async function serving(b: TestBot, work: (get: (headers?: Record<string, string>, method?: string) => Promise<Response>) => Promise<void>) {
  const { pathname } = new URL(await linkOf(b));
  const server = await startHttpServer({ host: "127.0.0.1", port: 0, onError: (e) => expect(e).toBe(null) }, b.links);
  await work((headers = {}, method = "GET") => fetch(`${server.url}${pathname}`, { headers, method })).finally(() => server.close());
}

test("a download goes on where it broke off", async () => {
  await serving(bot(), async (get) => {
    const whole = await get();
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(body);
    const etag = whole.headers.get("etag") ?? "";
    expect([whole.status, whole.headers.get("accept-ranges"), etag]).toEqual([200, "bytes", `"${whole.headers.get("x-checksum-sha256")}"`]);
    expect(whole.headers.get("content-disposition")).toBe('attachment; filename="t-1.qcow2"');
    const head = await get({}, "HEAD");
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, String(body.length), ""]);
    const size = body.length;
    for (const [range, start, end] of [
      ["bytes=100-", 100, size - 1],
      ["bytes=0-0", 0, 0],
      ["bytes=7-11", 7, 11],
      ["bytes=-5", size - 5, size - 1],
      [`bytes=5-${size * 2}`, 5, size - 1],
      [`bytes=-${size * 2}`, 0, size - 1],
    ] as const) {
      const part = await get({ range, "if-range": etag });
      expect([part.status, part.headers.get("content-range")], range).toEqual([206, `bytes ${start}-${end}/${size}`]);
      expect(Buffer.from(await part.arrayBuffer())).toEqual(body.subarray(start, end + 1));
    }
    for (const range of [`bytes=${size}-`, "bytes=-0", "bytes=-00"]) {
      const beyond = await get({ range });
      expect([beyond.status, beyond.headers.get("content-range")], range).toEqual([416, `bytes */${size}`]);
    }
    for (const headers of [
      { range: "bytes=5-2" },
      { range: "bytes=0-1,3-4" },
      { range: "lines=1-2" },
      { range: "bytes=1-2", "if-range": '"other"' },
    ]) {
      const all = await get(headers as Record<string, string>);
      expect(Buffer.from(await all.arrayBuffer())).toEqual(body);
      expect(all.status).toBe(200);
    }
  });
});

test("the link ends when who asked leaves the project, and is not served while nobody can say", async () => {
  let who: Awaited<ReturnType<NonNullable<PartsChange["identify"]>>> = ok(mia());
  let theirs = true;
  const project = { id: projectId, slug: "aurora" as Slug, name: "Aurora", state: "active", members: [] } as never;
  const ci = { projectsOf: async () => ok(theirs ? [project] : []), project: async () => ok(project) };
  await serving(bot({ ci, identify: async () => who }), async (get) => {
    expect((await get()).status).toBe(200);
    theirs = false;
    expect((await get()).status).toBe(404);
    theirs = true;
    who = err(failure("unavailable", "slack.unreachable", "away"));
    expect((await get()).status).toBe(503);
    who = err(failure("refused", "identity.not_a_member", "gone"));
    expect((await get({ range: "bytes=5-" })).status).toBe(404);
    who = ok(mia());
    expect((await get()).status).toBe(200);
    now += 25 * 3600_000;
    expect((await get()).status).toBe(404);
  });
});

test("without an address that people reach there is a sentence in the place of the link", async () => {
  const b = bot({ publicUrl: () => null });
  await ask(b);
  await run(b);
  expect(shown.at(-1)).toMatchObject({ state: "ready", link: null, problem: expect.stringContaining("TWOKEY_PUBLIC_URL") });
  expect(JSON.stringify(renderExport(shown.at(-1) as ExportView).blocks)).toContain("TWOKEY_PUBLIC_URL");
});

test("the slug of a closed project is another project's by now: who left the old one gets nothing of it, by a link or by a run", async () => {
  const b = bot();
  await ask(b);
  await run(b);
  await ask(b, 1);
  const { pathname } = new URL(String(links()[0]), "http://x");
  const other = { id: "p-2", slug: "aurora", name: "Aurora two", state: "active", members: [] } as never;
  const after = bot({ ci: { projectsOf: async () => ok([other]), project: async () => ok(other) } });
  const of = (projects: readonly unknown[]) => ({ projectsOf: async () => ok(projects) }) as never;
  const parts = { ...after.parts, slack: { ...after.parts.slack, identify: async () => ok(mia()) } } as never;
  expect((await serveExport(pathname, {}, linkContext(parts, of([other])))).status).toBe(404);
  expect((await serveExport(pathname, {}, linkContext(parts, of([{ id: projectId, slug: "renamed" }])))).status).toBe(200);
  await recordManagedDomains(
    fresh.db,
    [{ projectId: "p-2" as ProjectId, domainId: randomUUID() as DomainId, generation: 1, origin: "created" }],
    2,
  );
  await run(after, 1);
  expect(downloads).toEqual(["t-1"]);
});
