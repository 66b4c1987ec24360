import type { Failure } from "../../core/failure.ts";
import { AccountId, type JobId } from "../../core/ids.ts";
import type { Inventory, InventoryItem } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import { recordDeletionEvent, updateDeletion, type DeletionRow } from "../../store/deletions.ts";
import { readTaken } from "../../store/intents.ts";
import { readApprovedInventory } from "../../store/inventories.ts";
import type { DeletionContext } from "../context.ts";
import { notAsApproved } from "../not-as-approved.ts";
import { isAskedAgain, runStep, settleIntents } from "../step.ts";

/** One call that gives something back. */
interface GivingBack {
  readonly command: string;
  readonly item: InventoryItem;
  readonly call: (jobId: JobId) => Promise<Result<void, Failure>>;
}

/** Shows what is being done, one sentence at a time. */
type Progress = (sentence: string) => Promise<void>;

/**
 * Undoes a deletion: recovers destroyed machines while CloudStack has them, gives each account the state that it had in the approved
 * inventory, attaches disks again, and starts the machines that had run. Only what that inventory lists is touched.
 *
 * Returns the closing sentence: the difference between what was approved and what is found afterwards.
 * Errors: the first one that may pass, once everything else was given back; run again later.
 */
export async function restoreContents(row: DeletionRow, c: DeletionContext, progress: Progress): Promise<Result<string, Failure>> {
  const approved = (await readApprovedInventory(c.db, row.id)) ?? { items: [] };
  const before = await readWhereItIs(row, c);
  if (!before.ok) return before;
  if (before.value === null)
    return ok(`could not be brought back: the domain ${row.path} was deleted in CloudStack; what was saved of it is in the archive`);

  const ran = new Set(row.ran_machines);
  const taken = await statesToGiveBack(row, approved, c);
  const given = await giveBack(row, stepsBack(approved, before.value, ran, taken, c), c, progress);
  if (!given.ok) return given;

  const after = await readWhereItIs(row, c);
  if (!after.ok) return after;
  const why = new Map([...byOthers(approved, taken), ...given.value]);
  return ok(notAsApproved(approved, after.value ?? { items: [] }, ran, why));
}

/** The state to give back to each account that our own quarantine disabled, by id: the one that was read right before that step. */
async function statesToGiveBack(row: DeletionRow, approved: Items, c: DeletionContext): Promise<ReadonlyMap<string, string>> {
  const taken = await readTaken(c.db, { kind: "deletion", id: row.id }, "quarantine");
  const accounts = approved.items.filter((i) => i.kind === "account" && taken.has(i.id));
  // Deletions of older versions did not record it.
  return new Map(accounts.map((i) => [i.id, taken.get(i.id) ?? i.state]));
}

/** Why an account is not given back the state that people approved: somebody else had changed it before the quarantine. */
function byOthers(approved: Items, taken: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return approved.items.flatMap((was) => {
    const state = taken.get(was.id);
    if (was.kind !== "account" || was.state === (state ?? "disabled")) return [];
    return [[was.id, state === undefined ? "this deletion did not disable it" : `it was ${state} when its quarantine began`]];
  });
}

/**
 * Brings a stopped or frozen deletion to rest: recovers the machines that it destroyed and CloudStack still keeps, so that its expunge
 * delay does not run out while nobody decides. Accounts stay disabled. Does nothing where nothing is destroyed, or all is at rest.
 *
 * Errors: why not yet; called again until it succeeds, since CloudStack's clock goes on.
 */
export async function bringToRest(row: DeletionRow, c: DeletionContext): Promise<Result<void, Failure>> {
  if (row.expunge_after === null) return ok(undefined);
  const settled = await settleIntents(row, c);
  if (!settled.ok) return settled;
  const approved = (await readApprovedInventory(c.db, row.id)) ?? { items: [] };
  const fresh = await readWhereItIs(row, c);
  if (!fresh.ok) return fresh;

  const recovered: string[] = [];
  const late: Failure[] = [];
  for (const { command, item, call } of recoveries(approved, fresh.value ?? { items: [] }, c)) {
    const result = await runStep(row, command, item, c, call);
    if (result.ok) recovered.push(item.name);
    else if (result.error.code !== "cloudstack.machine_gone") late.push(result.error);
  }
  const [first] = late;
  if (first !== undefined) return { ok: false, error: first };
  await c.db.tx(async (q) => {
    const names = recovered.join(", ");
    const activity = `its machines are brought back and stand stopped (${names}); accounts stay disabled, and nothing expires`;
    await updateDeletion(q, row.id, { expunge_after: null, ...(recovered.length === 0 ? {} : { activity }) });
    await recordDeletionEvent(q, row.id, c.now(), "at rest", { recovered });
  });
  return ok(undefined);
}

/** What the domain holds, at whatever path it is now; null: it is gone. */
async function readWhereItIs(row: DeletionRow, c: DeletionContext): Promise<Result<Inventory | null, Failure>> {
  const there = await c.reader.findDomain(row.domain_id);
  if (!there.ok) return there;
  return there.value === null ? ok(null) : c.reader.readInventory(row.domain_id, there.value.path);
}

type Items = Pick<Inventory, "items">;

function recoveries(approved: Items, now: Items, c: DeletionContext): readonly GivingBack[] {
  const known = new Set(approved.items.map((i) => i.id));
  return now.items
    .filter((i) => i.kind === "machine" && i.state === "Destroyed" && known.has(i.id))
    .map((item) => ({ command: "recover", item, call: () => c.restorer.recoverMachine(item.id) }));
}

/** The calls, in their order: machines before CloudStack expunges them; a disk needs its machine, a start needs its account and disks. */
function stepsBack(
  approved: Items,
  now: Items,
  ran: ReadonlySet<string>,
  taken: ReadonlyMap<string, string>,
  c: DeletionContext,
): readonly GivingBack[] {
  const found = new Map(now.items.map((i) => [i.id, i]));
  const pairs = approved.items.flatMap((was) => {
    const is = found.get(was.id);
    return is === undefined ? [] : [{ was, is }];
  });
  const isThere = (machine: string | null) => machine !== null && ![undefined, "Expunging"].includes(found.get(machine)?.state);
  const accounts = pairs.filter(({ was }) => was.kind === "account").flatMap(({ is }) => stateSteps(taken.get(is.id), is, c));
  const disks = pairs
    .filter(({ was, is }) => was.kind === "volume" && was.facts["type"] !== "ROOT" && is.parentId === null && isThere(was.parentId))
    .toSorted((a, b) => Number(a.was.facts["deviceId"] ?? 0) - Number(b.was.facts["deviceId"] ?? 0))
    .map(({ was, is }) => ({ command: "attach", item: is, call: (job: JobId) => c.restorer.attachVolume(is.id, was.parentId ?? "", job) }));
  const starts = pairs
    .filter(({ was, is }) => was.kind === "machine" && ran.has(was.id) && is.state !== "Running" && isThere(is.id))
    .map(({ is }) => ({ command: "start", item: is, call: (job: JobId) => c.restorer.startMachine(is.id, job) }));
  return [...recoveries(approved, now, c), ...accounts, ...disks, ...starts];
}

/**
 * An account that we disabled, or had enabled in order to lock it. Whom somebody else disabled, whenever, stays shut out (`was` is left
 * out), and who was locked since, too.
 */
function stateSteps(was: string | undefined, is: InventoryItem, c: DeletionContext): readonly GivingBack[] {
  const id = AccountId.parse(is.id);
  const enable = { command: "enable", item: is, call: () => c.restorer.enableAccount(id) };
  const lock = { command: "lock", item: is, call: (job: JobId) => c.restorer.lockAccount(id, job) };
  if (was === "locked") return is.state === "disabled" ? [enable, lock] : is.state === "enabled" ? [lock] : [];
  return was === "enabled" && is.state === "disabled" ? [enable] : [];
}

/** Makes the calls; a refusal of one keeps no other back. Returns why what was refused for good was refused, by its id. */
async function giveBack(
  row: DeletionRow,
  steps: readonly GivingBack[],
  c: DeletionContext,
  progress: Progress,
): Promise<Result<ReadonlyMap<string, string>, Failure>> {
  const refused = new Map<string, string>();
  const passing: Failure[] = [];
  const left = new Set<string>();
  for (const { command, item, call } of steps) {
    if (left.has(item.id)) continue;
    const result = await runStep(row, command, item, c, call);
    if (result.ok) {
      await progress(`restoring: ${command} ${item.name}`);
      continue;
    }
    left.add(item.id);
    const isClearNo = result.error.kind === "rejected" || result.error.kind === "refused";
    if (!isClearNo || (await isAskedAgain(row, result.error, c))) passing.push(result.error);
    else refused.set(item.id, result.error.message);
    if (result.error.kind === "unavailable") break;
  }
  const [first] = passing;
  return first === undefined ? ok(refused) : { ok: false, error: first };
}
