import { failure, type Failure } from "../../core/failure.ts";
import type { JobId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { DeletionRow } from "../../store/deletions.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../core/inventory.ts";
import type { DeletionContext } from "../context.ts";
import type { Passage } from "../guard.ts";
import { takePassage } from "../passage.ts";
import { runStep } from "../step.ts";

/** One kind of call that takes away one thing. */
interface TakeAway {
  readonly command: string;
  readonly kind: ItemKind;
  readonly isDue: (item: InventoryItem) => boolean;
  readonly call: (p: Passage, item: InventoryItem, jobId: JobId) => Promise<Result<void, Failure>>;
}

/** Disables every account: its machines stop, nothing is lost. */
export function quarantineSteps(c: DeletionContext): readonly TakeAway[] {
  return [
    {
      command: "quarantine",
      kind: "account",
      isDue: (i) => i.state !== "disabled",
      call: (p, i, job) => c.deleter.quarantineAccount(p.grant, i, job),
    },
  ];
}

/** Destroys every machine without expunging it: CloudStack keeps it for a while, recoverable. */
export function dismantleSteps(c: DeletionContext): readonly TakeAway[] {
  return [
    {
      command: "destroy",
      kind: "machine",
      isDue: (i) => !["Destroyed", "Expunging"].includes(i.state),
      call: (p, i, job) => c.deleter.destroyMachine(p.grant, i, job),
    },
  ];
}

/** Removes what is left, recovery sources last; then the accounts, each proved empty. Source: recordings 06. */
export function removeSteps(c: DeletionContext): readonly TakeAway[] {
  const always = () => true;
  return [
    {
      command: "delete_volume",
      kind: "volume",
      isDue: (i) => i.facts["type"] !== "ROOT",
      call: (p, i, job) => c.deleter.deleteVolume(p.grant, i, job),
    },
    { command: "delete_vm_snapshot", kind: "vm_snapshot", isDue: always, call: (p, i, job) => c.deleter.deleteSnapshot(p.grant, i, job) },
    {
      command: "release_address",
      kind: "address",
      isDue: (i) => i.facts["isSourceNat"] !== true,
      call: (p, i, job) => c.deleter.releaseAddress(p.grant, i, job),
    },
    { command: "delete_network", kind: "network", isDue: always, call: (p, i, job) => c.deleter.deleteNetwork(p.grant, i, job) },
    { command: "delete_snapshot", kind: "snapshot", isDue: always, call: (p, i, job) => c.deleter.deleteSnapshot(p.grant, i, job) },
    { command: "delete_template", kind: "template", isDue: always, call: (p, i, job) => c.deleter.deleteTemplate(p.grant, i, job) },
    { command: "delete_iso", kind: "iso", isDue: always, call: (p, i, job) => c.deleter.deleteTemplate(p.grant, i, job) },
    {
      command: "delete_account",
      kind: "account",
      isDue: always,
      call: (p, i, job) =>
        ownsNothing(p.fresh, i)
          ? c.deleter.deleteAccount(p.grant, i, job)
          : Promise.resolve(err(failure("refused", "deletion.account_not_empty", `account ${i.name} still owns something`))),
    },
  ];
}

/**
 * Takes away everything of each kind in turn; the fence is passed anew before every call, and the thing must still be there.
 *
 * Errors: the first one; run again, it goes on with what is left.
 */
export async function teardown(
  row: DeletionRow,
  steps: readonly TakeAway[],
  c: DeletionContext,
  after: () => Promise<void>,
): Promise<Result<void, Failure>> {
  for (const step of steps) {
    const done = new Set<string>();
    for (;;) {
      const passage = await takePassage(row, c);
      if (!passage.ok) return passage;
      const item = passage.value.fresh.items.find((i) => i.kind === step.kind && step.isDue(i) && !done.has(i.id));
      if (item === undefined) break;
      const result = await runStep(row, step.command, item, c, (jobId) => step.call(passage.value, item, jobId));
      if (!result.ok) return result;
      done.add(item.id);
      await after();
    }
  }
  return ok(undefined);
}

/** Whether an account owns nothing but its users: only then may it be deleted (fact 2). */
export function ownsNothing(inventory: Inventory, account: InventoryItem): boolean {
  return !inventory.items.some(
    (i) => i.kind !== "user" && i.kind !== "account" && (i.accountId === account.id || i.accountName === account.name),
  );
}
