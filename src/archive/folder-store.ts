import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, rename, rm, stat, statfs } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { failure, type Failure } from "../core/failure.ts";
import { sizeText } from "../core/units.ts";
import { attempt, type ArchiveStore } from "./ports.ts";

/** Few large calls instead of many small ones: the disk's speed depends on it. */
const highWaterMark = 512 * 1024;
/** After so many bytes it is asked again how much room there is. Units: bytes. */
const ROOM_BYTES = 64 * 1024 * 1024;

class NoRoom extends Error {
  readonly minFreeBytes: number;
  constructor(minFreeBytes: number) {
    super("there is no room");
    this.minFreeBytes = minFreeBytes;
  }
}

const keyShape = /^[0-9a-f-]{8,80}$/;

/**
 * Stores archived bytes in a folder: `ab/<key>` when complete, `ab/<key>.part` until then.
 *
 * Files and the folders that name them are synced: a power cut loses nothing that was reported as complete. Invariant: INV-8.
 * `minFreeBytes` of the disk stay free: by default the databases are on it, too.
 */
export function createFolderStore(root: string, minFreeBytes = 0): ArchiveStore {
  const fileOf = (key: string): string => {
    if (!keyShape.test(key)) throw new Error("an archive key is made of hexadecimal digits and hyphens");
    return path.join(root, key.slice(0, 2), key);
  };
  const partOf = (key: string): string => `${fileOf(key)}.part`;
  const failed = (thrown: unknown): Failure => storeFailure(thrown, root);
  const size = async (file: string): Promise<number> => (await stat(file).catch(() => null))?.size ?? 0;
  const requireRoom = async (bytes: number | null): Promise<void> => {
    // Before the first copy the folder is not there yet: it is asked again while that one is written.
    const disk = await statfs(root).catch(() => null);
    if (disk !== null && disk.bavail * disk.bsize - (bytes ?? 0) < minFreeBytes) throw new NoRoom(minFreeBytes);
  };
  /** Passes bytes on as long as there is room: other copies may be written at the same time. */
  async function* whileThereIsRoom(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let left = ROOM_BYTES;
    for await (const chunk of bytes) {
      left -= chunk.length;
      if (left < 0) await requireRoom((left = ROOM_BYTES));
      yield chunk;
    }
  }
  return {
    requireRoom: (bytes) => attempt(() => requireRoom(bytes), failed),
    append: (key, offset, bytes) =>
      attempt(async () => {
        const [part, flags] = [partOf(key), offset === 0 ? "w" : "r+"];
        await makeFolder(path.dirname(part));
        await pipeline(bytes, whileThereIsRoom, createWriteStream(part, { flags, start: offset, mode: 0o600, highWaterMark }));
        return size(part);
      }, failed),
    unfinishedBytes: (key) => size(partOf(key)),
    finish: (key) =>
      attempt(async () => {
        await sync(partOf(key), "r+");
        await rename(partOf(key), fileOf(key));
        await sync(path.dirname(fileOf(key)), "r");
      }, failed),
    open: (key, range) =>
      attempt(async () => {
        // A disk that is not mounted says nothing about its objects.
        await stat(root);
        await stat(fileOf(key));
        return createReadStream(fileOf(key), { highWaterMark, ...range });
      }, failed),
    remove: (key) =>
      attempt(async () => {
        await Promise.all([rm(fileOf(key), { force: true }), rm(partOf(key), { force: true })]);
      }, failed),
  };
}

/** Makes a folder and those above it that are missing; each is synced, and so is the one that was there. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path.resolve(folder); made.length >= path.dirname(path.resolve(first)).length; made = path.dirname(made)) {
    await sync(made, "r");
    if (made === path.dirname(made)) return;
  }
}

async function sync(file: string, flags: "r" | "r+"): Promise<void> {
  const handle = await open(file, flags);
  await handle.sync().finally(() => handle.close());
}

function storeFailure(thrown: unknown, root: string): Failure {
  if (thrown instanceof NoRoom)
    return failure("unavailable", "archive.full", `Less than ${sizeText(thrown.minFreeBytes)} would stay free on the archive's disk`, {
      remedy: "Make room, set TWOKEY_ARCHIVE_DIR to a larger disk, or lower ARCHIVE_MIN_FREE_GIB.",
    });
  const { code = "unknown", path: file } = thrown as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT")
    return failure("unavailable", "archive.full", "The archive's disk is full", {
      remedy: "Make room, or set TWOKEY_ARCHIVE_DIR to a larger disk.",
    });
  if (code === "ENOENT" && file === root)
    return failure("unavailable", "archive.no_folder", "The archive's folder is not there", {
      remedy: "Mount its disk, or correct TWOKEY_ARCHIVE_DIR.",
    });
  if (code === "ENOENT") return failure("contract_broken", "archive.missing", "An object is missing in the archive");
  return failure("unavailable", "archive.broken", `Writing to the archive broke off (${code})`);
}
