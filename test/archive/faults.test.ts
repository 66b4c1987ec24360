/** Claims: through the real download and the real folder, no fault of line, size, name or disk enters anything as verified, and a good download does. */
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import type { ArchiveStore, ExportSource } from "../../src/archive/ports.ts";
import { openLink } from "../../src/cloudstack/export/download.ts";
import { settingsOf } from "../../src/cloudstack/api/options.ts";
import type { DomainPath, Instant } from "../../src/core/ids.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { archiveContents } from "../../src/deletion/steps/archive.ts";
import { readEntries, type ArchiveEntryRow } from "../../src/store/archive-entries.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";
import { testBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { inventory, item, openOne } from "../support/deletions.ts";

const body = Buffer.alloc(300_000, "what a template is made of ");
const sha256 = createHash("sha256").update(body).digest("hex");

let fresh: FreshDatabase;
let root: string;
let server: http.Server;
let respond: (request: http.IncomingMessage, response: http.ServerResponse, nth: number) => void;
let asked: number;
beforeAll(async () => {
  fresh = await freshDatabase();
  server = http.createServer((request, response) => respond(request, response, ++asked));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  await Promise.all([fresh.drop(), new Promise((resolve) => server.close(resolve))]);
});
beforeEach(async () => {
  asked = 0;
  root = await mkdtemp(path.join(tmpdir(), "twokey-faults-"));
  respond = whole;
});
afterEach(() => rm(root, { recursive: true }));

const whole = (_request: http.IncomingMessage, response: http.ServerResponse): void => {
  response.writeHead(200, { "content-length": body.length });
  response.end(body);
};
/** Breaks the line after some bytes, whatever was asked for. */
const cut =
  (at: number) =>
  (_request: http.IncomingMessage, response: http.ServerResponse): void => {
    response.writeHead(200, { "content-length": body.length });
    response.write(body.subarray(0, at), () => response.destroy());
  };

function exports(): ExportSource {
  const address = server.address() as AddressInfo;
  const link = `http://127.0.0.1:${address.port}/userdata/secret-link`;
  const settings = settingsOf({
    url: link,
    apiKey: "k",
    secretKey: "s",
    rootPath: "ROOT" as DomainPath,
    now: () => 0 as Instant,
    sleep: async () => undefined,
    newId: randomUUID,
    beforeCall: async () => ok(undefined),
    timeoutMs: 60_000,
  });
  return { openExport: async () => ok({ open: (offset) => openLink(settings, link, offset) }) };
}

/** Archives things as a deletion does; gives the entries. */
async function archive(
  items: readonly InventoryItem[],
  store: ArchiveStore = createFolderStore(root),
): Promise<readonly ArchiveEntryRow[]> {
  const row = await openOne(fresh.db);
  const c = testBot(fresh.db, { exports: exports(), archive: store, now: () => 5 as Instant }).deletions;
  await archiveContents(row, inventory(row.domain_id, items), c, async () => undefined);
  return readEntries(fresh.db, { kind: "deletion", id: row.id });
}
const one = (more: Partial<InventoryItem> = {}) => [item("template", "t", more)];
const failed = (problem: RegExp) => [
  expect.objectContaining({ state: "failed", sha256: null, store_key: null, problem: expect.stringMatching(problem) }),
];

test("a good download is verified: streamed, read back, equal", async () => {
  expect(await archive(one({ facts: { physicalBytes: body.length } }))).toEqual([
    expect.objectContaining({ state: "verified", sha256, bytes: body.length, problem: null }),
  ]);
});

test("a line that breaks once goes on in the middle, by a range", async () => {
  const ranges: (string | undefined)[] = [];
  respond = (request, response, nth) => {
    ranges.push(request.headers.range);
    if (nth === 1) return cut(100_000)(request, response);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1]);
    response.writeHead(206, { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` });
    response.end(body.subarray(from));
  };
  expect(await archive(one())).toEqual([expect.objectContaining({ state: "verified", sha256 })]);
  expect(ranges).toHaveLength(2);
  expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
});

describe("failed, with a reason, and nothing entered as verified:", () => {
  test("bytes end early each time", async () => {
    respond = cut(1000);
    expect(await archive(one())).toEqual(failed(/gave \d+ bytes, 300000 were announced/));
    expect(asked).toBe(4);
  });

  test("the size is not what CloudStack told", async () => {
    expect(await archive(one({ facts: { physicalBytes: body.length + 1 } }))).toEqual(failed(/gave 300000 bytes, 300001 were announced/));
  });

  test("other bytes come for the rest than were asked for", async () => {
    respond = (request, response, nth) => {
      if (nth === 1) return cut(100_000)(request, response);
      response.writeHead(206, { "content-range": `bytes 5-${body.length - 1}/${body.length}` });
      response.end(body.subarray(5));
    };
    expect(await archive(one())).toEqual(failed(/other bytes came/));
  });

  test.each([403, 404, 500])("the link is answered with %d, and is in no sentence", async (status) => {
    respond = (_request, response) => response.writeHead(status).end("secret-link");
    const entries = await archive(one());
    expect(entries).toEqual(failed(new RegExp(String(status))));
    expect(JSON.stringify(entries)).not.toContain("secret-link");
  });

  test.skipIf(!existsSync("/dev/full"))("the disk is full: said at once, with what to do, and not asked for again", async () => {
    // A real disk that is always full.
    const folder = createFolderStore(root);
    const full: ArchiveStore = {
      ...folder,
      append: async (key, offset, bytes) => {
        await folder.append(key, 0, Readable.from([]));
        await rm(path.join(root, key.slice(0, 2), `${key}.part`));
        await symlink("/dev/full", path.join(root, key.slice(0, 2), `${key}.part`));
        return folder.append(key, offset, bytes);
      },
    };
    expect(await archive(one(), full)).toEqual(failed(/disk is full/));
    expect(asked).toBe(1);
  });

  test("the store breaks each time", async () => {
    const broken: ArchiveStore = {
      ...createFolderStore(root),
      append: async () => err(failure("unavailable", "archive.broken", "The bytes broke off on their way into the archive")),
      unfinishedBytes: async () => 0,
    };
    expect(await archive(one(), broken)).toEqual(failed(/broke off on their way/));
    expect(asked).toBe(4);
  });
});

test("names with separators, of 255 characters, and alike: each its own entry, none in a file's name", async () => {
  const names = ["../../etc/passwd", "a/b\\c", "..", "x".repeat(255), "same", "same", "\u202egnp.exe", "-rf *"];
  const entries = await archive(names.map((name, i) => item("template", `${i}`, { name })));
  expect(entries.map((e) => e.state)).toEqual(names.map(() => "verified"));
  expect(entries.map((e) => e.name).toSorted()).toEqual(names.toSorted());
  expect(new Set(entries.map((e) => e.store_key)).size).toBe(names.length);
  const files = (await readdir(root, { recursive: true })).filter((f) => f.length > 2);
  expect(files).toHaveLength(names.length);
  for (const file of files) expect(file).toMatch(/^[0-9a-f]{2}\/[0-9a-f-]{36}$/);
});
