import type { ReimportAsk } from "../archive/reimport/context.ts";
import { parseReimportPoint } from "../archive/reimport/point.ts";
import { refuseUse, tellFailure, tellJson, type CliCommand, type CliIo, type Given } from "./command.ts";
import { withReimportLinks } from "./reimport-server.ts";
import { progressOf } from "./progress.ts";
import { oneLine, reimportAsJson, tellReimport } from "./reimport-text.ts";
import { withAssembly } from "./with-assembly.ts";

/** `twokey reimport`: registers a project's templates in an empty domain again, as they were saved by a date. */
export const runReimport: CliCommand = async (io, given) => {
  const ask = readArguments(given, io);
  if (ask === null) return 2;
  return withAssembly(io, ({ config, assembly }) =>
    withReimportLinks(config, assembly.links, async (links) => {
      const progress = progressOf(io, given.flags.has("json"));
      const done = await assembly.reimport(ask, { links, say: progress.say, sleep: io.sleep });
      progress.end();
      if (!done.ok) return tellFailure(io, { ...done.error, message: oneLine(done.error.message) }, done.error.kind === "invalid" ? 2 : 1);
      if (given.flags.has("json")) tellJson(io, reimportAsJson(done.value, ask.dryRun));
      else tellReimport(done.value, ask.dryRun, config.archive.place, io.out);
      return ask.dryRun || done.value.templates.every((t) => t.state === "ready") ? 0 : 1;
    }),
  );
};

function readArguments(given: Given, io: CliIo): ReimportAsk | null {
  const wrong = (what: string): null => {
    refuseUse(io, given, what);
    return null;
  };
  const [project = ""] = given.args;
  const { from: when = "", to = "", account = null, zone = null } = given.values;
  if (project.trim() === "") return wrong("Name one project: its short name or its id.");
  if (to === "") return wrong("--to is empty: it takes the UUID or the path of an empty domain.");
  if (account === "") return wrong("--account is empty.");
  if (zone === "") return wrong("--zone is empty.");
  const from = parseReimportPoint(when, io.now());
  if (!from.ok) return wrong([from.error.message, from.error.remedy].filter((s) => s !== undefined).join(". "));
  return { project, from: from.value, to, account, zone, dryRun: given.flags.has("dry-run") };
}
