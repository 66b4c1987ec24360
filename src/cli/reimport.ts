import { parseArgs } from "node:util";
import type { ReimportAsk } from "../archive/reimport/context.ts";
import { parseReimportPoint } from "../archive/reimport/point.ts";
import { tellFailure, type CliCommand, type CliIo } from "./command.ts";
import { withReimportLinks } from "./reimport-server.ts";
import { oneLine, tellReimport } from "./reimport-text.ts";
import { withAssembly } from "./with-assembly.ts";

const USAGE = "<project> --from <date> --to <domain> [--account <name>] [--zone <zone>] [--dry-run]";

/** `twokey reimport`: registers a project's templates in an empty domain again, as they were saved by a date. */
export const reimportCommand: CliCommand = {
  name: "reimport",
  usage: `${USAGE}   registers a project's templates from the archive again; a second run continues`,
  async run(args, io) {
    const ask = readArguments(args, io);
    if (ask === null) return 2;
    return withAssembly(io, ({ config, assembly }) =>
      withReimportLinks(config, assembly.links, async (links) => {
        const say = (line: string): void => io.out(`${oneLine(line)}\n`);
        const done = await assembly.reimport(ask, { links, say, sleep: io.sleep });
        if (!done.ok)
          return tellFailure(io, { ...done.error, message: oneLine(done.error.message) }, done.error.kind === "invalid" ? 2 : 1);
        tellReimport(done.value, ask.dryRun, config.archive.place, io.out);
        return ask.dryRun || done.value.templates.every((t) => t.state === "ready") ? 0 : 1;
      }),
    );
  },
};

function readArguments(args: readonly string[], io: CliIo): ReimportAsk | null {
  const refuse = (what: string): null => {
    io.err(`${what}\nUsage: twokey reimport ${USAGE}\n`);
    return null;
  };
  const string = { type: "string" } as const;
  const options = { from: string, to: string, account: string, zone: string, "dry-run": { type: "boolean" } } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [project, ...more] = positionals;
    if (project === undefined || project.trim() === "" || more.length > 0) return refuse("Name one project: its short name or its id.");
    if (values.from === undefined) return refuse("--from is missing: the date by which the copies were saved.");
    if (values.to === undefined || values.to === "") return refuse("--to is missing: the UUID or the path of an empty domain.");
    if (values.account === "") return refuse("--account is empty.");
    if (values.zone === "") return refuse("--zone is empty.");
    const from = parseReimportPoint(values.from, io.now());
    if (!from.ok) return refuse([from.error.message, from.error.remedy].filter((s) => s !== undefined).join(". "));
    const [account, zone] = [values.account ?? null, values.zone ?? null];
    return { project, from: from.value, to: values.to, account, zone, dryRun: values["dry-run"] ?? false };
  } catch (thrown) {
    return refuse(thrown instanceof Error ? thrown.message : String(thrown));
  }
}
