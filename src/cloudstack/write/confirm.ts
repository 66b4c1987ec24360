import { failure, type Failure } from "../../core/failure.ts";
import type { AccountId, JobId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { CloudStackApi } from "../api/http.ts";
import { runJob } from "../api/jobs.ts";
import type { AccountRow } from "../api/wire.ts";
import { findAccount } from "../read/find.ts";
import type { TreeFence } from "./fence.ts";

/** How a change is proved by reading: what is there now, and whether it is what was wanted. */
export interface Proof<T> {
  readonly what: string;
  /** Null: not there. */
  readonly read: () => Promise<Result<T | null, Failure>>;
  readonly isWanted: (found: T) => boolean;
}

/**
 * Says whether a change was made, by reading it back: an accepted create may have gone elsewhere (a dropped `domainid` means ROOT), a
 * refused one may have been done before, a lost answer may have had its effect.
 *
 * Errors: `stuck` when CloudStack accepted and something else is there; the change's own failure when it is not there.
 * Source: facts/cloudstack §1.5; recordings 03, 13.
 */
export async function confirm<T>(sent: Result<unknown, Failure>, proof: Proof<T>): Promise<Result<void, Failure>> {
  const { what } = proof;
  if (!sent.ok && !LEAVES_DOUBT.has(sent.error.code) && sent.error.kind !== "indeterminate") return sent;
  const found = await proof.read();
  if (!found.ok && !sent.ok) return sent;
  if (!found.ok) {
    const sentence = `CloudStack accepted ${what}, but it could not be read back: ${found.error.message}`;
    return err(failure("indeterminate", "cloudstack.unconfirmed", sentence));
  }
  if (found.value !== null && proof.isWanted(found.value)) return ok(undefined);
  if (!sent.ok) return sent;
  const seen = found.value === null ? "it is not there" : "something else is there";
  const remedy = "Look for it in CloudStack, also directly below ROOT.";
  return err(failure("stuck", "cloudstack.not_as_wanted", `CloudStack accepted ${what}, but ${seen}`, { remedy }));
}

/** Refusals that CloudStack also gives when the very same thing was done before. */
const LEAVES_DOUBT = new Set(["cloudstack.internal", "cloudstack.parameter", "cloudstack.job_cut_off"]);

/** Sends a change of an account below the managed root, and confirms it. */
export async function changeAccount(
  api: CloudStackApi,
  fence: TreeFence,
  id: AccountId,
  o: {
    readonly what: (account: AccountRow) => string;
    readonly send: (account: AccountRow) => Promise<Result<unknown, Failure>>;
    readonly isWanted: (account: AccountRow) => boolean;
  },
): Promise<Result<void, Failure>> {
  const account = await fence.account(id);
  if (!account.ok) return account;
  return confirm(await o.send(account.value), { what: o.what(account.value), read: () => findAccount(api, id), isWanted: o.isWanted });
}

/** Enables an account: ends a lock or a quarantine. */
export function enableAccount(api: CloudStackApi, fence: TreeFence, id: AccountId): Promise<Result<void, Failure>> {
  return changeAccount(api, fence, id, {
    what: (a) => `enabling ${a.name}`,
    send: () => api.change("enableAccount", { id }),
    isWanted: (a) => a.state === "enabled",
  });
}

/** Locks an account: login and keys stop working, machines keep running. */
export function lockAccount(api: CloudStackApi, fence: TreeFence, id: AccountId, jobId: JobId): Promise<Result<void, Failure>> {
  return changeAccount(api, fence, id, {
    what: (a) => `locking ${a.name}`,
    send: () => runJob(api, "disableAccount", { id, lock: "true" }, jobId),
    isWanted: (a) => a.state === "locked",
  });
}

/** Disables an account: nobody logs in, and its machines stop. */
export function disableAccount(api: CloudStackApi, fence: TreeFence, id: AccountId, jobId: JobId): Promise<Result<void, Failure>> {
  return changeAccount(api, fence, id, {
    what: (a) => `disabling ${a.name}`,
    send: () => runJob(api, "disableAccount", { id, lock: "false" }, jobId),
    isWanted: (a) => a.state === "disabled",
  });
}
