import type { Readable } from "node:stream";
import type { Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { InventoryItem } from "../core/inventory.ts";

/** A download; `offset` is where it begins, 0 when the source cannot resume in the middle. */
export interface ExportStream {
  readonly bytes: Readable;
  readonly offset: number;
  readonly totalBytes: number | null;
}

/** One thing that is ready for download; its link never leaves the adapter. */
export interface OpenedExport {
  open(offset: number): Promise<Result<ExportStream, Failure>>;
}

/** Where bytes come from. Errors: `rejected` for what cannot be extracted, `unavailable` to be tried again. */
export interface ExportSource {
  openExport(item: InventoryItem): Promise<Result<OpenedExport, Failure>>;
}

/** A part of an object: its first and its last byte, from 0. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Where bytes are stored. Keys are ours; no name of a template is ever part of one. */
export interface ArchiveStore {
  /** Whether so many bytes more would leave the room that must stay free; null: nobody knows how many. Errors: `unavailable` archive.full. */
  requireRoom(bytes: number | null): Promise<Result<void, Failure>>;
  /** Appends `bytes` to an unfinished object and returns its size. `offset` 0 starts over. */
  append(key: string, offset: number, bytes: Readable): Promise<Result<number, Failure>>;
  /** Size of an unfinished object. */
  unfinishedBytes(key: string): Promise<number>;
  /** Completes an unfinished object: durable, and readable from now on. */
  finish(key: string): Promise<Result<void, Failure>>;
  /** Opens an object, or a part of it. */
  open(key: string, range?: ByteRange): Promise<Result<Readable, Failure>>;
  /**
   * Makes an address at which whoever has it gets an object for a few minutes, or for so many seconds, under this `content-disposition`;
   * left out: people get what is stored through Twokey only. It cannot be taken back.
   */
  readonly sign?: (key: string, method: "GET" | "HEAD", disposition: string, seconds?: number) => Promise<Result<string, Failure>>;
  /** Removes an object, complete or unfinished; one that does not exist is no failure. */
  remove(key: string): Promise<Result<void, Failure>>;
}

/** Runs calls to a store; what they throw becomes a failure. */
export async function attempt<T>(calls: () => Promise<T>, failureOf: (thrown: unknown) => Failure): Promise<Result<T, Failure>> {
  try {
    return ok(await calls());
  } catch (thrown) {
    return err(failureOf(thrown));
  }
}
