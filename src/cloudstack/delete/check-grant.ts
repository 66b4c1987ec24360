import { isApprovedDeletion, type ApprovedDeletion } from "../../approvals/grant.ts";
import type { Failure } from "../../core/failure.ts";
import type { DomainPath } from "../../core/ids.ts";
import { ok, err, type Result } from "../../core/result.ts";
import { isWithin } from "../../core/scope.ts";
import type { InventoryItem, ItemKind } from "../../core/inventory.ts";
import { refusal } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { pathByOwnRow } from "../read/domain-tree.ts";
import { readChain, readDomain, requirePlace } from "../read/managed-root.ts";

/**
 * Whether a grant is a real one and covers this thing: asked a second time here, before every call that deletes or disables.
 *
 * Errors: `refused`. Invariant: INV-2, INV-9.
 */
export function refusalOfGrant(
  grant: ApprovedDeletion,
  rootPath: DomainPath,
  item?: InventoryItem,
  kinds?: readonly ItemKind[],
): Failure | null {
  if (!isApprovedDeletion(grant)) return refusal("no_grant", "this is not a grant");
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
 * Whether the granted domain is where it was approved, by the domains above it as they are now: below the managed root, neither that root
 * nor above it, and neither moved nor renamed. Levels count too: a rename can put a slash into a name. Invariant: INV-4.
 */
export async function readPlace(api: CloudStackApi, grant: ApprovedDeletion): Promise<Result<void, Failure>> {
  const { domainId, path } = grant.request;
  const { rootPath } = api.settings;
  const row = await readDomain(api, domainId);
  if (!row.ok) return row;
  // Most domains are directly below the managed root, and their own row tells: nothing above has to be read.
  if (row.value !== null && pathByOwnRow(row.value) === path && path.slice(0, path.lastIndexOf("/")) === rootPath) return ok(undefined);
  const found = row.value === null ? ok(null) : await readChain(api, row.value);
  if (!found.ok) return found;
  if (found.value !== null && isWithin(found.value.path, rootPath))
    return err(refusal("protected", `${path} is the managed root, or above it`));
  const place = requirePlace(found.value, path);
  if (!place.ok) return place;
  const names = rootPath.split("/");
  const root = place.value.above.find((row) => row.level === names.length - 1);
  return root !== undefined && root.name === names.at(-1) && place.value.row.level === path.split("/").length - 1
    ? ok(undefined)
    : err(refusal("outside_root", `${path} is not below ${rootPath}`));
}
