import type { Failure } from "../../core/failure.ts";
import { AccountId, type JobId } from "../../core/ids.ts";
import { isDestroyed, type Inventory, type InventoryItem } from "../../core/inventory.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { recordDeletionEvent, updateDeletion, type DeletionRow } from "../../store/deletions.ts";
import { countRefusals, readTaken } from "../../store/intents.ts";
import { readApprovedInventory } from "../../store/inventories.ts";
import type { DeletionContext } from "../context.ts";
import { notAsApproved } from "../not-as-approved.ts";
import { domainGone } from "../reasons.ts";
import { ASKED_MAX, busyIn, isAskedAgain, runStep, settleIntents, type Unsettled } from "../step.ts";

/** One call that gives something back. */
interface GivingBack {
  readonly command: string;
  readonly item: InventoryItem;
  readonly call: (jobId: JobId) => Promise<Result<void, Failure>>;
  /** What undoes the call before this one when CloudStack refuses this one; it is tried until it succeeds. */
  readonly orElse?: GivingBack;
}

/** Shows what is being done, one sentence at a time. */
type Progress = (sentence: string) => Promise<void>;

type Approved = Pick<Inventory, "domainId" | "items">;

/** A thing as people approved it, and as it is now. */
interface Pair {
  readonly was: InventoryItem;
  readonly is: InventoryItem;
}

/** What became of some calls: why things were refused for good, by their ids, and what may pass. */
interface Given {
  /** Things whose call failed: nothing more is done to them in this run. */
  readonly left: Set<string>;
  readonly refused: Map<string, string>;
  readonly passing: Failure[];
}

/**
 * Undoes a deletion: recovers destroyed machines while CloudStack has them, gives each account the state that it had right before our
 * quarantine, attaches disks again, and starts the machines that had run. Only what the approved inventory lists is touched. Each thing is
 * read by its id: what cannot be read keeps nothing else back, nor does a call whose end is not known.
 *
 * Returns the closing sentence: the difference between what was approved and what is found afterwards, for which alone all is listed.
 * Errors: the first one that may pass, once everything else was given back; run again later. `stale` `cloudstack.domain_gone`: somebody
 *         deleted the domain.
 */
export async function restoreContents(
  row: DeletionRow,
  open: readonly Unsettled[],
  c: DeletionContext,
  progress: Progress,
): Promise<Result<string, Failure>> {
  const approved = await approvedOf(row, c);
  const given: Given = { left: new Set(), refused: new Map(), passing: [] };
  const busy = busyIn(open);
  const read = (which: (i: InventoryItem) => boolean) => readNow(approved, which, busy, given.passing, c);
  const giveBack = (steps: readonly GivingBack[]) => give(row, steps, given, c, progress);

  const ran = new Set(row.ran_machines);
  const taken = await statesToGiveBack(row, approved, c);
  // Machines first: CloudStack's clock runs.
  await giveBack(recoveries(await read(isRecoverable), c));
  for (const { is } of await read((i) => taken.has(i.id))) await giveBack(await stateSteps(row, taken.get(is.id), is, given.refused, c));
  const machines = await read((i) => i.kind === "machine");
  const there = new Set(machines.filter(({ is }) => !isDestroyed(is)).map(({ is }) => is.id));
  const disks = await read((i) => i.kind === "volume" && i.facts["type"] !== "ROOT" && there.has(i.parentId ?? ""));
  await giveBack(attachments(disks, c));
  // CloudStack starts nothing of a disabled owner: what waits for its account is not asked for, and so not given up.
  const waits = (i: InventoryItem) => i.accountId !== null && (busy.has(i.accountId) || isLeftForNow(given, i.accountId));
  await giveBack(starts(machines, ran, there, c).filter(({ item }) => !waits(item)));

  const [first] = [...given.passing, ...open.map(({ why }) => why)];
  if (first !== undefined) return err(first);
  const after = await readWhereItIs(row, c);
  if (!after.ok) return after;
  if (after.value === null) return err(domainGone(row));
  const why = new Map([...byOthers(approved, taken), ...given.refused]);
  return ok(notAsApproved(approved, after.value, ran, why));
}

/**
 * Brings a deletion that stands to rest: recovers the machines that it destroyed and CloudStack still keeps, by their ids, so that its
 * expunge delay does not run out while nobody decides. Accounts stay disabled. Does nothing where nothing is destroyed, or all is at rest.
 *
 * Errors: why not yet; called again until it succeeds, since CloudStack's clock goes on.
 */
export async function bringToRest(row: DeletionRow, c: DeletionContext): Promise<Result<void, Failure>> {
  if (row.expunge_after === null) return ok(undefined);
  const open = await settleIntents(row, c);
  const approved = await approvedOf(row, c);
  const late: Failure[] = [];
  const recovered: string[] = [];
  const found = await readNow(approved, isRecoverable, busyIn(open), late, c);
  const there = new Set(found.filter(({ is }) => is.state !== "Expunging").map(({ is }) => is.id));
  for (const step of recoveries(found, c)) {
    const { command, item, call } = step;
    const result = await runStep(row, command, item, c, call);
    if (result.ok) recovered.push(item.name);
    else if (result.error.code === "cloudstack.machine_gone") there.delete(item.id);
    else late.push(stillAsked(step, result.error));
  }
  const [first] = [...late, ...open.map(({ why }) => why)];
  if (first !== undefined) return err(first);
  await c.db.tx(async (q) => {
    const lost = approved.items.filter((i) => isRecoverable(i) && !there.has(i.id)).map((i) => i.name);
    const names = recovered.length === 0 ? "" : ` (${recovered.join(", ")})`;
    const back = `its machines are brought back and stand stopped${names}; accounts stay disabled, and nothing expires`;
    const activity = lost.length === 0 ? back : `could not be brought back, CloudStack no longer has it: ${lost.join(", ")}; ${back}`;
    await updateDeletion(q, row.id, { expunge_after: null, ...(recovered.length + lost.length === 0 ? {} : { activity }) });
    await recordDeletionEvent(q, row.id, c.now(), "at rest", { recovered, lost });
  });
  return ok(undefined);
}

async function approvedOf(row: DeletionRow, c: DeletionContext): Promise<Approved> {
  return (await readApprovedInventory(c.db, row.id)) ?? { domainId: row.domain_id, items: [] };
}

/** Approved things as they are now, each by its id; left out is what is gone, what a job is at work on, and what cannot be read (`late`). */
async function readNow(
  approved: Approved,
  which: (item: InventoryItem) => boolean,
  busy: ReadonlySet<string | undefined>,
  late: Failure[],
  c: DeletionContext,
): Promise<readonly Pair[]> {
  const pairs: Pair[] = [];
  for (const was of approved.items.filter((i) => which(i) && !busy.has(i.id))) {
    const found = await c.reader.findThing(approved, was);
    if (!found.ok) late.push(found.error);
    else if (found.value !== null) pairs.push({ was, is: { ...was, state: found.value.state, parentId: found.value.parentId } });
  }
  return pairs;
}

/** What the domain holds, at whatever path it is now; null: it is gone. */
async function readWhereItIs(row: DeletionRow, c: DeletionContext): Promise<Result<Inventory | null, Failure>> {
  const there = await c.reader.findDomain(row.domain_id);
  if (!there.ok) return there;
  return there.value === null ? ok(null) : c.reader.readInventory(row.domain_id, there.value.path);
}

/** The state to give back to each account that our own quarantine disabled, by id: the one that was read right before that step. */
async function statesToGiveBack(row: DeletionRow, approved: Approved, c: DeletionContext): Promise<ReadonlyMap<string, string>> {
  const taken = await readTaken(c.db, { kind: "deletion", id: row.id }, "quarantine");
  const accounts = approved.items.filter((i) => i.kind === "account" && taken.has(i.id));
  // Deletions of older versions did not record it.
  return new Map(accounts.map((i) => [i.id, taken.get(i.id) ?? i.state]));
}

/** Whether a call to a thing failed in a way that may pass. */
function isLeftForNow({ left, refused }: Given, id: string): boolean {
  return left.has(id) && !refused.has(id);
}

/** Why an account is not given back the state that people approved: somebody else had changed it before the quarantine. */
function byOthers(approved: Approved, taken: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return approved.items.flatMap((was) => {
    const state = taken.get(was.id);
    if (was.kind !== "account" || was.state === (state ?? "disabled")) return [];
    return [[was.id, state === undefined ? "this deletion did not disable it" : `it was ${state} when its quarantine began`]];
  });
}

/** Whether a machine was there when people approved; what somebody had destroyed before stays destroyed. */
function isRecoverable(item: InventoryItem): boolean {
  return item.kind === "machine" && !isDestroyed(item);
}

function recoveries(machines: readonly Pair[], c: DeletionContext): readonly GivingBack[] {
  return machines
    .filter(({ is }) => is.state === "Destroyed")
    .map(({ is }) => ({ command: "recover", item: is, call: () => c.restorer.recoverMachine(is.id) }));
}

/** The disks that are on no machine any more, in the order of their devices. */
function attachments(disks: readonly Pair[], c: DeletionContext): readonly GivingBack[] {
  return disks
    .filter(({ is }) => is.parentId === null)
    .toSorted((a, b) => Number(a.was.facts["deviceId"] ?? 0) - Number(b.was.facts["deviceId"] ?? 0))
    .map(({ was, is }) => ({ command: "attach", item: is, call: (job) => c.restorer.attachVolume(is.id, was.parentId ?? "", job) }));
}

function starts(
  machines: readonly Pair[],
  ran: ReadonlySet<string>,
  there: ReadonlySet<string>,
  c: DeletionContext,
): readonly GivingBack[] {
  return machines
    .filter(({ is }) => ran.has(is.id) && is.state !== "Running" && there.has(is.id))
    .map(({ is }) => ({ command: "start", item: is, call: (job) => c.restorer.startMachine(is.id, job) }));
}

/**
 * An account that we disabled, or had enabled in order to lock it: CloudStack locks no other than an enabled one. Who was locked since
 * stays so. Where the lock is refused, the account is disabled again, at last for good: whom somebody had locked is never let in.
 */
async function stateSteps(
  row: DeletionRow,
  was: string | undefined,
  is: InventoryItem,
  refused: Map<string, string>,
  c: DeletionContext,
): Promise<readonly GivingBack[]> {
  const id = AccountId.parse(is.id);
  const enable = { command: "enable", item: is, call: () => c.restorer.enableAccount(id) };
  if (was === "enabled") return is.state === "disabled" ? [enable] : [];
  if (was !== "locked" || is.state === "locked") return [];
  const disable = { command: "disable", item: is, call: (job: JobId) => c.restorer.disableAccount(id, job) };
  const lock = { command: "lock", item: is, call: (job: JobId) => c.restorer.lockAccount(id, job), orElse: disable };
  if (is.state === "enabled") return [lock];
  const isGivenUp = (await countRefusals(c.db, { kind: "deletion", id: row.id }, "lock", is.id)) >= ASKED_MAX;
  if (isGivenUp) refused.set(is.id, "CloudStack refused to lock it");
  return isGivenUp ? [] : [enable, lock];
}

/** Makes the calls; a refusal of one keeps no other thing back. */
async function give(row: DeletionRow, steps: readonly GivingBack[], to: Given, c: DeletionContext, progress: Progress): Promise<void> {
  for (const step of steps) {
    const { command, item, call, orElse } = step;
    if (to.left.has(item.id)) continue;
    const result = await runStep(row, command, item, c, call);
    if (result.ok) {
      await progress(`restoring: ${command} ${item.name}`);
      continue;
    }
    to.left.add(item.id);
    const isClearNo = result.error.kind === "rejected" || result.error.kind === "refused";
    const undone = isClearNo && orElse !== undefined ? await runStep(row, orElse.command, item, c, orElse.call) : ok(undefined);
    if (!undone.ok) to.passing.push(undone.error);
    else if (!isClearNo) to.passing.push(result.error);
    else if (await isAskedAgain(row, step, result.error, c)) to.passing.push(stillAsked(step, result.error));
    else to.refused.set(item.id, result.error.message);
  }
}

/** A refusal after which the same is asked again; the sentence says what it keeps back. */
function stillAsked({ command, item }: GivingBack, f: Failure): Failure {
  if (command === "enable") return { ...f, message: `the account ${item.name} is not enabled yet, and is asked for again: ${f.message}` };
  if (command !== "recover") return f;
  return { ...f, message: `the machine ${item.name} is not back yet, and is asked for again while CloudStack keeps it: ${f.message}` };
}
