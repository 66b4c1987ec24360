/** An exported part of the audit log: a first line that says of whose log, then one row in JSON on each line. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fail, failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { AuditExportHead, AuditRowShape, faultOf, type AuditRow } from "../store/audit.ts";

/** What an export holds. */
export interface AuditFile {
  readonly installation: string;
  /** What its first row follows. */
  readonly prevHash: string;
  readonly rows: number;
  readonly last: Pick<AuditRow, "seq" | "hash" | "at">;
  /** Of the whole file. */
  readonly sha256: string;
}

/**
 * Writes rows to a file that only its owner can read; on the disk before this returns, or not there at all.
 *
 * Errors: throws what the file system says.
 */
export async function writeAuditFile(
  path: string,
  of: { readonly installation: string; readonly prevHash: string },
  rows: AsyncIterable<AuditRow>,
): Promise<void> {
  const begun = `${path}.unfinished`;
  // Neither an earlier export nor anything else is written over.
  await (await open(path, "wx", 0o600)).close();
  try {
    const file = await open(begun, "w", 0o600);
    try {
      await file.write(`${JSON.stringify({ twokey: "audit export", version: 1, ...of })}\n`);
      for await (const row of rows) await file.write(`${JSON.stringify(row)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(begun, path);
  } catch (thrown) {
    await Promise.all([rm(begun, { force: true }), rm(path, { force: true })]);
    throw thrown;
  }
}

/** Reads an export and computes every hash again. Errors: `invalid` with the line that is not what was exported. */
export async function readAuditFile(path: string): Promise<Result<AuditFile, Failure>> {
  const hash = createHash("sha256");
  try {
    return await readLines(path, hash);
  } catch (thrown) {
    const { code } = thrown as { code?: unknown };
    return err(failure("invalid", "audit.file", `The file could not be read${typeof code === "string" ? ` (${code})` : ""}`));
  }
}

async function readLines(path: string, hash: Hash): Promise<Result<AuditFile, Failure>> {
  const stream = createReadStream(path);
  stream.on("data", (bytes) => hash.update(bytes));
  let head: AuditExportHead | null = null;
  let last: AuditRow | null = null;
  let n = 0;
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    n += 1;
    const value = parseJson(line);
    if (n === 1) {
      const parsed = AuditExportHead.safeParse(value);
      if (!parsed.success) return fail("invalid", "audit.file", "This is no export of the audit log: its first line does not say so");
      head = parsed.data;
      continue;
    }
    const row = AuditRowShape.safeParse(value);
    const fault = row.success ? faultOf(row.data, last?.hash ?? head?.prevHash ?? "") : "row_changed";
    if (!row.success || fault !== null || (last !== null && row.data.seq <= last.seq))
      return fail("invalid", "audit.file", `Line ${n} of the file is not what was exported: ${FAULTS[fault ?? "row_missing_before"]}`);
    last = row.data;
  }
  if (head === null || last === null) return fail("invalid", "audit.file", "The file holds no row of the audit log");
  const { installation, prevHash } = head;
  return ok({ installation, prevHash, rows: n - 1, last: { seq: last.seq, hash: last.hash, at: last.at }, sha256: hash.digest("hex") });
}

const FAULTS = { row_changed: "it was changed", row_missing_before: "a line before it is missing, or one was put in" } as const;

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null; // No row: the caller says which line it is.
  }
}
