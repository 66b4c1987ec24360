import { parseArgs } from "node:util";
import type { ReimportAsk } from "../archive/reimport/context.ts";
import { parseReimportPoint } from "../archive/reimport/point.ts";
import type { CliCommand, CliIo } from "./command.ts";
import { withRestoreLinks } from "./reimport-server.ts";
import { oneLine, tellRestore } from "./reimport-text.ts";
import { sayFailure, withAssembly } from "./with-assembly.ts";

const USAGE = "<project> --from <date> --to <domain> [--account <name>] [--zone <zone>] [--dry-run]";

/** `twokey restore`: a project's templates again, as they were saved by a date, into an empty domain. */
export const restoreCommand: CliCommand = {
  name: "restore",
  usage: `${USAGE}   registers a project's templates again; run again it goes on`,
  async run(args, io) {
    const ask = readArguments(args, io);
    if (ask === null) return 2;
    return withAssembly(io, ({ config, parts, assembly }) =>
      withRestoreLinks(config, { db: parts.db, store: parts.archive, now: io.now }, async (links) => {
        const say = (line: string): void => io.out(`${oneLine(line)}\n`);
        const done = await assembly.reimport(ask, { links, say, sleep: io.sleep });
        if (!done.ok) {
          sayFailure(io, { ...done.error, message: oneLine(done.error.message) });
          return done.error.kind === "invalid" ? 2 : 1;
        }
        tellRestore(done.value, ask.dryRun, config.archive.place, io.out);
        return ask.dryRun || done.value.templates.every((t) => t.state === "ready") ? 0 : 1;
      }),
    );
  },
};

function readArguments(args: readonly string[], io: CliIo): ReimportAsk | null {
  const refuse = (what: string): null => {
    io.err(`${what}\nWrite: twokey restore ${USAGE}\n`);
    return null;
  };
  const string = { type: "string" } as const;
  const options = { from: string, to: string, account: string, zone: string, "dry-run": { type: "boolean" } } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [project, ...more] = positionals;
    if (project === undefined || project.trim() === "" || more.length > 0)
      return refuse("One project is wanted: its short name or its id.");
    if (values.from === undefined) return refuse("--from is missing: copies that were saved by then are taken.");
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
