import { createHash } from "node:crypto";
import { Transform, type Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { InventoryItem } from "../core/inventory.ts";
import type { ArchiveStore, ExportSource } from "./ports.ts";

/** Something saved, read back and found equal. */
export interface Saved {
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
}

const TRIES = 4;
/** How much may wait between the line and the archive. */
const WATER_BYTES = 512 * 1024;

/**
 * Saves one thing: extract, stream to the archive, go on after a cut, read back and compare with what was streamed.
 *
 * Errors: `rejected` (cannot be extracted), `contract_broken` (ended early, sizes disagree, read back different), `unavailable`.
 * Nothing is reported as saved that was not read back. Invariant: INV-8.
 */
export async function saveItem(
  item: InventoryItem,
  key: string,
  source: ExportSource,
  store: ArchiveStore,
  progress: (done: number, total: number | null) => void,
): Promise<Result<Saved, Failure>> {
  const opened = await source.openExport(item);
  if (!opened.ok) return opened;
  let hash = createHash("sha256");
  let done = 0;
  let total: number | null = null;
  for (let attempt = 1; ; attempt++) {
    const stream = await opened.value.open(done);
    if (!stream.ok) return stream;
    if (stream.value.offset !== done) {
      hash = createHash("sha256");
      done = 0;
    }
    total = stream.value.totalBytes ?? total;
    const counted = new Transform({
      highWaterMark: WATER_BYTES,
      transform(chunk: Buffer, _encoding, next) {
        hash.update(chunk);
        done += chunk.length;
        progress(done, total);
        next(null, chunk);
      },
    });
    const fed = feed(stream.value.bytes, counted);
    const stored = await store.append(key, stream.value.offset, counted);
    if (!stored.ok) counted.destroy();
    const whole = await fed;
    const there = stored.ok ? stored.value : await store.unfinishedBytes(key);
    if (there !== done) {
      // The running hash holds bytes that the archive does not: begin anew.
      hash = createHash("sha256");
      done = 0;
    }
    if (stored.ok && (total === null ? whole : done === total)) break;
    if (stored.ok && total !== null && done > total) return err(sizes(item, done, total));
    // What the archive says no to, or has no room for, does not change by asking again.
    if (!stored.ok && (stored.error.code === "archive.full" || stored.error.kind === "rejected")) return stored;
    if (attempt < TRIES) continue;
    if (!stored.ok) return stored;
    return err(
      total === null
        ? failure("unavailable", "archive.cut", `The download of ${item.kind} ${item.id} broke off again and again`)
        : sizes(item, done, total),
    );
  }
  if (done === 0) return err(failure("contract_broken", "archive.empty", `The download of ${item.kind} ${item.id} was empty`));
  // Of a template CloudStack tells the size of the very file; of a snapshot, what its chain takes.
  const expected = item.kind === "template" || item.kind === "iso" ? item.facts["physicalBytes"] : undefined;
  if (typeof expected === "number" && expected !== done) return err(sizes(item, done, expected));
  const finished = await store.finish(key);
  if (!finished.ok) return finished;
  const sha256 = hash.digest("hex");
  const back = await readBack(store, key);
  if (!back.ok) return back;
  if (back.value.sha256 !== sha256 || back.value.bytes !== done)
    return err(failure("contract_broken", "archive.differs", `What was read back of ${item.kind} ${item.id} is not what was saved`));
  return ok({ key, bytes: done, sha256 });
}

/** Passes bytes on; tells whether they came to their end. What came before a cut still reaches the archive: the next try goes on there. */
async function feed(from: Readable, into: Transform): Promise<boolean> {
  // Whoever reads `into` reports its errors.
  into.on("error", () => undefined);
  into.once("close", () => from.destroy());
  const ended = finished(from, { writable: false }).then(
    () => true,
    () => false,
  );
  from.pipe(into);
  if (await ended) return true;
  if (!into.destroyed) into.end();
  return false;
}

function sizes(item: InventoryItem, done: number, total: number): Failure {
  return failure("contract_broken", "archive.size", `The download of ${item.kind} ${item.id} gave ${done} bytes, ${total} were announced`);
}

/** Reads a saved object again and hashes it. */
export async function readBack(
  store: ArchiveStore,
  key: string,
): Promise<Result<{ readonly bytes: number; readonly sha256: string }, Failure>> {
  const opened = await store.open(key);
  if (!opened.ok) return opened;
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of opened.value as Readable) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch {
    return err(failure("unavailable", "archive.unreadable", "The archive could not be read back"));
  }
  return ok({ bytes, sha256: hash.digest("hex") });
}
