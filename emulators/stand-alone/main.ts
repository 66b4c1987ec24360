import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { ciDatabaseSql } from "./ci-sql.ts";
import { exampleSeed } from "./example-seed.ts";
import { rehearsalEnvironment, startRehearsal, type Places } from "./rehearsal.ts";
import { parseSeed, type RehearsalSeed } from "./seed-file.ts";

/** What `--host`, `--public-host` and the ports are typed as. */
type PlaceOptions = Partial<Places>;

/**
 * `twokey-emulators`: runs a command line, without the words `node` and `twokey-emulators`; returns the exit code.
 *
 * Errors: what is wrong with the command line or the seed is said on the error output; 2 for wrong use, 1 for anything else.
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: "user" });
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    process.stderr.write(`${sentenceOf(thrown)}\n`);
    return 1;
  }
}

function createProgram(): Command {
  const program = new Command("twokey-emulators")
    .description("Slack and CloudStack to rehearse against: docs/rehearsal.md. Whoever reaches their ports may do everything there.")
    .exitOverride();
  placed(program.command("start", { isDefault: true }))
    .description("starts both emulators and the page on which people are played, until they are stopped")
    .argument("[seed]", "a seed file; left out: an example with 400 projects")
    .option("--state <folder>", "keeps both worlds there; left out: they start from nothing each time")
    .option("--without-accounts", "leaves the bot's roles and accounts in CloudStack out")
    .action(start);
  program
    .command("seed")
    .description("prints an example of a seed: a CI service whose domains exist already")
    .option("--projects <n>", "how many projects", number(1, 20_000), 400)
    .option("--members <n>", "how many members each has", number(1, 100), 3)
    .action((o: { projects: number; members: number }) => print(JSON.stringify(exampleSeed(o), null, 1)));
  program
    .command("sql")
    .description("prints the CI database of a seed, for psql")
    .argument("[seed]", "a seed file; left out: the example")
    .option("--reader-password <password>", "of the role twokey_reader; left out: none")
    .action((file: string | undefined, o: { readerPassword?: string }) => print(ciDatabaseSql(readSeed(file), o.readerPassword ?? null)));
  placed(program.command("env"))
    .description("prints the bot's environment, except for its two databases")
    .action((o: PlaceOptions) => {
      const lines = Object.entries(rehearsalEnvironment(placesOf(o))).map(([name, value]) => `${name}=${quoted(value)}`);
      print(lines.join("\n"));
    });
  return program;
}

function placed(command: Command): Command {
  return command
    .option("--host <address>", "where they listen", "127.0.0.1")
    .option("--public-host <name>", "how others reach this machine, such as a container's name", "127.0.0.1")
    .option("--cloudstack-port <port>", "CloudStack's API", number(0, 65_535), 18_080)
    .option("--slack-port <port>", "Slack's API and sockets", number(0, 65_535), 18_081)
    .option("--page-port <port>", "the page", number(0, 65_535), 18_082);
}

function placesOf(o: PlaceOptions): Places {
  const { host = "127.0.0.1", publicHost = "127.0.0.1", cloudstackPort = 0, slackPort = 0, pagePort = 0 } = o;
  return { host, publicHost, cloudstackPort, slackPort, pagePort };
}

async function start(file: string | undefined, o: PlaceOptions & { state?: string; withoutAccounts?: boolean }): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const running = await startRehearsal({
    ...placesOf(o),
    seed: readSeed(file),
    stateFolder: o.state ?? null,
    makesAccounts: o.withoutAccounts !== true,
  });
  const env = rehearsalEnvironment(running.places);
  print(`CloudStack: ${env["CLOUDSTACK_API_URL"]}, ${running.domains} domains below ${env["CLOUDSTACK_ROOT_DOMAIN"]}`);
  print(`Slack: ${env["SLACK_API_URL"]}`);
  print(`People in Slack are played at ${running.pageUrl}`);
  print("The bot's environment: twokey-emulators env. Stop with Ctrl-C.");
  await stopped;
  await running.close();
}

function readSeed(file: string | undefined): RehearsalSeed {
  return file === undefined ? exampleSeed({ projects: 400, members: 3 }) : parseSeed(readFileSync(file, "utf8"));
}

/** An option that is a whole number within bounds. */
function number(min: number, max: number): (typed: string) => number {
  return (typed) => {
    const value = Number(typed);
    if (/^\d+$/.test(typed) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}

/** A value as a shell and an environment file read it. */
function quoted(value: string): string {
  return /^[\w./:@-]+$/.test(value) ? value : `'${value.replaceAll("'", String.raw`'\''`)}'`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function sentenceOf(thrown: unknown): string {
  const { code, port, path: file, message } = thrown as NodeJS.ErrnoException & { readonly port?: number };
  if (code === "EADDRINUSE")
    return `Port ${port ?? ""} is taken: give another one (--cloudstack-port, --slack-port, --page-port), or 0 for any.`;
  if (code === "ENOENT" || code === "EACCES") return `${file ?? "The seed file"} cannot be read or made (${code}).`;
  return message;
}
