import { createCiDatabase } from "../../cidb/read.ts";
import { parseConfig } from "../../config/config.ts";
import { secretsIn } from "../../config/secret-files.ts";
import { examineArchive } from "./archive.ts";
import { examineCertificates } from "./certificates.ts";
import { checksOf, type Check } from "./check.ts";
import { examineCiDatabase } from "./ci-database.ts";
import { examineCloudStack } from "./cloudstack.ts";
import { examineHttp } from "./http.ts";
import { examineOwnDatabase, readProtectedInForce } from "./own-database.ts";
import { examineProxies, type Outside } from "./proxies.ts";
import { checksAsJson, exitCodeOf, renderChecks } from "./report.ts";
import { examineSlack } from "./slack.ts";
import { redact } from "../../events.ts";
import { type CliCommand, type CliIo } from "../command.ts";

const { ok, warning, failed } = checksOf("environment");

/** `twokey doctor`: checks every system of the environment without changing anything. */
export const runDoctor: CliCommand = async (io, given) => {
  return tellChecks(await examine(io), io, given.flags);
};

/** Writes the findings, without any secret of the environment; returns the exit code. */
export function tellChecks(checks: readonly Check[], io: CliIo, flags: ReadonlySet<string> = new Set()): number {
  io.out(secretless(flags.has("json") ? checksAsJson(checks) : renderChecks(checks), io.env));
  return exitCodeOf(checks, flags.has("strict"));
}

/** What each system is reached by, when it is by HTTP. */
const outside: Partial<Record<Check["system"], Outside>> = { cloudstack: "cloudstack", slack: "slack", archive: "archive" };
const systems = ["database", "ci database", "cloudstack", "slack", "archive", "http"] as const;

/** Checks the systems of the environment, or the wanted ones; the report is in their order. Nothing is changed, nothing thrown. */
export async function examine(io: CliIo, wanted: readonly Check["system"][] = systems): Promise<readonly Check[]> {
  const config = parseConfig(io.env);
  if (!config.ok) {
    const [, ...problems] = config.error.message.split("\n");
    return problems.map((problem) => failed(problem.trim(), config.error.remedy ?? "Set it."));
  }
  const { value } = config;
  const ci = createCiDatabase({
    ...value.ci,
    now: io.now,
    confirmed: async () => null,
    lastComplete: async () => null,
    onError: () => undefined,
  });
  const inspections: Readonly<Record<(typeof systems)[number], () => Promise<readonly Check[]>>> = {
    database: () => examineOwnDatabase(value, io.now),
    "ci database": () => examineCiDatabase({ ...value.ci, ci, rootPath: value.cloudstack.rootPath }),
    cloudstack: async () => examineCloudStack(value, await readProtectedInForce(value), io),
    slack: () => examineSlack({ slack: value.slack, now: io.now, listPeople: ci.listPeople }),
    archive: () => examineArchive(value),
    http: () => examineHttp(value),
  };
  try {
    // One after the other in the report, but all at the same time.
    const proxies =
      wanted.length > 1 || wanted.includes("proxy") ? await examineProxies(value) : { checks: [], cutOff: new Set<Outside>() };
    const inspect = async (s: (typeof systems)[number]): Promise<readonly Check[]> => {
      const by = outside[s];
      if (by !== undefined && proxies.cutOff.has(by)) return [checksOf(s).skipped("not checked: the proxy before it does not lead there")];
      return guarded(s, inspections[s]);
    };
    const found = await Promise.all(systems.filter((s) => wanted.includes(s)).map(inspect));
    const mode = value.slack.connection.mode === "socket" ? "Socket Mode" : "HTTP";
    const unknown = value.warnings.map((sentence) => warning(sentence, "Correct its name, or remove it."));
    const certificates = await examineCertificates(io.env, io.now());
    const here = [ok(`complete, named ${value.environment}, Slack by ${mode}`), ...unknown, ...certificates];
    return [...here, ...proxies.checks, ...found.flat()];
  } finally {
    await ci.close();
  }
}

/** A bug in one check must not hide the others' findings. */
async function guarded(system: Check["system"], inspect: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
  try {
    return await inspect();
  } catch (thrown) {
    const said = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    return [checksOf(system).failed(`could not be checked: ${said}`, "This is a bug in Twokey; report it with this line.")];
  }
}

/** Removes from a text what has the form of a secret, and every secret of this environment by its value. */
function secretless(text: string, env: CliIo["env"]): string {
  return secretsIn(env).reduce((shown, s) => shown.replaceAll(s, "[redacted]"), redact(text));
}
