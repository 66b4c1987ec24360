import { failure, type Failure } from "../../core/failure.ts";
import type { AccountId, DomainId } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { refusal } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { findAccount } from "../read/find.ts";
import { findDomainWithChain, findManagedRoot } from "../read/managed-root.ts";
import type { AccountRow } from "../api/wire.ts";

/** Keeps changes below the managed root, by reading the tree before the first change of each domain. Invariant: INV-4. */
export interface TreeFence {
  /** The managed root's id. Errors: `refused` when there is no root. */
  root(): Promise<Result<DomainId, Failure>>;
  /** Notes a domain that was just seen directly below the managed root, so that it is not read again for what is made in it. */
  saw(domainId: DomainId): void;
  /** Errors: `refused` for the root itself, for those above it, and for all elsewhere. */
  within(domainId: DomainId): Promise<Result<void, Failure>>;
  /** The account, when its domain is within. */
  account(id: AccountId): Promise<Result<AccountRow, Failure>>;
}

/** How long a pass relies on what it read of a domain's place. Units: ms. */
const FRESH_MS = 60_000;

/** Makes the fence of one client. With `freshMs` 0 it reads every time. */
export function createFence(api: CloudStackApi, freshMs = FRESH_MS): TreeFence {
  let known: { readonly id: DomainId; readonly at: number } | null = null;
  const seen = new Map<DomainId, number>();
  const within = async (domainId: DomainId): Promise<Result<void, Failure>> => {
    if (api.settings.now() - (seen.get(domainId) ?? Number.NEGATIVE_INFINITY) < freshMs) return ok(undefined);
    const found = await findDomainWithChain(api, domainId);
    if (!found.ok) return found;
    if (found.value === null)
      return err(failure("stale", "cloudstack.domain_gone", `the domain ${domainId} does not exist, or no longer does`));
    if (!found.value.path.startsWith(`${api.settings.rootPath}/`)) {
      const sentence = `the domain ${found.value.path} does not lie below ${api.settings.rootPath}, so it is not touched`;
      return err(refusal("outside_root", sentence, { details: { domainId } }));
    }
    seen.set(domainId, api.settings.now());
    return ok(undefined);
  };
  return {
    root: async () => {
      // It may be moved or renamed meanwhile, as any domain.
      if (known !== null && api.settings.now() - known.at < freshMs) return ok(known.id);
      const tree = await findManagedRoot(api);
      if (!tree.ok) return tree;
      known = { id: tree.value.root.id, at: api.settings.now() };
      return ok(known.id);
    },
    saw: (domainId) => void seen.set(domainId, api.settings.now()),
    within,
    account: async (id) => {
      const found = await findAccount(api, id);
      if (!found.ok) return found;
      if (found.value === null)
        return err(failure("stale", "cloudstack.account_gone", `the account ${id} does not exist, or no longer does`));
      const place = await within(found.value.domainid as DomainId);
      return place.ok ? ok(found.value) : place;
    },
  };
}
