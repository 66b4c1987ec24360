/**
 * Claim: on a disk that is really full nothing counts as saved, the sentence says what to do, and after room was made it is saved.
 *
 * The disk is a small file system in memory, which only root may mount. Elsewhere this is skipped, and test/archive/save.test.ts, whose
 * store says that it is full, stands for it.
 */
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import type { ExportSource } from "../../src/archive/ports.ts";
import { ok } from "../../src/core/result.ts";
import { archiveContents } from "../../src/deletion/steps/archive.ts";
import { vetoesOf } from "../../src/deletion/build-view.ts";
import { readEntries } from "../../src/store/archive-entries.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { inventory, item, openOne } from "../support/deletions.ts";
import { botIn, smallWorld } from "../support/small-world.ts";

const DISK_BYTES = 512 * 1024;
let folder: string;
let isMounted: boolean;
let fresh: FreshDatabase;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "twokey-disk-"));
  isMounted = process.getuid?.() === 0 && spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", folder]).status === 0;
  fresh = await freshDatabase();
});
afterEach(async () => {
  if (isMounted) spawnSync("umount", ["-l", folder]);
  rmSync(folder, { recursive: true, force: true });
  await fresh.drop();
});

test("a disk that is full while a template is saved", async ({ skip }) => {
  if (!isMounted) skip("only root may mount a small disk; test/archive/save.test.ts has the same with a store that says it is full");
  const filler = path.join(folder, "filler");
  writeFileSync(filler, randomBytes(DISK_BYTES / 2));
  const body = randomBytes((DISK_BYTES * 3) / 4);
  const source: ExportSource = {
    openExport: async () =>
      ok({ open: async (offset: number) => ok({ bytes: Readable.from([body.subarray(offset)]), offset, totalBytes: body.length }) }),
  };
  const row = await openOne(fresh.db);
  const template = item("template", "t", { facts: { physicalBytes: body.length } });
  const held = inventory(row.domain_id, [template]);
  const archive = createFolderStore(path.join(folder, "archive"));
  const bot = botIn(await smallWorld(fresh.db), row).with({ exports: source, archive });
  const save = () => archiveContents(row, held, bot.deletions, async () => undefined);
  const entries = () => readEntries(fresh.db, { kind: "deletion", id: row.id });

  await save();
  expect(await entries()).toMatchObject([
    { state: "failed", sha256: null, problem: expect.stringMatching(/^The archive's disk is full\. Make room/) },
  ]);
  expect(vetoesOf(held, await entries())).not.toEqual([]);
  expect(readdirSync(path.join(folder, "archive"), { recursive: true }).filter((f) => /^\w\w\/[0-9a-f-]+$/.test(String(f)))).toEqual([]);

  rmSync(filler);
  await save();
  const sha256 = createHash("sha256").update(body).digest("hex");
  expect(await entries()).toMatchObject([{ state: "verified", sha256, bytes: body.length }]);
  expect(vetoesOf(held, await entries())).toEqual([]);
});
