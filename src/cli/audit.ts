import { verifyAudit } from "../store/audit.ts";
import { readKey } from "./audit-cut.ts";
import { refuse, refuseUse, tellFailure, tellJson, type CliCommand } from "./command.ts";
import { withReading } from "./reading.ts";

const reasons = {
  row_changed: "this row is not what was written",
  row_missing_before: "a row before this one is missing, or one was inserted",
  checkpoint_forged: "the log begins after it, at a checkpoint that this key did not sign",
  cut_at_the_end: "the rows after this one were removed: the head that you gave is not in the log",
} as const;

/** `twokey audit verify`: computes every hash of the audit log again. Invariant: INV-10. */
export const runAuditVerify: CliCommand = async (io, given) => {
  const head = given.values["head"];
  if (head !== undefined && !/^[0-9a-f]{64}$/.test(head))
    return refuseUse(io, given, "--head is not a head: it has 64 hexadecimal digits.");
  const keyFile = given.values["key"];
  const key = keyFile === undefined ? undefined : readKey(keyFile, "public");
  if (key?.ok === false) return tellFailure(io, key.error, 2);
  return withReading(io, async (db) => {
    const verdict = await verifyAudit(db, head, key?.value);
    const isUntold = verdict.intact && verdict.begin?.signed === null;
    if (given.flags.has("json")) {
      tellJson(io, verdict);
      return isUntold ? 2 : verdict.intact ? 0 : 1;
    }
    if (verdict.intact && isUntold)
      return refuse(
        io,
        `The audit log begins at a checkpoint: its rows up to ${verdict.begin?.lastSeq} were cut off. ` +
          "Whether that was signed can be told only with the public key: add --key FILE. The rows after it are intact.",
      );
    if (verdict.intact) {
      if (verdict.begin !== undefined)
        io.out(
          `It begins at a signed checkpoint, after row ${verdict.begin.lastSeq}; the rows before it are in the file with sha256 ${verdict.begin.file}.\n`,
        );
      io.out(
        `The audit log is intact: ${verdict.rows} rows.\nhead ${verdict.head}\nNote the head elsewhere: it proves later that no row was removed from the end.\n`,
      );
      return 0;
    }
    io.err(`The audit log is NOT intact at row ${verdict.seq}: ${reasons[verdict.reason]}.\n`);
    return 1;
  });
};
