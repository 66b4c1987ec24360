import { Command, CommanderError, Option } from "commander";
import { readVersion } from "../app/version.ts";
import type { CommandEntry } from "./command-entry.ts";
import { EXIT_CODES, commandList, groups } from "./command-list.ts";
import type { CliCommand, CliIo, Given } from "./command.ts";

/** The process that a command line is given to. */
export interface Host {
  readonly out: (text: string) => void;
  /** What commands get; made only when one runs, or something is wrong. */
  readonly terminal: () => Promise<CliIo>;
  /** `twokey serve`, which only main.ts can make. */
  readonly serve: CliCommand;
}

/**
 * Runs a command line, without the words `node` and `twokey`; returns the exit code.
 *
 * Errors: wrong use is exit code 2, with a sentence; whatever a command throws is thrown on.
 */
export async function runProgram(args: readonly string[], host: Host): Promise<number> {
  let code = 0;
  let wrong = "";
  const program = createProgram({
    out: host.out,
    err: (text) => (wrong += text),
    run: async (entry, given) => {
      const [command, io] = await Promise.all([entry.load(host), host.terminal()]);
      code = await command(io, given);
    },
  });
  try {
    await program.parseAsync(helpAsOption(args, program), { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    code = thrown.exitCode === 0 ? 0 : (entryOf(args)?.wrongUse ?? 2);
  }
  // It repeats what was typed, which may contain a secret.
  if (wrong !== "") (await host.terminal()).err(wrong);
  return code;
}

/** The command that a line begins with: the longest name of them. */
function entryOf(args: readonly string[]): CommandEntry | undefined {
  const named = commandList.filter(({ name }) => name.split(" ").every((word, i) => args[i] === word));
  return named.toSorted((a, b) => b.name.length - a.name.length)[0];
}

interface Ports {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly run: (entry: CommandEntry, given: Given) => Promise<void>;
}

/** All commands as commander knows them; nothing of an implementation is loaded. */
function createProgram({ out, err, run }: Ports): Command {
  const program = new Command("twokey")
    .description("Keeps CloudStack in step with a CI database, and deletes nothing that two people did not approve.")
    .version(readVersion(), "--version", "prints the version")
    .helpOption("-h, --help", "shows this help")
    .helpCommand("help [command...]", "shows the help of a command")
    .addHelpText("after", `\nExit codes: ${EXIT_CODES}.\nEvery command with its options: docs/cli.md`)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err, outputError: (text, write) => write(`${sentenceOf(text)}\n`) });

  for (const entry of commandList) {
    const words = entry.name.split(" ");
    const parent = words.length === 1 ? program : groupOf(program, words[0] ?? "");
    const command = parent
      .command(`${words.at(-1) ?? ""} ${entry.args ?? ""}`)
      .description(entry.description)
      .configureHelp({ commandUsage: () => usageOf(entry) })
      .showHelpAfterError(`Usage: ${usageOf(entry)}`)
      .addHelpText("after", `\nExit codes: ${entry.exits ?? EXIT_CODES}.`)
      .passThroughOptions(entry.isText ?? false);
    for (const [flags, description, required] of entry.options ?? [])
      command.addOption(new Option(flags, description).makeOptionMandatory(required !== undefined));
    command.action(() => run(entry, { ...givenTo(command), usage: usageOf(entry) }));
  }
  return program;
}

/** A command with its arguments and options on one line; in brackets what may be left out. */
export function synopsisOf({ name, args, options = [] }: CommandEntry): string {
  return [name, args, ...options.map(([flags, , required]) => (required === undefined ? `[${flags}]` : flags))]
    .filter((part) => part !== undefined)
    .join(" ");
}

function groupOf(program: Command, name: string): Command {
  return (
    program.commands.find((c) => c.name() === name) ??
    program
      .command(name)
      .description(groups[name] ?? "")
      .showHelpAfterError(`twokey help ${name} lists what there is.`)
  );
}

function usageOf(entry: CommandEntry): string {
  return `twokey ${synopsisOf(entry)}`;
}

function givenTo(command: Command): Omit<Given, "usage"> {
  const options = command.options.map((o) => [o.name(), command.getOptionValue(o.attributeName()) as unknown] as const);
  return {
    args: command.args,
    values: Object.fromEntries(options.filter((pair): pair is [string, string] => typeof pair[1] === "string")),
    flags: new Set(options.filter(([, value]) => value === true).map(([name]) => name)),
  };
}

/** `help audit verify` is `audit verify --help`; a name that is not there stays, so that it is refused. */
function helpAsOption(args: readonly string[], program: Command): readonly string[] {
  const [first, ...names] = args.length === 0 ? ["help"] : args;
  if (first !== "help") return args;
  let found = program;
  for (const name of names) {
    const next = found.commands.find((c) => c.name() === name);
    if (next === undefined && found.commands.length > 0) return names;
    found = next ?? found;
  }
  return [...names, "--help"];
}

/** commander's `error: unknown command 'x'` as a sentence, its suggestion as another. */
function sentenceOf(text: string): string {
  const [what = "", ...more] = text
    .trim()
    .replace(/^error: /, "")
    .split("\n");
  const sentence = `${what.charAt(0).toUpperCase()}${what.slice(1).replace(/\.$/, "")}.`;
  return [sentence, ...more.map((line) => line.replace(/^\((.*)\)$/, "$1"))].join(" ");
}
