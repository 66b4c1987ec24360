/** Claim: a power cut loses nothing that the folder reported as complete: the file and each folder that came to name it are synced, in that order; a disk that is away is no missing object. */
import { mkdtemp, open, readdir, readlink, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFolderStore } from "../../src/archive/folder-store.ts";

let root: string;
/** What was synced, and which file was complete by then. */
let synced: string[];
let handles: FileHandle;
let sync: FileHandle["sync"];

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "twokey-sync-"));
  synced = [];
  const handle = await open(root, "r");
  handles = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  sync = handles.sync;
  handles.sync = async function (this: FileHandle) {
    const name = path.relative(root, await readlink(`/proc/self/fd/${this.fd}`));
    const complete = (await readdir(root, { recursive: true })).filter((file) => /\/[0-9a-f]{8}$/.test(file));
    synced.push(`${name === "" ? "." : name} (${complete.map((file) => path.basename(file)).join()})`);
    return sync.call(this);
  };
});
afterEach(async () => {
  handles.sync = sync;
  await rm(root, { recursive: true });
});

const save = async (store: ReturnType<typeof createFolderStore>, key: string): Promise<void> => {
  expect(await store.append(key, 0, Readable.from([Buffer.from("abc")]))).toEqual({ ok: true, value: 3 });
  expect(await store.finish(key)).toEqual({ ok: true, value: undefined });
};

test("the folders that are made, the file before its name, and the folder after it", async () => {
  const store = createFolderStore(path.join(root, "far", "archive"));
  await save(store, "ab000001");
  expect(synced).toEqual([
    "far/archive/ab ()",
    "far/archive ()",
    "far ()",
    ". ()",
    "far/archive/ab/ab000001.part ()",
    "far/archive/ab (ab000001)",
  ]);
  synced = [];
  await save(store, "ab000002");
  expect(synced).toEqual(["far/archive/ab/ab000002.part (ab000001)", "far/archive/ab (ab000001,ab000002)"]);
});

test("a folder that is not there is no missing object", async () => {
  const archive = path.join(root, "archive");
  const store = createFolderStore(archive);
  await save(store, "ab000001");
  expect(await store.open("cd000001")).toMatchObject({ ok: false, error: { kind: "contract_broken", code: "archive.missing" } });
  await rm(archive, { recursive: true });
  expect(await store.open("ab000001")).toMatchObject({ ok: false, error: { kind: "unavailable", code: "archive.no_folder" } });
});
