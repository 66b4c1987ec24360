import type { Readable } from "node:stream";
import type { Failure } from "../core/failure.ts";
import type { Result } from "../core/result.ts";
import type { InventoryItem } from "../core/inventory.ts";

/** Bytes on their way; `offset` is where they begin, 0 when the source would not go on in the middle. */
export interface ExportStream {
  readonly bytes: Readable;
  readonly offset: number;
  readonly totalBytes: number | null;
}

/** One thing made ready for download; its link never leaves the adapter. */
export interface OpenedExport {
  open(offset: number): Promise<Result<ExportStream, Failure>>;
}

/** Where bytes come from. Errors: `rejected` for what cannot be extracted, `unavailable` to be tried again. */
export interface ExportSource {
  openExport(item: InventoryItem): Promise<Result<OpenedExport, Failure>>;
}

/** Where bytes are kept. Keys are ours; no name of a template is ever part of one. */
export interface ArchiveStore {
  /** Appends `bytes` to an unfinished object and tells how much there is then. `offset` 0 begins anew. */
  append(key: string, offset: number, bytes: Readable): Promise<Result<number, Failure>>;
  /** How much of an unfinished object is there. */
  unfinishedBytes(key: string): Promise<number>;
  /** Makes an unfinished object whole: durable, and readable from now on. */
  finish(key: string): Promise<Result<void, Failure>>;
  open(key: string): Promise<Result<Readable, Failure>>;
  /** Removes an object, whole or unfinished; one that is not there is no failure. */
  remove(key: string): Promise<Result<void, Failure>>;
}
