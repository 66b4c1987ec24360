import type { RebuildReport } from "../sync/execution/rebuild.ts";
import { describeChange } from "../sync/planning/describe.ts";
import type { CliCommand, CliIo } from "./command.ts";
import { sayFailure, withAssembly } from "./with-assembly.ts";

/** `twokey rebuild`: all domains, accounts and users again, from the CI database into an empty CloudStack. */
export const rebuildCommand: CliCommand = {
  name: "rebuild",
  usage: "[--dry-run]   makes all domains, accounts and users again in an empty CloudStack; run again it goes on",
  async run(args, io) {
    if (args.some((a) => a !== "--dry-run")) {
      io.err("Usage: twokey rebuild [--dry-run]\n");
      return 2;
    }
    const dryRun = args.includes("--dry-run");
    return withAssembly(io, async ({ assembly }) => {
      const done = await assembly.rebuild({ dryRun, say: (line) => io.out(`${line}\n`) });
      if (!done.ok) {
        sayFailure(io, done.error);
        return 1;
      }
      tell(done.value, dryRun, io);
      return done.value.obstacles.length > 0 || (!dryRun && done.value.left.length > 0) ? 1 : 0;
    });
  },
};

function tell(report: RebuildReport, dryRun: boolean, io: CliIo): void {
  const list = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? "" : `${title} (${lines.length}):\n${lines.map((line) => `  ${line}\n`).join("")}`;
  io.out(list(dryRun ? "Would be made" : "Not there yet; run it again", report.left.map(describeChange)));
  io.out(list("Cannot be made", report.obstacles));
  io.out(list("Left to the next pass, since it takes something away", report.forLater));
  if (dryRun) io.out("Nothing was made: this was a dry run.\n");
  else if (report.left.length + report.obstacles.length === 0)
    io.out(`All there, read back: ${report.projects} projects with ${report.accounts} accounts; ${report.made} things made in this run.\n`);
  else io.out(`Not all there: ${report.made} things made in this run.\n`);
}
