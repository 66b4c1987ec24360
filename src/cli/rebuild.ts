import type { RebuildReport } from "../sync/execution/rebuild.ts";
import { describeChange } from "../sync/planning/describe.ts";
import { tellFailure, type CliCommand, type CliIo } from "./command.ts";
import { withAssembly } from "./with-assembly.ts";

/** `twokey rebuild`: creates all domains, accounts and users of the CI database in an empty CloudStack. */
export const runRebuild: CliCommand = async (io, given) => {
  const dryRun = given.flags.has("dry-run");
  return withAssembly(io, async ({ assembly }) => {
    const done = await assembly.rebuild({ dryRun, say: (line) => io.out(`${line}\n`) });
    if (!done.ok) return tellFailure(io, done.error);
    tell(done.value, dryRun, io);
    return done.value.obstacles.length > 0 || (!dryRun && done.value.left.length > 0) ? 1 : 0;
  });
};

function tell(report: RebuildReport, dryRun: boolean, io: CliIo): void {
  const list = (title: string, lines: readonly string[]): string =>
    lines.length === 0 ? "" : `${title} (${lines.length}):\n${lines.map((line) => `  ${line}\n`).join("")}`;
  io.out(list(dryRun ? "Would be created" : "Not there yet; run it again", report.left.map(describeChange)));
  io.out(list("Cannot be created", report.obstacles));
  io.out(list("Left to the next pass, since it restricts something", report.forLater));
  if (dryRun) io.out("Nothing was created: this was a dry run.\n");
  else if (report.left.length + report.obstacles.length === 0)
    io.out(
      `Complete and read back: ${report.projects} projects with ${report.accounts} accounts; ${report.made} things created in this run.\n`,
    );
  else io.out(`Not complete: ${report.made} things created in this run.\n`);
}
