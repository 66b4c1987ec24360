import { Readable } from "node:stream";
import type { ArchiveStore } from "../../src/archive/ports.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";

/** An archive in memory; `isFull` makes every write fail as a full disk does. */
export interface MemoryArchive extends ArchiveStore {
  isFull: boolean;
  /** The bytes of a finished object. */
  bytesOf(key: string): Buffer | undefined;
  /** The copy of the audit log's head, as it was kept last. */
  newestHead(): Buffer | undefined;
}

/** Makes an empty archive. */
export function createMemoryArchive(): MemoryArchive {
  const unfinished = new Map<string, Buffer>();
  const whole = new Map<string, Buffer>();
  const archive: MemoryArchive = {
    isFull: false,
    bytesOf: (key) => whole.get(key),
    newestHead: () => [...whole].findLast(([key]) => key.startsWith("00000000-"))?.[1],
    requireRoom: async () => ok(undefined),
    async append(key, offset, bytes) {
      const before = (unfinished.get(key) ?? Buffer.alloc(0)).subarray(0, offset);
      const chunks: Buffer[] = [before];
      const keep = (): number => {
        const all = Buffer.concat(chunks);
        unfinished.set(key, all);
        return all.length;
      };
      try {
        for await (const chunk of bytes) chunks.push(chunk as Buffer);
      } catch {
        keep();
        return err(failure("unavailable", "archive.broken", "The bytes broke off on their way into the archive"));
      }
      if (archive.isFull) return err(failure("unavailable", "archive.full", "The archive's disk is full"));
      return ok(keep());
    },
    unfinishedBytes: async (key) => unfinished.get(key)?.length ?? 0,
    async finish(key) {
      const bytes = unfinished.get(key);
      if (bytes === undefined) return err(failure("contract_broken", "archive.missing", "The archive does not hold what it should"));
      whole.set(key, bytes);
      unfinished.delete(key);
      return ok(undefined);
    },
    async remove(key) {
      whole.delete(key);
      unfinished.delete(key);
      return ok(undefined);
    },
    async open(key) {
      const bytes = whole.get(key);
      return bytes === undefined
        ? err(failure("contract_broken", "archive.missing", "The archive does not hold what it should"))
        : ok(Readable.from([bytes]));
    },
  };
  return archive;
}
