import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { failure, type Failure } from "../core/failure.ts";
import { attempt, type ArchiveStore } from "./ports.ts";

/** Few large calls instead of many small ones: the disk's speed depends on it. */
const highWaterMark = 512 * 1024;
const keyShape = /^[0-9a-f-]{8,80}$/;

/** Stores archived bytes in a folder: `ab/<key>` when complete, `ab/<key>.part` until then. */
export function createFolderStore(root: string): ArchiveStore {
  const fileOf = (key: string): string => {
    if (!keyShape.test(key)) throw new Error("an archive key is made of hexadecimal digits and hyphens");
    return path.join(root, key.slice(0, 2), key);
  };
  const partOf = (key: string): string => `${fileOf(key)}.part`;
  const size = async (file: string): Promise<number> => (await stat(file).catch(() => null))?.size ?? 0;
  return {
    append: (key, offset, bytes) =>
      attempt(async () => {
        const [part, flags] = [partOf(key), offset === 0 ? "w" : "r+"];
        await mkdir(path.dirname(part), { recursive: true, mode: 0o700 });
        await pipeline(bytes, createWriteStream(part, { flags, start: offset, mode: 0o600, highWaterMark }));
        return size(part);
      }, storeFailure),
    unfinishedBytes: (key) => size(partOf(key)),
    finish: (key) =>
      attempt(async () => {
        const handle = await open(partOf(key), "r+");
        await handle.sync();
        await handle.close();
        await rename(partOf(key), fileOf(key));
      }, storeFailure),
    open: (key) =>
      attempt(async () => {
        await stat(fileOf(key));
        return createReadStream(fileOf(key), { highWaterMark });
      }, storeFailure),
    remove: (key) =>
      attempt(async () => {
        await Promise.all([rm(fileOf(key), { force: true }), rm(partOf(key), { force: true })]);
      }, storeFailure),
  };
}

function storeFailure(thrown: unknown): Failure {
  const code = (thrown as NodeJS.ErrnoException).code ?? "unknown";
  if (code === "ENOSPC" || code === "EDQUOT")
    return failure("unavailable", "archive.full", "The archive's disk is full", {
      remedy: "Make room, or set TWOKEY_ARCHIVE_DIR to a larger disk.",
    });
  if (code === "ENOENT") return failure("contract_broken", "archive.missing", "An object is missing in the archive");
  return failure("unavailable", "archive.broken", `Writing to the archive broke off (${code})`);
}
