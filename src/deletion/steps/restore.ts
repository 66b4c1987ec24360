import type { Failure } from "../../core/failure.ts";
import { AccountId } from "../../core/ids.ts";
import type { InventoryItem } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import type { DeletionRow } from "../../store/deletions.ts";
import { readApprovedInventory } from "../../store/inventories.ts";
import type { DeletionContext } from "../context.ts";
import { isAskedAgain, isStopped, runStep } from "../step.ts";

/**
 * Undoes a deletion: recovers destroyed machines while CloudStack has them, enables accounts, starts the machines that were running.
 *
 * Only what the approved inventory lists is touched. Returns what is lost, by name.
 * Errors: the first one that is not a refusal, or not its third; run again later.
 */
export async function restoreContents(
  row: DeletionRow,
  c: DeletionContext,
  progress: (sentence: string) => Promise<void>,
): Promise<Result<readonly string[], Failure>> {
  const approved = await readApprovedInventory(c.db, row.id);
  const fresh = await c.reader.readInventory(row.domain_id, row.path);
  if (!fresh.ok) return fresh;

  const known = new Set(approved?.items.map((i) => i.id));
  const lost: string[] = (approved?.items ?? [])
    .filter((i) => i.kind === "machine" && !fresh.value.items.some((f) => f.id === i.id))
    .map((i) => i.name);
  const calls: (readonly [string, InventoryItem, Parameters<typeof runStep>[4]])[] = [];
  for (const item of fresh.value.items) {
    if (!known.has(item.id)) continue;
    if (item.kind === "machine" && item.state === "Destroyed") calls.push(["recover", item, () => c.restorer.recoverMachine(item.id)]);
    if (item.kind === "account" && item.state === "disabled")
      calls.push(["enable", item, () => c.restorer.enableAccount(AccountId.parse(item.id))]);
  }
  for (const item of fresh.value.items) {
    if (item.kind === "machine" && item.state !== "Running" && row.ran_machines.includes(item.id))
      calls.push(["start", item, (job) => c.restorer.startMachine(item.id, job)]);
  }

  for (const [command, item, call] of calls) {
    const result = await runStep(row, command, item, c, call);
    if (result.ok) {
      await progress(`restoring: ${command} ${item.name}`);
      continue;
    }
    const isClearNo = result.error.kind === "rejected" || result.error.kind === "refused";
    if (!isClearNo || isStopped(result.error) || (await isAskedAgain(row, result.error, c))) return result;
    lost.push(`${item.name} (${result.error.message})`);
  }
  return ok(lost);
}
