/** Whose lock of an account it is: Twokey's from the intent on, until a read finds the account in any other state. */
import { z } from "zod";
import { AccountId, DomainId } from "../core/ids.ts";
import type { Queryable } from "./db.ts";

const OpenLockRow = z.object({
  intentId: z.string(),
  command: z.enum(["lock_account", "unlock_account"]),
  accountId: AccountId,
  domainId: DomainId,
});
/** A lock or an unlock that a pass sent, or was about to send, and of which nobody recorded how it ended. */
export type OpenLock = Readonly<z.output<typeof OpenLockRow>>;

/** The intents of passes that lock or unlock an account. */
const IS_LOCK = "i.owner_kind = 'pass' and i.command in ('lock_account', 'unlock_account')";
/** That nobody recorded how a call ended, or only that it is not known. */
const IS_OPEN = "not exists (select from outcome o where o.intent_id = i.id and o.result <> 'indeterminate')";

/**
 * Lists the locks and unlocks without an end, oldest first: those of a process that was killed, and those whose answer was lost. Those in
 * deleted domains are not listed: nothing tells of them any more.
 */
export async function readOpenLocks(q: Queryable): Promise<readonly OpenLock[]> {
  return q.many(
    OpenLockRow,
    `select i.id as "intentId", i.command, m.account_id as "accountId", m.domain_id as "domainId" from intent i
     join managed_account m on m.account_id::text = i.params -> 'change' ->> 'accountId'
     join managed_domain d on d.domain_id = m.domain_id and d.deleted_at is null
     where ${IS_LOCK} and ${IS_OPEN} order by i.seq`,
  );
}

/** Records whether Twokey locked an account. */
export async function recordLock(q: Queryable, account: AccountId, lockedByUs: boolean): Promise<void> {
  await q.exec("update managed_account set locked_by_us = $2 where account_id = $1", [account, lockedByUs]);
}

/** Records that CloudStack refused to lock an account; an earlier lock of it whose end is not known may still be ours. */
export async function recordRefusedLock(q: Queryable, account: AccountId): Promise<void> {
  await q.exec(
    `update managed_account set locked_by_us = false where account_id = $1 and not exists (
       select from intent i where ${IS_LOCK} and i.params -> 'change' ->> 'accountId' = $1::text and i.command = 'lock_account' and ${IS_OPEN})`,
    [account],
  );
}

/** Forgets that Twokey locked these accounts: they were found unlocked or disabled, so whatever locks them later is not ours. */
export async function forgetLocks(q: Queryable, accounts: readonly AccountId[]): Promise<void> {
  if (accounts.length === 0) return;
  await q.exec("update managed_account set locked_by_us = false where locked_by_us and account_id = any($1)", [accounts]);
}
