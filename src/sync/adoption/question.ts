import type { MappedPair } from "../../core/adoption.ts";
import type { KnownState } from "../../core/managed.ts";
import type { DesiredProject, HeldRow } from "../planning/desired.ts";
import type { NonUuidDomain, ObservedAccount, ObservedDomain } from "../planning/observed.ts";

/** Both sides, what is managed, and what a mapping file says. */
export interface MatchQuestion {
  readonly projects: readonly DesiredProject[];
  readonly held: readonly HeldRow[];
  /** All below the managed root. */
  readonly domains: readonly ObservedDomain[];
  readonly nonUuid: readonly NonUuidDomain[];
  readonly accounts: readonly ObservedAccount[];
  readonly known: Pick<KnownState, "managedDomains" | "managedAccounts" | "generations" | "domainsUnderDeletion">;
  /** Domains and accounts with ids that only Twokey derives, which are not recorded as managed. */
  readonly derived: ReadonlySet<string>;
  readonly mapped: readonly MappedPair[];
}
