import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok } from "../core/result.ts";
import type { ArchiveStore } from "./ports.ts";

/** Few large calls instead of many small ones: that is what the disk's speed hangs on. */
const highWaterMark = 512 * 1024;
const keyShape = /^[0-9a-f-]{8,80}$/;

/** Keeps archived bytes in a folder: `ab/<key>` when whole, `ab/<key>.part` until then. */
export function createFolderStore(root: string): ArchiveStore {
  const fileOf = (key: string): string => {
    if (!keyShape.test(key)) throw new Error("an archive key is made of hexadecimal digits and hyphens");
    return path.join(root, key.slice(0, 2), key);
  };
  const partOf = (key: string): string => `${fileOf(key)}.part`;
  const size = async (file: string): Promise<number> => (await stat(file).catch(() => null))?.size ?? 0;
  return {
    async append(key, offset, bytes) {
      try {
        await mkdir(path.dirname(fileOf(key)), { recursive: true, mode: 0o700 });
        await pipeline(
          bytes,
          createWriteStream(partOf(key), { flags: offset === 0 ? "w" : "r+", start: offset, mode: 0o600, highWaterMark }),
        );
        return ok(await size(partOf(key)));
      } catch (thrown) {
        return err(storeFailure(thrown));
      }
    },
    unfinishedBytes: (key) => size(partOf(key)),
    async finish(key) {
      try {
        const handle = await open(partOf(key), "r+");
        await handle.sync();
        await handle.close();
        await rename(partOf(key), fileOf(key));
        return ok(undefined);
      } catch (thrown) {
        return err(storeFailure(thrown));
      }
    },
    async open(key) {
      try {
        await stat(fileOf(key));
        return ok(createReadStream(fileOf(key), { highWaterMark }));
      } catch (thrown) {
        return err(storeFailure(thrown));
      }
    },
    async remove(key) {
      try {
        await Promise.all([rm(fileOf(key), { force: true }), rm(partOf(key), { force: true })]);
        return ok(undefined);
      } catch (thrown) {
        return err(storeFailure(thrown));
      }
    },
  };
}

function storeFailure(thrown: unknown): Failure {
  const code = (thrown as NodeJS.ErrnoException).code ?? "unknown";
  if (code === "ENOSPC" || code === "EDQUOT")
    return failure("unavailable", "archive.full", "The archive's disk is full", {
      remedy: "Make room, or set TWOKEY_ARCHIVE_DIR to a larger disk.",
    });
  if (code === "ENOENT") return failure("contract_broken", "archive.missing", "The archive does not hold what it should");
  return failure("unavailable", "archive.broken", `The bytes broke off on their way into the archive (${code})`);
}
