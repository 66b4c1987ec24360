import { verifyAudit } from "../store/audit.ts";
import { refuseUse, tellJson, type CliCommand } from "./command.ts";
import { withReading } from "./reading.ts";

const reasons = {
  row_changed: "this row is not what was written",
  row_missing_before: "a row before this one is missing, or one was inserted",
  cut_at_the_end: "the rows after this one were removed: the head that you gave is not in the log",
} as const;

/** `twokey audit verify`: computes every hash of the audit log again. Invariant: INV-10. */
export const runAuditVerify: CliCommand = async (io, given) => {
  const head = given.values["head"];
  if (head !== undefined && !/^[0-9a-f]{64}$/.test(head))
    return refuseUse(io, given, "--head is not a head: it has 64 hexadecimal digits.");
  return withReading(io, async (db) => {
    const verdict = await verifyAudit(db, head);
    if (given.flags.has("json")) {
      tellJson(io, verdict);
      return verdict.intact ? 0 : 1;
    }
    if (verdict.intact) {
      io.out(
        `The audit log is intact: ${verdict.rows} rows.\nhead ${verdict.head}\nNote the head elsewhere: it proves later that no row was removed from the end.\n`,
      );
      return 0;
    }
    io.err(`The audit log is NOT intact at row ${verdict.seq}: ${reasons[verdict.reason]}.\n`);
    return 1;
  });
};
