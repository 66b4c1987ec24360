import { type Call, type Command, paramSpecs } from "../command.ts";
import { unresolved } from "../failure.ts";

/** Commands about things that this world never holds: an id of theirs names nothing, as CloudStack says of any id that it does not know. */
export const ABSENT_COMMANDS: readonly Command[] = [absent("deleteVMSnapshot", "vmsnapshotid!")];

function absent(name: string, parameters: string): Command {
  const [reference] = parameters.split("!");
  const run = (call: Call): never => {
    throw unresolved(name, reference ?? "id", call.params.must(reference ?? "id"));
  };
  return { name, params: paramSpecs(parameters), run };
}
