import type { DomainId } from "../../core/ids.ts";
import type { ObservedAccount } from "../../sync/planning/observed.ts";
import { asDomainId, type AccountRow } from "../api/wire.ts";

/** The accounts that really belong to the given domains, as observed; others are a neighbour's and are dropped. */
export function observedAccounts(rows: readonly AccountRow[], domains: ReadonlySet<DomainId>): readonly ObservedAccount[] {
  return rows.flatMap((row) => {
    const domainId = asDomainId(row.domainid);
    if (domainId === null || !domains.has(domainId)) return [];
    const users = row.user.map((u) => ({
      id: u.id,
      username: u.username,
      email: u.email,
      firstName: u.firstname,
      lastName: u.lastname,
      state: u.state,
    }));
    return [{ id: row.id, name: row.name, domainId, state: row.state, roleName: row.rolename, users }];
  });
}
