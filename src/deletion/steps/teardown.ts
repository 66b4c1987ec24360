import { after } from "../../core/clock.ts";
import { fail, type Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { DAY_MS } from "../../core/units.ts";
import { readDeletion, updateDeletion, type DeletionRow } from "../../store/deletions.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../core/inventory.ts";
import { show } from "../build-view.ts";
import type { CloudStackDeleter } from "../cloud.ts";
import type { DeletionContext } from "../context.ts";
import { takePassage } from "../passage.ts";
import { runStep } from "../step.ts";

/** One call that removes things of one kind. */
interface TeardownStep {
  readonly command: string;
  readonly kind: ItemKind;
  readonly call: Exclude<keyof CloudStackDeleter, "deleteDomain">;
  /** Left out: every thing of the kind. */
  readonly isDue?: (item: InventoryItem) => boolean;
}

/** Disables every account: its machines stop, nothing is lost. */
export const quarantineSteps: readonly TeardownStep[] = [
  { command: "quarantine", kind: "account", call: "quarantineAccount", isDue: (i) => i.state !== "disabled" },
];

/** Destroys every machine without expunging it: CloudStack keeps it for a while, recoverable. */
export const dismantleSteps: readonly TeardownStep[] = [
  { command: "destroy", kind: "machine", call: "destroyMachine", isDue: (i) => !["Destroyed", "Expunging"].includes(i.state) },
];

/** Removes what is left, recovery sources last; then the accounts, each proved empty. Source: recordings 06. */
export const removeSteps: readonly TeardownStep[] = [
  { command: "delete_volume", kind: "volume", call: "deleteVolume", isDue: (i) => i.facts["type"] !== "ROOT" },
  { command: "delete_vm_snapshot", kind: "vm_snapshot", call: "deleteSnapshot" },
  { command: "release_address", kind: "address", call: "releaseAddress", isDue: (i) => i.facts["isSourceNat"] !== true },
  { command: "delete_network", kind: "network", call: "deleteNetwork" },
  { command: "delete_snapshot", kind: "snapshot", call: "deleteSnapshot" },
  { command: "delete_template", kind: "template", call: "deleteTemplate" },
  { command: "delete_iso", kind: "iso", call: "deleteTemplate" },
  { command: "delete_account", kind: "account", call: "deleteAccount" },
];

/**
 * Removes everything of each kind in turn; before every call the guard is asked again, and the thing must still exist.
 *
 * Errors: the first one; run again, it continues with what is left.
 */
export async function teardown(row: DeletionRow, steps: readonly TeardownStep[], c: DeletionContext): Promise<Result<void, Failure>> {
  for (const { command, kind, call, isDue = () => true } of steps) {
    const done = new Set<string>();
    for (;;) {
      const passage = await takePassage(row, c);
      if (!passage.ok) return passage;
      const { grant, fresh } = passage.value;
      const item = fresh.items.find((i) => i.kind === kind && isDue(i) && !done.has(i.id));
      if (item === undefined) break;
      if (call === "destroyMachine") {
        const noted = await noteExpungeDelay(row.id, c);
        if (!noted.ok) return noted;
      }
      const result = await runStep(row, command, item, c, async (jobId) =>
        call === "deleteAccount" && !ownsNothing(fresh, item)
          ? fail("refused", "deletion.account_not_empty", `account ${item.name} still owns something`)
          : c.deleter[call](grant, item, jobId),
      );
      if (!result.ok) return result;
      done.add(item.id);
      await show(row.id, c);
    }
  }
  return ok(undefined);
}

/** Notes, before the first machine is destroyed, from when on CloudStack may expunge it: its own default is a day. */
async function noteExpungeDelay(id: string, c: DeletionContext): Promise<Result<void, Failure>> {
  if ((await readDeletion(c.db, id))?.expunge_after !== null) return ok(undefined);
  const delay = await c.reader.readExpungeDelay();
  if (!delay.ok) return delay;
  await updateDeletion(c.db, id, { expunge_after: after(c.now(), delay.value ?? DAY_MS) });
  return ok(undefined);
}

/** Whether an account owns nothing but its users: only then may it be deleted (fact 2). */
export function ownsNothing(inventory: Inventory, account: InventoryItem): boolean {
  return !inventory.items.some(
    (i) => i.kind !== "user" && i.kind !== "account" && (i.accountId === account.id || i.accountName === account.name),
  );
}
