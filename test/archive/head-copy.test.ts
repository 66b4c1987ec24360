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
import { oneAtATime } from "../../src/core/in-time.ts";
import { eventually } from "../support/eventually.ts";
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

test("an archive that does not answer is taken for away", async () => {
  const store = { open: () => new Promise(() => undefined) } as unknown as ArchiveStore;
  const late = { ok: false, error: { kind: "unavailable", code: "archive.late" } };
  expect(await createHeadCopy(store, 20).read(id)).toMatchObject(late);
  expect(await createHeadCopy(store, 20).holds(id)).toMatchObject(late);
});

test("what is asked for while it is done is done once more, after it", async () => {
  const [begun, ended]: [number[], number[]] = [[], []];
  let end = (): void => undefined;
  const run = oneAtATime(async () => {
    begun.push(begun.length);
    await new Promise<void>((resolve) => (end = resolve));
    ended.push(ended.length);
  });
  const first = run();
  const others = [run(), run(), run()];
  expect([begun.length, ended.length]).toEqual([1, 0]);
  end();
  await first;
  await eventually("the second began", () => begun.length === 2);
  expect(ended).toHaveLength(1);
  end();
  await Promise.all(others);
  expect([begun.length, ended.length]).toEqual([2, 2]);
});
