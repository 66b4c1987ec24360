import { instantOf } from "../core/clock.ts";
import { FIRST_PREV_HASH, readAudit, type AuditRow } from "../store/audit.ts";
import { readCheckpoint } from "../store/audit-checkpoints.ts";
import type { Queryable } from "../store/db.ts";
import { readInstallation } from "../store/installation.ts";
import { readOldPart } from "../store/audit-checkpoints.ts";
import { readAuditFile, writeAuditFile } from "./audit-file.ts";
import { refuseUse, tellFailure, withOwnDatabase, type CliCommand } from "./command.ts";

const BATCH = 1000;

/** `twokey audit export`: writes the part of the audit log that is older than a time to a file, and reads it back. Changes nothing. */
export const runAuditExport: CliCommand = async (io, given) => {
  const [file = ""] = given.args;
  const before = instantOf(given.values["before"] ?? "");
  if (before === null) return refuseUse(io, given, `--before ${given.values["before"] ?? ""} is not a time (such as 2026-07-01; UTC)`);
  return withOwnDatabase(io, async (db) => {
    const lastSeq = await readOldPart(db, before);
    if (lastSeq === null) {
      io.err("The audit log has no row of before that time: nothing was written.\n");
      return 1;
    }
    const installation = await readInstallation(db);
    const checkpoint = await readCheckpoint(db);
    try {
      await writeAuditFile(
        file,
        { installation: installation.id, prevHash: checkpoint?.lastHash ?? FIRST_PREV_HASH },
        rowsUntil(db, lastSeq),
      );
    } catch (thrown) {
      const { code } = thrown as { code?: unknown };
      io.err(code === "EEXIST" ? `${file} is there already: nothing was written.\n` : `${file} could not be written (${String(code)}).\n`);
      return 1;
    }
    const read = await readAuditFile(file);
    if (!read.ok) return tellFailure(io, read.error);
    const { rows, last, sha256 } = read.value;
    io.out(
      `${rows} rows of the audit log, up to row ${last.seq} of ${new Date(last.at).toISOString()}, are in ${file}.\nsha256 ${sha256}\n`,
    );
    io.err("It holds names. Keep a second copy of it; only then cut the log: twokey audit cut FILE --key KEY.\n");
    return 0;
  });
};

async function* rowsUntil(db: Queryable, lastSeq: number): AsyncGenerator<AuditRow> {
  for (let afterSeq = 0; ;) {
    const batch = await readAudit(db, { afterSeq, limit: BATCH });
    for (const row of batch) {
      if (row.seq > lastSeq) return;
      yield row;
    }
    const end = batch.at(-1);
    if (end === undefined || batch.length < BATCH) return;
    afterSeq = end.seq;
  }
}
