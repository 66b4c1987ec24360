import { createCiDatabase } from "../../cidb/read.ts";
import { parseConfig, type Config } from "../../config.ts";
import { examineArchive } from "./archive.ts";
import { checksOf, type Check } from "./check.ts";
import { examineCiDatabase } from "./ci-database.ts";
import { examineCloudStack } from "./cloudstack.ts";
import { examineHttp } from "./http.ts";
import { examineOwnDatabase } from "./own-database.ts";
import { exitCodeOf, renderChecks } from "./report.ts";
import { examineSlack } from "./slack.ts";
import { redact } from "../../events.ts";
import type { CliCommand, CliIo } from "../command.ts";

const { ok, failed } = checksOf("environment");

/** `twokey doctor`: looks at every system of the environment without changing anything. Exit code: 0 all ok, 1 warnings, 2 failures. */
export const doctorCommand: CliCommand = {
  name: "doctor",
  usage: "  looks at the environment and every system it names, changes nothing; exit code 1: warnings, 2: failures",
  async run(args, io) {
    if (args.length > 0) {
      io.err("Usage: twokey doctor\n");
      return 2;
    }
    return tellChecks(await examine(io), io);
  },
};

/** Writes what was found, without any secret of the environment; gives the exit code. */
export function tellChecks(checks: readonly Check[], io: CliIo): number {
  io.out(secretless(renderChecks(checks), io.env));
  return exitCodeOf(checks);
}

const systems = ["database", "ci database", "cloudstack", "slack", "archive", "http"] as const;

/** Looks at the systems of the environment, or at some of them; the report is in their order. Nothing is changed, nothing thrown. */
export async function examine(io: CliIo, wanted: readonly Check["system"][] = systems): Promise<readonly Check[]> {
  const config = parseConfig(io.env);
  if (!config.ok) {
    const [, ...problems] = config.error.message.split("\n");
    return problems.map((problem) => failed(problem.trim(), config.error.remedy ?? "Set it."));
  }
  const { value } = config;
  const ci = createCiDatabase({ ...value.ci, now: io.now, onError: () => undefined });
  const looks: Readonly<Record<(typeof systems)[number], () => Promise<readonly Check[]>>> = {
    database: () => examineOwnDatabase(value),
    "ci database": () => examineCiDatabase({ ...value.ci, ci, rootPath: value.cloudstack.rootPath }),
    cloudstack: () => examineCloudStack(value, io),
    slack: () => examineSlack({ slack: value.slack, now: io.now, listPeople: ci.listPeople }),
    archive: () => examineArchive(value),
    http: () => examineHttp(value),
  };
  try {
    // One system after the other in the report, all at once on the way.
    const found = await Promise.all(systems.filter((s) => wanted.includes(s)).map((s) => guarded(s, looks[s])));
    return [ok(`complete, named ${value.environment}${modeOf(value)}`), ...found.flat()];
  } finally {
    await ci.close();
  }
}

function modeOf(config: Config): string {
  return config.slack.connection.mode === "socket" ? ", Slack by Socket Mode" : ", Slack by HTTP";
}

/** A bug in one room must not keep the others' findings back. */
async function guarded(system: Check["system"], look: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
  try {
    return await look();
  } catch (thrown) {
    const said = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    return [checksOf(system).failed(`could not be looked at: ${said}`, "This is a defect of Twokey; tell its authors this line.")];
  }
}

/** Takes out of a text whatever looks like a secret, and every secret of this environment by its value. */
function secretless(text: string, env: CliIo["env"]): string {
  const passwords = ["DATABASE_URL", "DATABASE_MIGRATION_URL", "CI_DATABASE_URL"].map((name) => passwordOf(env[name] ?? ""));
  const secrets = Object.entries(env).flatMap(([name, value]) => (/TOKEN|SECRET|API_KEY|ACCESS_KEY/.test(name) ? [value ?? ""] : []));
  return [...secrets, ...passwords].filter((s) => s.length >= 6).reduce((shown, s) => shown.replaceAll(s, "[redacted]"), redact(text));
}

function passwordOf(url: string): string {
  return URL.canParse(url) ? decodeURIComponent(new URL(url).password) : "";
}
