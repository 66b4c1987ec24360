import type { RebuildReport } from "../sync/execution/rebuild.ts";
import { describeChange } from "../sync/planning/describe.ts";
import { tellFailure, tellJson, type CliCommand, type CliIo } from "./command.ts";
import { progressOf } from "./progress.ts";
import { withAssembly } from "./with-assembly.ts";

/** `twokey rebuild`: creates all domains, accounts and users of the CI database in an empty CloudStack. */
export const runRebuild: CliCommand = async (io, given) => {
  const dryRun = given.flags.has("dry-run");
  const isForScript = given.flags.has("json");
  return withAssembly(io, async ({ assembly }) => {
    const progress = progressOf(io, isForScript);
    const done = await assembly.rebuild({ dryRun, say: progress.say });
    progress.end();
    if (!done.ok) return tellFailure(io, done.error);
    if (isForScript) tellJson(io, { ...done.value, left: done.value.left.map(describeChange), dryRun });
    else tell(done.value, dryRun, io);
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
