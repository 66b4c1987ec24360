import { verifyAudit } from "../store/audit.ts";
import { refuse, withOwnDatabase, type CliCommand } from "./command.ts";

const reasons = {
  row_changed: "this row is not what was written",
  row_missing_before: "a row before this one is missing, or one was inserted",
  cut_at_the_end: "the rows after this one were removed: the head that you gave is not in the log",
} as const;

/** `twokey audit verify`: computes every hash of the audit log again. Exit code 1: the log was changed. Invariant: INV-10. */
export const auditCommand: CliCommand = {
  name: "audit",
  usage: "verify [--head <hash>]   checks the hash chain of the audit log, and that it still contains a head noted earlier",
  async run(args, io) {
    const [verb, flag, head, ...more] = args;
    const wellFormed =
      verb === "verify" && more.length === 0 && (flag === undefined || (flag === "--head" && /^[0-9a-f]{64}$/.test(head ?? "")));
    if (!wellFormed) return refuse(io, `Usage: twokey audit ${auditCommand.usage.split("   ")[0]} (a head is 64 hexadecimal digits)`);
    return withOwnDatabase(io, async (db) => {
      const verdict = await verifyAudit(db, head);
      if (verdict.intact) {
        io.out(
          `The audit log is intact: ${verdict.rows} rows.\nhead ${verdict.head}\nNote the head elsewhere: it proves later that no row was removed from the end.\n`,
        );
        return 0;
      }
      io.err(`The audit log is NOT intact at row ${verdict.seq}: ${reasons[verdict.reason]}.\n`);
      return 1;
    });
  },
};
