import type { KeyInspector } from "../../cloudstack/read/key-inspector.ts";
import type { Config } from "../../config/config.ts";
import { absentKinds } from "../../core/inventory.ts";
import { checksOf, type Check } from "./check.ts";

const { ok, failed, refused } = checksOf("cloudstack");

/**
 * Sends each list of an inventory once with a key: only the command itself tells what a role may not ask from what the server
 * does not have, and nobody can approve a deletion while a list is missing. Source: recording 18.
 */
export async function examineLists(use: "read" | "delete", key: KeyInspector, config: Config): Promise<readonly Check[]> {
  const absent: ReadonlySet<string> = new Set(config.cloudstack.absentKinds);
  const mayLack: ReadonlySet<string> = new Set(absentKinds);
  const lists = await key.readLists(use);
  if (!lists.ok) return [refused({ ...lists.error, message: `${use} key: ${lists.error.message}` }, "Try again.")];
  const wrong = lists.value.flatMap(({ kind, command, state }): readonly Check[] => {
    if (absent.has(kind) && state === "answered") {
      const sentence = `CLOUDSTACK_ABSENT_KINDS names ${kind}, but CloudStack answers ${command}: Twokey would not see what there is`;
      return [failed(sentence, `Take ${kind} out of CLOUDSTACK_ABSENT_KINDS.`)];
    }
    if (absent.has(kind) || state === "answered") return [];
    const nobody = "so no deletion can be approved";
    if (state === "not_allowed")
      return [failed(`${use} key: may not send ${command} (432), ${nobody}`, "Allow it in the key's role (docs/cloudstack.md).")];
    const remedy = mayLack.has(kind)
      ? `If it has no such plug-in, set CLOUDSTACK_ABSENT_KINDS=${[...absent, kind].join(",")}.`
      : "Ask who runs the server: every CloudStack has it.";
    return [failed(`CloudStack does not know ${command} (401), ${nobody}`, remedy)];
  });
  return wrong.length > 0 ? wrong : [ok(`${use} key: all ${lists.value.length - absent.size} lists of an inventory are answered`)];
}
