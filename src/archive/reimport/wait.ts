import { fail, type Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import type { ReimportItemChange } from "../../store/reimports.ts";
import { LINK_MS } from "../links.ts";
import type { RegisteredTemplate } from "./ports.ts";
import type { ReimportContext, ReimportItem, ReimportRun } from "./context.ts";
import { recordTurn } from "./settle.ts";

/** How many reads in a row may fail before the run ends; run again it continues. */
const FAILED_READS = 10;
/** How many reads in a row must not find a template before it counts as gone: a server may list it a moment after it returned its id. */
const MISSED_READS = 5;

/**
 * Waits until CloudStack has fetched a template, and compares what it has with what was saved.
 *
 * Errors: `unavailable` when CloudStack cannot be read; how the template ends is recorded in its row.
 */
export async function awaitTemplate(item: ReimportItem, run: ReimportRun, c: ReimportContext): Promise<Result<void, Failure>> {
  const { template_id: id, link_until } = item.row;
  const until = link_until ?? c.now() + LINK_MS;
  let [failed, missed] = [0, 0];
  let status = "";
  for (;;) {
    const read = await c.registrar.findTemplate(id ?? "");
    failed = read.ok ? 0 : failed + 1;
    if (!read.ok && failed >= FAILED_READS) return read;
    if (read.ok) {
      missed = read.value === null ? missed + 1 : 0;
      const end = read.value === null && missed < MISSED_READS ? null : assess(read.value, item, run, c.now() >= until);
      if (end !== null) {
        const problem = end.change.state === "failed" ? end.change.problem : null;
        const data = { templateId: id, ...(problem === null ? { compared: end.compared } : { problem }) };
        await recordTurn(item, c, end.change, `restore.${end.change.state}`, data);
        c.say(`${item.copy.name}: ${problem === null ? `ready, ${end.compared}` : `not brought back. ${problem}`}`);
        return ok(undefined);
      }
      if (read.value !== null && read.value.status !== status) c.say(`${item.copy.name}: ${read.value.status}`);
      status = read.value?.status ?? status;
    }
    if (run.signal.aborted) return lockLost();
    await c.sleep(c.timing.pollMs);
  }
}

/** The run no longer holds its lock. */
export function lockLost(): Result<never, Failure> {
  return fail("unavailable", "restore.lock_lost", "The connection that held the lock was lost", { remedy: "Run it again: it continues." });
}

interface End {
  readonly change: ReimportItemChange & { readonly state: "ready" | "failed" };
  readonly compared: string;
}

/** What a template's state means: null while it is being fetched, `ready`, or why it is not what was wanted. */
function assess(found: RegisteredTemplate | null, item: ReimportItem, run: ReimportRun, isLate: boolean): End | null {
  const failed = (problem: string): End => ({ change: { state: "failed", problem }, compared: "" });
  const { copy, row } = item;
  if (found === null) return failed("CloudStack no longer lists it");
  if (found.domainId !== run.target.id || found.account !== row.account)
    return failed(`CloudStack registered it in another place: domain ${found.domainId}, account ${found.account ?? "none"}`);
  const clear = `Delete the template ${found.id} in CloudStack, and run it again`;
  if (found.hasFailed)
    return failed(`CloudStack could not fetch it: ${found.status}. See that its secondary storage reaches TWOKEY_PUBLIC_URL. ${clear}`);
  if (!found.isReady) return isLate ? failed(`CloudStack has not fetched it in time; it says: ${found.status}. ${clear}`) : null;
  if (found.bytes !== null && found.bytes !== copy.bytes)
    return failed(`CloudStack has ${found.bytes} bytes of it where ${copy.bytes} were saved. ${clear}`);
  const hasChecksum = /^[0-9a-f]{64}$/.test(found.checksum ?? "");
  if (hasChecksum && found.checksum !== copy.sha256) return failed(`CloudStack's checksum of it is not that of the archive. ${clear}`);
  const compared = [...(found.bytes === null ? [] : ["size"]), ...(hasChecksum ? ["checksum"] : [])].join(" and ");
  return { change: { state: "ready" }, compared: compared === "" ? "CloudStack gives neither size nor checksum" : `${compared} as saved` };
}
