import { proveEmpty } from "../../core/complete-inventory.ts";
import type { Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import type { DeletionRow } from "../../store/deletions.ts";
import type { InventoryItem, ItemKind } from "../../core/inventory.ts";
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
  const done = new Set<string>();
  for (;;) {
    const passage = await takePassage(row, c);
    if (!passage.ok) return passage;
    const { grant, fresh } = passage.value;
    const due = firstDue(steps, fresh.items, done);
    if (due === null) return ok(undefined);
    const { item } = due;
    const { command, call } = due.step;
    const result = await runStep(row, command, item, c, async (jobId) => {
      if (call !== "deleteAccount") return c.deleter[call](grant, item, jobId);
      const proof = proveEmpty(fresh, item.id);
      return proof.ok ? c.deleter.deleteAccount(grant, proof.value, jobId) : proof;
    });
    if (!result.ok) return result;
    done.add(`${item.kind} ${item.id}`);
    await show(row.id, c);
  }
}

/** The next thing to remove, in the order of the steps; null: nothing is left. */
function firstDue(
  steps: readonly TeardownStep[],
  items: readonly InventoryItem[],
  done: ReadonlySet<string>,
): { readonly step: TeardownStep; readonly item: InventoryItem } | null {
  for (const step of steps) {
    const { kind, isDue = () => true } = step;
    const item = items.find((i) => i.kind === kind && isDue(i) && !done.has(`${i.kind} ${i.id}`));
    if (item !== undefined) return { step, item };
  }
  return null;
}
