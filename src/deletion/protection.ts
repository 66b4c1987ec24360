import type { DeletionRow } from "../store/deletions.ts";
import type { DeletionContext } from "./context.ts";
import type { LimitsNow } from "./ports.ts";

/** Whether a domain may never be deleted: by the frozen policy, by the one in force, or by what it is. Invariant: INV-4. */
export function isProtectedRow(
  row: Pick<DeletionRow, "domain_id" | "path" | "policy">,
  c: Pick<DeletionContext, "isProtected">,
  limits: Pick<LimitsNow, "protectedDomains">,
): boolean {
  const listed = [...row.policy.protectedDomains, ...limits.protectedDomains];
  return listed.includes(row.domain_id) || listed.includes(row.path) || c.isProtected(row.domain_id, row.path);
}
