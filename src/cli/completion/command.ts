import { refuseUse, type CliCommand } from "../command.ts";
import { completionOf } from "./shells.ts";
import { shellNames, type Commands } from "./words.ts";

/** `twokey completion`: prints the script by which a shell completes these commands and their options. */
export function completionCommand(commands: Commands): CliCommand {
  return async (io, given) => {
    const [shell = ""] = given.args;
    const script = completionOf(shell, commands);
    if (script === null) return refuseUse(io, given, `There is a script for ${shellNames.join(", ")}, and none for ${shell}.`);
    io.out(script);
    return 0;
  };
}
