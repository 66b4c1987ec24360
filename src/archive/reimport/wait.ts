import { type Failure, failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { RegisteredTemplate } from "./ports.ts";
import type { ReimportContext, ReimportItem, ReimportRun } from "./context.ts";
import { recordTurn } from "./settle.ts";

/** How many looks in a row may fail before the run ends; it goes on when it is run again. */
const BLIND_LOOKS = 10;
/** How many looks in a row must not find a template before it counts as gone: a server may list it a moment after it said its id. */
const MISSED_LOOKS = 5;

/**
 * Waits until CloudStack has fetched a template, and compares what it has with what was saved.
 *
 * Errors: `unavailable` when CloudStack cannot be asked; whatever the template comes to is written into its row.
 */
export async function awaitTemplate(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<Result<void, Failure>> {
  const { template_id: id, link_until } = item.row;
  const until = link_until ?? c.now() + c.timing.linkMs;
  let [blind, missed] = [0, 0];
  let told = "";
  for (;;) {
    const look = await c.registrar.findTemplate(id ?? "");
    blind = look.ok ? 0 : blind + 1;
    if (!look.ok && blind >= BLIND_LOOKS) return look;
    if (look.ok) {
      missed = look.value === null ? missed + 1 : 0;
      const end = look.value === null && missed < MISSED_LOOKS ? null : weigh(look.value, item, run, c.now() >= until);
      if (end !== null) {
        await recordEndOf(item, end, c);
        return ok(undefined);
      }
      if (look.value !== null && look.value.status !== told) c.say(`${item.copy.name}: ${look.value.status}`);
      told = look.value?.status ?? told;
    }
    if (run.signal.aborted)
      return err(
        failure("unavailable", "restore.lock_lost", "The connection that held the lock was lost", { remedy: "Run it again: it goes on." }),
      );
    await c.sleep(c.timing.lookMs);
  }
}

type End = { readonly state: "ready"; readonly compared: string } | { readonly state: "failed"; readonly problem: string };

/** What a look at a template means: null while it is under way, `ready`, or why it is not what was wanted. */
function weigh(found: RegisteredTemplate | null, item: ReimportItem, run: ReimportRun, isLate: boolean): End | null {
  const failed = (problem: string) => ({ state: "failed", problem }) as const;
  const { copy, row } = item;
  if (found === null) return failed("CloudStack does not list it any more");
  if (found.domainId !== run.target.id || found.account !== row.account)
    return failed(`CloudStack made it in another place: domain ${found.domainId}, account ${found.account ?? "none"}`);
  const clear = `Delete the template ${found.id} in CloudStack, and run it again`;
  if (found.hasFailed)
    return failed(`CloudStack could not fetch it: ${found.status}. See that its secondary storage reaches TWOKEY_PUBLIC_URL. ${clear}`);
  if (!found.isReady) return isLate ? failed(`CloudStack has not fetched it in time; it says: ${found.status}. ${clear}`) : null;
  if (found.bytes !== null && found.bytes !== copy.bytes)
    return failed(`CloudStack has ${found.bytes} bytes of it where ${copy.bytes} were saved. ${clear}`);
  const tellsChecksum = /^[0-9a-f]{64}$/.test(found.checksum ?? "");
  if (tellsChecksum && found.checksum !== copy.sha256) return failed(`CloudStack's checksum of it is not that of the archive. ${clear}`);
  const compared = [...(found.bytes === null ? [] : ["size"]), ...(tellsChecksum ? ["checksum"] : [])];
  return {
    state: "ready",
    compared: compared.length === 0 ? "neither its size nor its checksum is told" : `${compared.join(" and ")} as saved`,
  };
}

async function recordEndOf(item: ReimportItem, end: End, c: ReimportContext): Promise<void> {
  const data = { templateId: item.row.template_id, ...(end.state === "failed" ? { problem: end.problem } : { compared: end.compared }) };
  await recordTurn(item, c, end, `restore.${end.state}`, data);
  c.say(`${item.copy.name}: ${end.state === "ready" ? `ready, ${end.compared}` : `not brought back. ${end.problem}`}`);
}
