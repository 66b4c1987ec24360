/**
 * Claims: what was saved of a project whose domain was deleted comes from the archive, its bytes are read first, and nothing is downloaded.
 * It is for those who had an account at the end, as long as the CI database has the project no more, and for the team; for nobody else.
 */
import { randomUUID } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { serveExport } from "../../src/archive/export-link.ts";
import { linkContext } from "../../src/app/archive.ts";
import type { Slug } from "../../src/core/ids.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import { recordDomainDeleted } from "../../src/store/managed.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import type { PartsChange } from "../support/bot.ts";
import { item, openOne, updateAnyway } from "../support/deletions.ts";
import { resetDatabase } from "../sim/reset.ts";
import { body, exportBot, exported, exportWorld, lastOf, mia, place, type ExportWorld } from "./export-world.ts";

let fresh: FreshDatabase;
let w: ExportWorld;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

/** A template was saved; then the domain was deleted, and the CI database has the project no more. */
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await exportWorld(fresh);
  await exported(exportBot(w), "template-t-1");
  expect(lastOf(w).state).toBe("ready");
  for (const [user, locked] of [
    ["mia", false],
    ["left", true],
  ] as const)
    await fresh.db.exec(
      `insert into managed_account (account_id, user_id, domain_id, project_id, ci_user_id, locked_by_us, recorded_at)
       values ($1, $2, $3, 'p-1', $4, $5, 1)`,
      [randomUUID(), randomUUID(), w.domainId, user, locked],
    );
  const { id } = await openOne(fresh.db, { domain: w.domainId, name: "aurora" });
  await updateAnyway(fresh.db, id, { phase: "deleted" });
  await recordDomainDeleted(fresh.db, w.domainId, 900);
  [w.items, w.projects] = [[], []];
  w.downloads.length = w.shown.length = 0;
});

const slug = "aurora" as Slug;
const ask = (who = mia(), more: PartsChange = {}) => exported(exportBot(w, more), "template-t-1", who);
const code = (asked: Awaited<ReturnType<typeof ask>>) => (asked.ok ? "ok" : asked.error.code);
const state = (said: "absent" | "closed" | "active"): PartsChange => ({ ci: { readProjectState: async () => ok(said) } });
const unsure: PartsChange = { ci: { readProjectState: async () => err(failure("unavailable", "cidb.unsure", "unsure")) } };

test("nobody else gets anything: who had left, who was never a member, who is disabled; nobody while the CI database has the project", async () => {
  const disabled = { ...mia(), operator: { ...mia().operator, ciUserId: null } };
  for (const who of [mia("left"), mia("eve"), disabled]) expect(code(await ask(who))).toBe("project.not_yours");
  for (const more of [state("closed"), state("active"), unsure]) expect(code(await ask(mia(), more))).toBe("project.not_yours");
  expect(await exportBot(w).services.exports.choices(mia("eve"), "template")).toEqual({ ok: true, value: [] });
  expect(w.shown).toEqual([]);
});

test("a domain that is managed again, or of another generation, is not a deleted one", async () => {
  await fresh.db.exec("update managed_domain set deleted_at = null");
  expect(code(await ask())).toBe("project.not_yours");
});

test("a copy whose bytes are damaged is not handed out", async () => {
  const archive = path.join(w.folder, "archive");
  const [file = ""] = readdirSync(archive, { recursive: true })
    .map(String)
    .filter((f) => /^\w\w\/[0-9a-f-]+$/.test(f));
  writeFileSync(path.join(archive, file), "other bytes");
  expect(code(await ask())).toBe("ok");
  expect(lastOf(w)).toMatchObject({ state: "failed", link: null, problem: expect.stringMatching(/is damaged|archive/) });
});

test("while the newest copy cannot be read for a moment, no older one is handed out in its place", async () => {
  const { archive } = exportBot(w).parts;
  const [id, run] = [randomUUID(), randomUUID()];
  await fresh.db.exec(
    `insert into backup_run (id, project_id, slug, domain_id, path, policy, state, asked_at, ended_at)
     values ($1, 'p-1', 'aurora', $2, 'ROOT/ci/aurora', 'templates', 'complete', 1, 1)`,
    [run, w.domainId],
  );
  const template = { itemKind: "template", itemId: "template-t-1", name: "t-1" } as const;
  await insertEntry(fresh.db, { kind: "backup", id: run }, { id, ...template, at: 1 });
  const manifest = { item: item("template", "t-1", { id: "template-t-1" as never }), domainPath: "ROOT/ci/aurora", savedAt: 1 };
  await updateEntry(fresh.db, id, 1, { state: "verified", key: id, sha256: "0", bytes: 1, manifest });
  const slow = err(failure("unavailable", "archive.slow", "slow"));
  const open: typeof archive.open = async (key, ...rest) => (key === id ? slow : archive.open(key, ...rest));
  expect(code(await ask(mia(), { archive: { open } }))).toBe("ok");
  expect(lastOf(w)).toMatchObject({ state: "failed", link: null });
});

test("who had an account at the end, and the team, are offered it and get it, and nothing is downloaded", async () => {
  for (const who of [mia(), { ...mia("ada"), isTeam: true }]) {
    const listed = await exportBot(w).services.exports.choices(who, "template");
    expect(listed).toMatchObject({ ok: true, value: [{ project: "aurora", name: "t-1", bytes: body.length, savedAt: 1000 }] });
    expect(code(await ask(who))).toBe("ok");
    expect(lastOf(w)).toMatchObject({
      state: "ready",
      isGone: true,
      copiedAt: 1000,
      fileName: "t-1.qcow2",
      link: expect.stringContaining("https://"),
    });
  }
  expect(w.downloads).toEqual([]);
});

test("its link ends when the CI database has the project again without them, and waits while that cannot be told", async () => {
  await ask();
  const { pathname } = new URL(String(lastOf(w).link));
  const status = async (more: PartsChange = {}, projects: readonly unknown[] = []) => {
    const { parts } = exportBot(w, more);
    return (await serveExport(pathname, {}, linkContext(parts, { projectsOf: async () => ok(projects as never) }))).status;
  };
  expect(await status()).toBe(200);
  expect(await status(state("closed"))).toBe(404);
  expect(await status(unsure)).toBe(503);
  expect(await status(state("closed"), [{ id: "p-1" }])).toBe(200);
  await fresh.db.exec("update managed_account set locked_by_us = true");
  expect(await status()).toBe(404);
});

test("another project that has the short name by now shares nothing with it", async () => {
  w.projects = [{ id: "p-2", slug, name: "Another", state: "active", members: [] }];
  for (const who of [mia("eve"), mia("left")]) {
    expect(await exportBot(w).services.exports.templates(who, slug)).toEqual({ ok: true, value: [] });
    expect(await exportBot(w).services.exports.start(who, slug, "template-t-1", place)).toMatchObject({
      ok: false,
      error: { code: "export.no_template" },
    });
  }
  expect(code(await ask())).toBe("ok");
  expect(lastOf(w)).toMatchObject({ state: "ready", isGone: true });
});

test("a template that died while its export waited is handed out from the archive, if that has it", async () => {
  await fresh.db.exec("update managed_domain set deleted_at = null");
  w = { ...w, projects: [{ id: "p-1", slug, name: "Aurora", state: "closed", members: [] }] };
  const b = exportBot(w);
  expect(await b.services.exports.start(mia(), slug, "template-t-2", place)).toMatchObject({
    ok: false,
    error: { code: "export.no_template" },
  });
  expect(code(await exported(b, "template-t-1"))).toBe("ok");
  expect(lastOf(w)).toMatchObject({ state: "ready", isGone: true });
  expect(w.downloads).toEqual([]);
});
