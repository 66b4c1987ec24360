import type { Failure } from "../core/failure.ts";
import { wouldDeleteProtected } from "../core/protected.ts";
import { ok, type Result } from "../core/result.ts";
import type { DeletionRow } from "../store/deletions.ts";
import type { DeletionContext } from "./context.ts";
import type { PolicyNow } from "../core/policy.ts";

type Place = Pick<DeletionRow, "domain_id" | "path"> & { readonly policy: Pick<DeletionRow["policy"], "protectedDomains"> };

/**
 * Whether a domain may never be deleted: by the frozen policy, by the one in force, or by what it is.
 *
 * Errors: `unavailable` while the managed root is not known. Invariant: INV-4.
 */
export async function isProtectedRow(
  row: Place,
  c: Pick<DeletionContext, "isProtected">,
  now: Pick<PolicyNow, "protectedDomains">,
  isLocked = false,
): Promise<Result<boolean, Failure>> {
  return isListed(row, now) ? ok(true) : c.isProtected(row.domain_id, row.path, isLocked);
}

/** Whether people protected a domain, one that it lies in or one below it, when its deletion was opened or since. */
export function isListed(row: Place, now: Pick<PolicyNow, "protectedDomains">): boolean {
  return wouldDeleteProtected([...row.policy.protectedDomains, ...now.protectedDomains], { id: row.domain_id, path: row.path });
}
