/** Claim: the copy of the audit log's head is what was written last, none before that, and none where the object is something else. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import { createHeadCopy } from "../../src/archive/head-copy.ts";
import type { ArchiveStore } from "../../src/archive/ports.ts";
import { createS3Store } from "../../src/archive/s3-store.ts";
import { startS3Server } from "./s3-server.ts";

const id = "abcdef01-2345-4678-89ab-cdef01234567";
const head = (seq: number) => ({ seq, hash: String(seq).padStart(64, "0"), at: seq });

async function keeps(store: ArchiveStore): Promise<void> {
  const copy = createHeadCopy(store);
  expect(await copy.read(id)).toEqual({ ok: true, value: null });
  for (const seq of [1, 123_456]) {
    expect(await copy.write(id, head(seq))).toMatchObject({ ok: true });
    expect(await copy.read(id)).toEqual({ ok: true, value: head(seq) });
  }
  await store.append(`00000000-${id}`, 0, Readable.from([Buffer.from('{"seq": 1}')]));
  await store.finish(`00000000-${id}`);
  expect(await copy.read(id)).toEqual({ ok: true, value: null });
}

test("in a folder", () => keeps(createFolderStore(mkdtempSync(path.join(tmpdir(), "twokey-head-")))));

test("in a bucket", async () => {
  const bucket = await startS3Server();
  await keeps(createS3Store(bucket.options)).finally(() => bucket.close());
});
