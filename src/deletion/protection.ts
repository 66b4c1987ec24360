import type { Failure } from "../core/failure.ts";
import { wouldDeleteProtected } from "../core/protected.ts";
import type { PolicyNow } from "../core/policy.ts";
import { ok, type Result } from "../core/result.ts";
import type { IsOutside } from "../core/scope.ts";
import type { DeletionRow } from "../store/deletions.ts";

type Place = Pick<DeletionRow, "domain_id" | "path"> & { readonly policy: Pick<DeletionRow["policy"], "protectedDomains"> };

/**
 * Whether a domain may never be deleted: by the frozen policy, by the one in force, or by where it lies. Pure: `outside` is read before.
 *
 * Errors: `outside`'s, unless people protected the domain. Invariant: INV-4.
 */
export function isProtected(
  row: Place,
  outside: Result<IsOutside, Failure>,
  now: Pick<PolicyNow, "protectedDomains">,
): Result<boolean, Failure> {
  if (isListed(row, now)) return ok(true);
  return outside.ok ? ok(outside.value(row.domain_id, row.path)) : outside;
}

/** Whether people protected a domain, one that it lies in or one below it, when its deletion was opened or since. */
export function isListed(row: Place, now: Pick<PolicyNow, "protectedDomains">): boolean {
  return wouldDeleteProtected([...row.policy.protectedDomains, ...now.protectedDomains], { id: row.domain_id, path: row.path });
}
