/**
 * Claims: a project's copies are its own, whoever bore its short name; our tables refuse doubles; a link serves one thing, for its time. These
 * are questions to the tables, which answer the same whatever asks; links of the running bot are in `test/app/start.test.ts`.
 */
import { randomUUID } from "node:crypto";
import { createDownloads } from "../../../src/archive/downloads.ts";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ok } from "../../../src/core/result.ts";
import type { DomainId, DomainPath, Instant, ProjectId } from "../../../src/core/ids.ts";
import { requireReachable, reimportPath, serveReimport } from "../../../src/archive/reimport/links.ts";
import { tokenHash } from "../../../src/archive/links.ts";
import { beginRemoval, insertEntry, recordReadWhole, updateEntry } from "../../../src/store/archive-entries.ts";
import { recordDomainDeleted, recordManagedDomains } from "../../../src/store/managed.ts";
import { findRememberedProjects, readSavedCopies, readUnsaved } from "../../../src/store/reimport-sources.ts";
import { insertReimport, readReimportItem, recordReimportEnd, updateReimportItem } from "../../../src/store/reimports.ts";
import { item } from "../../support/deletions.ts";
import { freshDatabase, type FreshDatabase } from "../../support/database.ts";

const SUM = "a".repeat(64);
let fresh: FreshDatabase;
let project: ProjectId;

beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(() => {
  project = `p-${randomUUID()}` as ProjectId;
});

/** A verified copy that belongs to something. */
async function saved(kind: "export" | "backup" | "deletion", owner: string, at: number, name = "t"): Promise<string> {
  const id = randomUUID();
  await insertEntry(fresh.db, { kind, id: owner }, { id, itemKind: "template", itemId: randomUUID(), name, at });
  const manifest = { version: 1, item: item("template", name), bytes: 3, sha256: SUM };
  await updateEntry(fresh.db, id, at, { state: "verified", key: id, sha256: SUM, bytes: 3, manifest });
  return id;
}
async function exportOf(slug: string, at: number): Promise<string> {
  const id = randomUUID();
  await fresh.db.exec(
    "insert into export (id, slug, template_id, template_name, asked_by, listener, state, asked_at) values ($1, $2, 't', 't', 'ci:ann', '{}', 'ready', $3)",
    [id, slug, at],
  );
  return saved("export", id, at);
}
async function backupOf(id: ProjectId, slug: string, at: number): Promise<string> {
  const run = randomUUID();
  await fresh.db.exec(
    "insert into backup_run (id, project_id, slug, domain_id, path, policy, state, asked_at, ended_at) values ($1, $2, $3, $4, 'ROOT/ci/x', 'templates', 'complete', $5, $5)",
    [run, id, slug, randomUUID(), at],
  );
  return saved("backup", run, at);
}
const copies = async (id: ProjectId, slugs: readonly string[]): Promise<readonly string[]> =>
  (await readSavedCopies(fresh.db, id, slugs)).map((c) => c.entryId).toSorted();

test("an export under a short name belongs to the project whose domain bore it then, not to who bears it now", async () => {
  const slug = `s-${randomUUID().slice(0, 8)}`;
  const [before, after] = [project, `p-${randomUUID()}` as ProjectId];
  const [old, young] = [randomUUID() as DomainId, randomUUID() as DomainId];
  const generation = { generation: 1, origin: "created" as const };
  await recordManagedDomains(fresh.db, [{ domainId: old, projectId: before, ...generation }], 100);
  await recordDomainDeleted(fresh.db, old, 200);
  await recordManagedDomains(fresh.db, [{ domainId: young, projectId: after, ...generation }], 300);
  const [first, between, second] = [await exportOf(slug, 150), await exportOf(slug, 250), await exportOf(slug, 350)];
  expect(await copies(before, [slug])).toEqual([first]);
  expect(await copies(after, [slug])).toEqual([second]);
  expect(await copies(before, [])).toEqual([]);
  expect(between).not.toBe(first);
});

test("a project that the CI database forgot is found by each of its names, and by its id; one name of two projects gives both", async () => {
  const [slug, other] = [`s-${randomUUID().slice(0, 8)}`, `p-${randomUUID()}` as ProjectId];
  const copy = await backupOf(project, slug, 1);
  await backupOf(project, `${slug}-new`, 2);
  const both = [
    { projectId: project, slug },
    { projectId: project, slug: `${slug}-new` },
  ];
  for (const name of [slug, `${slug}-new`, project]) expect(await findRememberedProjects(fresh.db, name)).toEqual(both);
  await backupOf(other, slug, 3);
  expect(new Set((await findRememberedProjects(fresh.db, slug)).map((k) => k.projectId))).toEqual(new Set([project, other]));
  expect(await copies(project, [slug])).toContain(copy);
  expect(await copies(project, [slug])).toHaveLength(2);
});

test("a copy that is being pruned is no copy; what could not be saved is told with its newest reason", async () => {
  const run = randomUUID();
  await fresh.db.exec(
    "insert into backup_run (id, project_id, slug, domain_id, path, policy, state, asked_at, ended_at) values ($1, $2, 's', $3, 'ROOT/ci/x', 'templates', 'complete', 1, 1)",
    [run, project, randomUUID()],
  );
  const itemId = randomUUID();
  const entry = async (owner: { kind: "backup" | "export"; id: string }, at: number): Promise<string> => {
    const id = randomUUID();
    await insertEntry(fresh.db, owner, { id, itemKind: "template", itemId, name: "t", at });
    await updateEntry(fresh.db, id, at, {
      state: "verified",
      key: id,
      sha256: SUM,
      bytes: 3,
      manifest: { item: item("template", "t"), sha256: SUM, bytes: 3 },
    });
    return id;
  };
  const pruned = await entry({ kind: "backup", id: run }, 1);
  await recordReadWhole(fresh.db, await entry({ kind: "export", id: randomUUID() }, 2), 10);
  expect(await copies(project, [])).toEqual([pruned]);
  expect(await beginRemoval(fresh.db, pruned, 10)).toBe(true);
  expect(await copies(project, [])).toEqual([]);
  const failed = randomUUID();
  await insertEntry(fresh.db, { kind: "backup", id: run }, { id: failed, itemKind: "volume", itemId: "v", name: "disk", at: 5 });
  await updateEntry(fresh.db, failed, 5, { state: "failed", problem: "its machine runs" });
  expect(await readUnsaved(fresh.db, project, [], 4 as Instant)).toEqual([]);
  expect(await readUnsaved(fresh.db, project, [], 5 as Instant)).toEqual([
    { kind: "volume", itemId: "v", name: "disk", problem: "its machine runs" },
  ]);
});

/** A re-import with one template that waits. */
async function reimportOf(entryId: string, begunAt = 0): Promise<{ readonly reimportId: string; readonly itemId: string }> {
  const [reimportId, itemId] = [randomUUID(), randomUUID()];
  const key = {
    project_id: project,
    domain_id: randomUUID() as DomainId,
    path: "ROOT/ci/x" as DomainPath,
    from_at: 1 as Instant,
    account: "",
  };
  await insertReimport(fresh.db, { id: reimportId, ...key, begun_at: begunAt as Instant }, [{ id: itemId, entryId, account: "ann" }]);
  return { reimportId, itemId };
}
const turn = (id: string, change: Parameters<typeof updateReimportItem>[3]) => updateReimportItem(fresh.db, id, 1, change);
const link = { state: "registering", tokenSha256: tokenHash("secret".repeat(5)), linkUntil: 100 } as const;

test("our tables refuse to register what is registered, what is being registered, and a second template for one thing", async () => {
  const { itemId } = await reimportOf(await backupOf(project, "s", 1));
  await turn(itemId, link);
  await expect(turn(itemId, link)).rejects.toMatchObject({ constraint: "restore_waiting" });
  await turn(itemId, { state: "downloading", templateId: randomUUID() });
  await expect(turn(itemId, link)).rejects.toMatchObject({ constraint: "restore_waiting" });
  await expect(turn(itemId, { state: "downloading", templateId: randomUUID() })).rejects.toMatchObject({
    constraint: "restore_one_template",
  });
  await turn(itemId, { state: "ready" });
  await expect(fresh.db.exec("update restore_item set state = 'waiting' where id = $1", [itemId])).resolves.toBe(1);
  await expect(turn(itemId, link)).rejects.toMatchObject({ constraint: "restore_once" });
  await expect(fresh.db.exec("delete from restore_item where id = $1", [itemId])).rejects.toMatchObject({
    constraint: "restore_item_append_only",
  });
});

test("a copy that a re-import waits for is not pruned, for a month at most, nor longer than the re-import takes", async () => {
  const DAY = 86_400_000;
  const [itemId, run] = [randomUUID(), randomUUID()];
  const entry = async (at: number): Promise<string> => {
    const id = randomUUID();
    await insertEntry(fresh.db, { kind: "backup", id: at === 1 ? run : randomUUID() }, { id, itemKind: "template", itemId, name: "t", at });
    await updateEntry(fresh.db, id, at, { state: "verified", key: id, sha256: SUM, bytes: 3, manifest: {} });
    return id;
  };
  const old = await entry(1);
  await recordReadWhole(fresh.db, await entry(2), 1_000 + 29 * DAY);
  const { reimportId } = await reimportOf(old, 1_000);
  expect(await beginRemoval(fresh.db, old, 1_000 + 29 * DAY)).toBe(false);
  await recordReimportEnd(fresh.db, reimportId, 2_000);
  expect(await beginRemoval(fresh.db, old, 1_000 + 29 * DAY)).toBe(true);
});

test("a link serves its template, and only it, only while it is fetched, only for its time, only with its secret", async () => {
  const entry = await backupOf(project, "s", 1);
  const { itemId } = await reimportOf(entry);
  const token = "secret".repeat(5);
  const good = reimportPath(itemId, token, "QCOW2");
  const path = good.ok ? good.value : "";
  expect(path).toBe(`/restores/${itemId}/${token}/template.qcow2`);
  let now = 50;
  const store = { open: (key: string) => Promise.resolve(ok(Readable.from([`bytes of ${key}`]))) };
  const serve = async (asked: string) => {
    const answer = await serveReimport(
      asked,
      {},
      { db: fresh.db, store, now: () => now as Instant, mayDownload: async () => ok(false), downloads: createDownloads() },
    );
    return [answer.status, typeof answer.body === "string" ? answer.body : await text(answer.body)];
  };
  const nothing = [404, "Nothing is served here.\n"];
  expect(await serve(path)).toEqual(nothing);
  await turn(itemId, link);
  expect(await serve(path)).toEqual([200, `bytes of ${entry}`]);
  const other = randomUUID();
  for (const bad of [
    path.replace("secret", "secreT"),
    path.replace(itemId, other),
    path.replace("template.qcow2", "../template.qcow2"),
    path.replace(token, ""),
    "/restores/",
    `${path}/more`,
  ])
    expect(await serve(bad)).toEqual(nothing);
  now = 100;
  expect(await serve(path)).toEqual(nothing);
  now = 99;
  await turn(itemId, { state: "downloading", templateId: randomUUID() });
  expect(await serve(path)).toEqual([200, `bytes of ${entry}`]);
  await turn(itemId, { state: "ready" });
  expect(await serve(path)).toEqual(nothing);
  expect((await readReimportItem(fresh.db, itemId))?.token_sha256).toBeNull();
});

test("a format that is no word makes no link, and an address that leads to this machine is no address", () => {
  for (const format of ["", undefined, 7, "qcow2/../x", "a b"])
    expect(reimportPath(randomUUID(), "t", format)).toMatchObject({ ok: false });
  for (const bad of [null, "http://127.0.0.1", "http://localhost:80", "http://[::1]", "http://0.0.0.0"])
    expect(requireReachable(bad)).toMatchObject({ ok: false });
  for (const good of ["https://ci.example.org/twokey", "http://10.1.2.3:3080"]) expect(requireReachable(good)).toMatchObject({ ok: true });
});
