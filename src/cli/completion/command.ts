import { refuseUse, type CliCommand } from "../command.ts";
import { completionOf } from "./shells.ts";
import { shellNames } from "./words.ts";

/** `twokey completion`: prints the script by which a shell completes commands and options. */
export const runCompletion: CliCommand = async (io, given) => {
  const [shell = ""] = given.args;
  const script = completionOf(shell);
  if (script === null) return refuseUse(io, given, `There is a script for ${shellNames.join(", ")}, and none for ${shell}.`);
  io.out(script);
  return 0;
};
