import { isApprovedDeletion, type ApprovedDeletion } from "../../approvals/grant.ts";
import { failure, type Failure } from "../../core/failure.ts";
import { ok, err, type Result } from "../../core/result.ts";
import { isWithin } from "../../core/scope.ts";
import type { InventoryItem, ItemKind } from "../../core/inventory.ts";
import type { CloudStackApi } from "../api/http.ts";
import { findDomainWithChain, findManagedRoot } from "../read/managed-root.ts";
import type { Settings } from "../api/options.ts";

/**
 * Whether a grant is a real one and is about this thing: the second half of a pair assertion, asked before every call that takes away.
 *
 * Errors: `refused`. Invariant: INV-2, INV-9.
 */
export function refusalOfGrant(
  grant: ApprovedDeletion,
  rootPath: Settings["rootPath"],
  item?: InventoryItem,
  kinds?: readonly ItemKind[],
): Failure | null {
  if (!isApprovedDeletion(grant)) return refusal("no_grant", "what was given as a grant is none");
  const { request, approved } = grant;
  if (approved.domainId !== request.domainId || approved.path !== request.path)
    return refusal("other_domain", "the approved inventory is of another domain");
  if (!isWithin(rootPath, request.path) || request.path === rootPath)
    return refusal("outside_root", `${request.path} does not lie below ${rootPath}`);
  if (item === undefined) return null;
  if (kinds !== undefined && !kinds.includes(item.kind)) return refusal("wrong_kind", `a ${item.kind} is not deleted this way`);
  const isListed = approved.items.some((one) => one.kind === item.kind && one.id === item.id);
  return isListed ? null : refusal("not_approved", `${item.kind} ${item.name} is not in the inventory that was approved`);
}

/**
 * Whether the granted domain really stands where it was approved, by looking at the live tree: below the managed root, and neither that
 * root, nor above it, nor moved or renamed. Invariant: INV-4.
 */
export async function readPlace(api: CloudStackApi, s: Settings, grant: ApprovedDeletion): Promise<Result<void, Failure>> {
  const tree = await findManagedRoot(api, s);
  if (!tree.ok) return tree;
  const { domainId, path } = grant.request;
  if ([tree.value.root.id, ...tree.value.ancestors].includes(domainId))
    return err(refusal("protected", `${path} is the managed root, or above it`));
  const found = await findDomainWithChain(api, s, domainId);
  if (!found.ok) return found;
  if (found.value === null) return err(failure("stale", "cloudstack.domain_gone", `${path} does not exist any more`));
  if (found.value.path !== path)
    return err(failure("stale", "cloudstack.domain_moved", `the domain of ${path} is now at ${found.value.path}`));
  if (!found.value.above.some((row) => row.id.toLowerCase() === tree.value.root.id)) {
    return err(refusal("outside_root", `${path} does not hang on ${s.rootPath}`));
  }
  return ok(undefined);
}

function refusal(code: string, sentence: string): Failure {
  return failure("refused", `cloudstack.${code}`, sentence);
}
