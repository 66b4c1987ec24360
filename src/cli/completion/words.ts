import type { CommandEntry } from "../command-entry.ts";

/** The commands, and what a first word means that several share. */
export interface Commands {
  readonly commandList: readonly CommandEntry[];
  readonly groups: Readonly<Record<string, string>>;
}

/** An option as a shell offers it; `takes`: nothing, a file, or a value that no shell knows. */
export interface OfferedOption {
  readonly name: string;
  readonly description: string;
  readonly takes: "nothing" | "file" | "value";
}

/** A first word of the command line with what may follow it. */
export interface Offered {
  readonly word: string;
  readonly description: string;
  readonly options: readonly OfferedOption[];
  /** What its first argument may be, where that is known. */
  readonly args: readonly string[];
  readonly below: readonly Offered[];
}

/** All that may be typed, from the list of commands. */
export function offeredWords({ commandList, groups }: Commands): readonly Offered[] {
  const words = [...new Set(commandList.map((entry) => entry.name.split(" ")[0] ?? ""))];
  const tops = words.map((word): Offered => {
    const alone = commandList.find((entry) => entry.name === word);
    if (alone !== undefined) return offered(alone, word);
    const below = commandList
      .filter((entry) => entry.name.startsWith(`${word} `))
      .map((entry) => offered(entry, entry.name.slice(word.length + 1)));
    return { word, description: groups[word] ?? "", options: [], args: [], below };
  });
  return [...tops, { word: "help", description: "shows the help of a command", options: [], args: words, below: [] }];
}

/** The shells for which there is a script. */
export const shellNames = ["bash", "zsh", "fish"] as const;

function offered({ name, description, options = [] }: CommandEntry, word: string): Offered {
  const shown = options.map(([flags, text]): OfferedOption => {
    const [option = "", value] = flags.split(" ");
    return { name: option, description: text, takes: value === undefined ? "nothing" : value.startsWith("<file") ? "file" : "value" };
  });
  const help: OfferedOption = { name: "--help", description: "shows this help", takes: "nothing" };
  return { word, description, options: [...shown, help], args: name === "completion" ? shellNames : [], below: [] };
}
