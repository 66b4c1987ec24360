import { itemsToSave } from "../../archive/kinds.ts";
import { after } from "../../core/clock.ts";
import { proveEmpty } from "../../core/complete-inventory.ts";
import type { Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { DAY_MS } from "../../core/units.ts";
import { readDeletion, updateDeletion, type DeletionRow } from "../../store/deletions.ts";
import { lastDone, refusedFor } from "../../store/intents.ts";
import { goesWithNetwork, isDestroyed, type Inventory, type InventoryItem, type ItemKind } from "../../core/inventory.ts";
import { show } from "../build-view.ts";
import type { CloudStackDeleter } from "../cloud.ts";
import type { DeletionContext } from "../context.ts";
import { leaveStep, takesLong } from "../long-run.ts";
import { takePassage } from "../passage.ts";
import { refuse } from "../reasons.ts";
import { runStep } from "../step.ts";
import { lostWith, requireCopies } from "./copies.ts";

/** One call that removes things of one kind. */
interface TeardownStep {
  readonly command: string;
  readonly kind: ItemKind;
  readonly call: Exclude<keyof CloudStackDeleter, "deleteDomain">;
  /** Left out: every thing of the kind. `refused`: networks that CloudStack refused to delete. */
  readonly isDue?: (item: InventoryItem, all: readonly InventoryItem[], refused: ReadonlySet<string>) => boolean;
}

/** Disables every account: its machines stop, nothing is lost. */
export const quarantineSteps: readonly TeardownStep[] = [
  { command: "quarantine", kind: "account", call: "quarantineAccount", isDue: (i) => i.state !== "disabled" },
];

/** Destroys every machine without expunging it: CloudStack keeps it for a while, recoverable. */
export const dismantleSteps: readonly TeardownStep[] = [
  { command: "destroy", kind: "machine", call: "destroyMachine", isDue: (i) => !isDestroyed(i) },
];

/** Removes what is left, recovery sources last; then the accounts, each proved empty. Source: recordings 06. */
export const removeSteps: readonly TeardownStep[] = [
  { command: "delete_volume", kind: "volume", call: "deleteVolume", isDue: isOwnVolume },
  { command: "delete_vm_snapshot", kind: "vm_snapshot", call: "deleteSnapshot" },
  { command: "release_address", kind: "address", call: "releaseAddress", isDue: (i) => !goesWithNetwork(i.facts) },
  // A tier of a VPC has no rules of its own.
  {
    command: "remove_rules",
    kind: "network",
    call: "removeNetworkRules",
    isDue: (i, _, refused) => i.parentId === null && refused.has(i.id),
  },
  { command: "delete_network", kind: "network", call: "deleteNetwork" },
  { command: "delete_snapshot", kind: "snapshot", call: "deleteSnapshot" },
  { command: "delete_template", kind: "template", call: "deleteTemplate" },
  { command: "delete_iso", kind: "iso", call: "deleteTemplate" },
  { command: "delete_account", kind: "account", call: "deleteAccount" },
];

/**
 * Removes everything of each kind in turn; before every call the archive's copy is read again, the guard is asked again, and the thing
 * must still exist. The copy comes first: it may take hours, and a grant counts for the moment.
 *
 * Errors: the first one; run again, it continues with what is left.
 */
export async function teardown(row: DeletionRow, steps: readonly TeardownStep[], c: DeletionContext): Promise<Result<void, Failure>> {
  const done = new Set<string>();
  const refused = new Set(await refusedFor(c.db, { kind: "deletion", id: row.id }, "delete_network"));
  let seen: Inventory | null = null;
  for (;;) {
    const next = seen === null ? null : firstDue(steps, seen.items, done, refused);
    if (seen !== null && next !== null) {
      const lost = lostWith(next.item, seen);
      const held = takesLong(row, { items: lost }, c) ? err(await leaveStep(row, c)) : await requireCopies(row, lost, seen, c);
      if (!held.ok) return held;
    }
    const passage = await takePassage(row, c);
    if (!passage.ok) return passage;
    const { grant, fresh } = passage.value;
    seen = fresh;
    // Only now: the guard has compared the clocks.
    const noted = steps === dismantleSteps ? await noteExpungeDelay(row.id, c) : ok(undefined);
    if (!noted.ok) return noted;
    const needed = steps === dismantleSteps ? await describeNeeded(row, fresh, c) : null;
    if (needed !== null) return refuse("changed", needed);
    const due = firstDue(steps, fresh.items, done, refused);
    if (due === null) return ok(undefined);
    const { item } = due;
    const { command, call } = due.step;
    // Another thing than the one whose copy was read.
    if (item.id !== next?.item.id && itemsToSave({ items: lostWith(item, fresh) }, row.policy.archiveKinds).length > 0) continue;
    const result = await runStep(row, command, item, c, async (jobId) => {
      if (call !== "deleteAccount") return c.deleter[call](grant, item, jobId);
      const proof = proveEmpty(fresh, item.id);
      return proof.ok ? c.deleter.deleteAccount(grant, proof.value, jobId) : proof;
    });
    // Rules may keep it: they are due then, by an intent of their own, and the network after them by one more.
    const isFirst = command === "delete_network" && !refused.has(item.id) && item.parentId === null;
    if (!result.ok && !(isFirst && result.error.kind === "rejected")) return result;
    if (result.ok) done.add(`${command} ${item.id}`);
    else refused.add(item.id);
    await show(row.id, c);
  }
}

/**
 * The machines that somebody recovered after Twokey destroyed them, in a sentence; null: there are none. Where all had been destroyed, that
 * is each one that Twokey did not recover itself.
 */
async function describeNeeded(row: DeletionRow, fresh: Inventory, c: DeletionContext): Promise<string | null> {
  const last = await lastDone(c.db, row.id);
  const isByOthers = (id: string): boolean => (row.phase === "expunging" ? last.get(id) !== "recover" : last.get(id) === "destroy");
  const needed = fresh.items.filter((i) => i.kind === "machine" && !isDestroyed(i) && isByOthers(i.id)).map((i) => i.name);
  return needed.length === 0 ? null : `a machine that was destroyed is there again: ${needed.slice(0, 5).join(", ")}; somebody needs it`;
}

/** Notes, before the first machine is destroyed, from when on CloudStack may expunge it: its own default is a day. */
async function noteExpungeDelay(id: string, c: DeletionContext): Promise<Result<void, Failure>> {
  if ((await readDeletion(c.db, id))?.expunge_after !== null) return ok(undefined);
  const delay = await c.reader.readExpungeDelay();
  if (!delay.ok) return delay;
  await updateDeletion(c.db, id, { expunge_after: after(c.now(), delay.value ?? DAY_MS) });
  return ok(undefined);
}

/** The next thing to remove, in the order of the steps; null: nothing is left. */
function firstDue(
  steps: readonly TeardownStep[],
  items: readonly InventoryItem[],
  done: ReadonlySet<string>,
  refused: ReadonlySet<string>,
): { readonly step: TeardownStep; readonly item: InventoryItem } | null {
  for (const step of steps) {
    const { command, kind, isDue = () => true } = step;
    const item = items.find((i) => i.kind === kind && isDue(i, items, refused) && !done.has(`${command} ${i.id}`));
    if (item !== undefined) return { step, item };
  }
  return null;
}

/** A machine's root disk goes with the machine; one that hangs on no machine does not. */
function isOwnVolume(volume: InventoryItem, all: readonly InventoryItem[]): boolean {
  return volume.facts["type"] !== "ROOT" || !all.some((i) => i.kind === "machine" && i.id === volume.parentId);
}
