import { createHash } from "node:crypto";
import { Transform, type Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { fail, type Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import type { InventoryItem } from "../core/inventory.ts";
import type { ArchiveStore, ExportSource } from "./ports.ts";

/** Something saved, read back and found equal. */
export interface Saved {
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
}

const TRIES = 4;
/** How much may be buffered between the download and the archive. */
const WATER_BYTES = 512 * 1024;

/**
 * Saves one thing: extract, stream to the archive, resume after a cut, read back and compare with what was streamed.
 *
 * Errors: `rejected` (cannot be extracted), `contract_broken` (ended early, sizes disagree, read back different), `unavailable`.
 * Nothing is reported as saved that was not read back. Invariant: INV-8.
 */
export async function saveItem(
  item: InventoryItem,
  key: string,
  source: ExportSource,
  store: ArchiveStore,
  progress: (done: number, total: number | null, step: "copying" | "checking") => void,
): Promise<Result<Saved, Failure>> {
  const size = item.facts["physicalBytes"] ?? item.bytes;
  const room = await store.requireRoom(typeof size === "number" ? size - (await store.unfinishedBytes(key)) : null);
  if (!room.ok) return room;
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
        progress(done, total, "copying");
        next(null, chunk);
      },
    });
    const fed = feed(stream.value.bytes, counted);
    const stored = await store.append(key, stream.value.offset, counted);
    if (!stored.ok) counted.destroy();
    const whole = await fed;
    const there = stored.ok ? stored.value : await store.unfinishedBytes(key);
    if (there !== done) {
      // The running hash covers bytes that the archive does not hold: start over.
      hash = createHash("sha256");
      done = 0;
    }

    if (stored.ok && (total === null ? whole : done === total)) break;
    if (stored.ok && total !== null && done > total) return sizes(item, done, total);
    // A refusal, or a full archive, does not change with a retry.
    if (!stored.ok && (stored.error.code === "archive.full" || stored.error.kind === "rejected")) return stored;
    if (attempt < TRIES) continue;
    if (!stored.ok) return stored;
    if (total !== null) return sizes(item, done, total);
    return fail("unavailable", "archive.cut", `The download of ${item.kind} ${item.id} was cut off repeatedly`);
  }

  if (done === 0) return fail("contract_broken", "archive.empty", `The download of ${item.kind} ${item.id} was empty`);
  // Of a template CloudStack gives the size of the very file; of a snapshot, that of its chain (recording 05: 0).
  const expected = item.kind === "template" || item.kind === "iso" ? item.facts["physicalBytes"] : undefined;
  if (typeof expected === "number" && expected !== done) return sizes(item, done, expected);

  const finished = await store.finish(key);
  if (!finished.ok) return finished;
  const sha256 = hash.digest("hex");
  progress(done, total, "checking");
  const back = await readBack(store, key);
  if (!back.ok) return back;
  if (back.value.sha256 !== sha256 || back.value.bytes !== done)
    return fail("contract_broken", "archive.differs", `What was read back of ${item.kind} ${item.id} is not what was saved`);
  return ok({ key, bytes: done, sha256 });
}

/** Pipes bytes on; true when they ended normally. What came before a cut still reaches the archive: the next try resumes there. */
async function feed(from: Readable, into: Transform): Promise<boolean> {
  // The reader of `into` reports its errors.
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

function sizes(item: InventoryItem, done: number, total: number): Result<never, Failure> {
  return fail("contract_broken", "archive.size", `The download of ${item.kind} ${item.id} gave ${done} bytes, ${total} were announced`);
}

/** Reads a saved object again and hashes it. */
export async function readBack(store: Pick<ArchiveStore, "open">, key: string): Promise<Result<Omit<Saved, "key">, Failure>> {
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
    return fail("unavailable", "archive.unreadable", "The archive could not be read back");
  }
  return ok({ bytes, sha256: hash.digest("hex") });
}
