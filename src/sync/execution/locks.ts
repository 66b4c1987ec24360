/**
 * Whose lock of an account it is, by one rule: ours from the intent on, whoever recorded how the call ended, until a read finds the account
 * in any other state. Invariant: INV-5.
 */
import type { Clock } from "../../core/clock.ts";
import { jobIdFor } from "../../core/derived-ids.ts";
import type { AccountId, DomainId } from "../../core/ids.ts";
import type { KnownState } from "../../core/managed.ts";
import type { Database, Queryable } from "../../store/db.ts";
import { recordOutcome } from "../../store/intents.ts";
import { forgetLocks, readOpenLocks, type OpenLock } from "../../store/locks.ts";
import type { CompleteObserved, PartialObserved } from "../planning/observed.ts";
import type { ObservedSource } from "./ports.ts";

/** A lock or an unlock without a recorded end; `isOver`: a read from now on tells what became of it. */
export interface LockToSettle extends OpenLock {
  readonly isOver: boolean;
}

/**
 * Lists what a read that begins now may settle, but nothing in the domains under deletion. While a lock's job still runs, or cannot be
 * looked up, an account that is found enabled says nothing of it. CloudStack is asked nothing where every call ended.
 */
export async function findLocksToSettle(
  q: Queryable,
  busy: readonly DomainId[],
  source: Pick<ObservedSource, "findJob">,
): Promise<readonly LockToSettle[]> {
  const found: LockToSettle[] = [];
  for (const open of await readOpenLocks(q)) {
    if (busy.includes(open.domainId)) continue;
    found.push({ ...open, isOver: open.command === "unlock_account" || (await hasEnded(open, source)) });
  }
  return found;
}

async function hasEnded({ intentId }: OpenLock, source: Pick<ObservedSource, "findJob">): Promise<boolean> {
  const job = await source.findJob(jobIdFor(intentId));
  return job.ok ? job.value.state !== "running" : job.error.code === "cloudstack.job_cut_off";
}

/**
 * Ends the locks of ours that a read found to be over, and settles the calls without an end by the state in which it found their accounts.
 *
 * `known` and `open` are from before the read: a lock that another process begins meanwhile is not judged by it. Nor is any in a domain
 * under deletion, whose quarantine disables accounts, and whose Restore enables them before it locks those again that were locked.
 */
export async function settleLocks(
  observed: Pick<CompleteObserved | PartialObserved, "coverage" | "accounts">,
  known: Pick<KnownState, "managedAccounts" | "domainsUnderDeletion">,
  open: readonly LockToSettle[],
  c: { readonly db: Database; readonly now: Clock },
): Promise<void> {
  const busy = new Set<string>(known.domainsUnderDeletion);
  const awaited = new Set(open.filter((o) => !o.isOver).map((o) => o.accountId));
  const ours = known.managedAccounts.filter((m) => m.lockedByUs && !busy.has(m.domainId)).map((m) => m.accountId);
  const asked = new Set([...ours, ...open.map((o) => o.accountId)]);
  if (asked.size === 0) return;
  const states = new Map(observed.accounts.filter((a) => asked.has(a.id)).map((a) => [a.id, a.state]));
  const ended = ours.filter((id) => !awaited.has(id) && (states.get(id) ?? "locked") !== "locked");
  const found = (id: AccountId): string | null => states.get(id) ?? (observed.coverage === "complete" ? "not there" : null);
  const settled = open.filter((o) => o.isOver && found(o.accountId) !== null);
  if (ended.length + settled.length === 0) return;
  await c.db.tx(async (q) => {
    await forgetLocks(q, ended);
    for (const { intentId, accountId } of settled)
      await recordOutcome(q, { intentId, result: "looked_up", data: { found: found(accountId) }, at: c.now() });
  });
}
