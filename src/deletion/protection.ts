import type { Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import type { DeletionRow } from "../store/deletions.ts";
import type { DeletionContext } from "./context.ts";
import type { LimitsNow } from "./ports.ts";

type Place = Pick<DeletionRow, "domain_id" | "path" | "policy">;

/**
 * Whether a domain may never be deleted: by the frozen policy, by the one in force, or by what it is.
 *
 * Errors: `unavailable` while the managed root is not known. Invariant: INV-4.
 */
export async function isProtectedRow(
  row: Place,
  c: Pick<DeletionContext, "isProtected">,
  limits: Pick<LimitsNow, "protectedDomains">,
): Promise<Result<boolean, Failure>> {
  return isListed(row, limits) ? ok(true) : c.isProtected(row.domain_id, row.path);
}

/** Whether people protected a domain, when its deletion was opened or since. */
export function isListed(row: Place, limits: Pick<LimitsNow, "protectedDomains">): boolean {
  const listed = [...row.policy.protectedDomains, ...limits.protectedDomains];
  return listed.includes(row.domain_id) || listed.includes(row.path);
}
