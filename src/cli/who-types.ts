import { OperatorId } from "../core/ids.ts";
import type { Operator } from "../core/people.ts";
import type { CliIo } from "./command.ts";

/**
 * Who types, as their login says: enough to stop and to give back, which lose nothing. Never a vote: two runs of a command may be one
 * person's, and whoever has the bot's database password is not one of its approvers for that.
 */
export function whoTypes({ env }: CliIo): Operator {
  // One that is set and empty names nobody.
  const set = ["SUDO_USER", "USER", "LOGNAME", "USERNAME"].map((name) => env[name]?.replace(/\p{Cc}/gu, " ").trim() ?? "");
  const login = set.find((one) => one !== "") ?? "somebody";
  return { id: OperatorId.parse(`terminal:${login}`), name: `${login} at a terminal`, ciUserId: null };
}
