import type { AccountTotals } from "../../core/complete-inventory.ts";
import type { AccountRow } from "../api/wire.ts";

/** What CloudStack counts for the accounts of these domains; an account without a total that every server gives is left out. */
export function totalsOf(accounts: readonly AccountRow[], domains: ReadonlySet<string>): readonly AccountTotals[] {
  return accounts.filter((a) => domains.has(a.domainid)).flatMap((a) => totalsOfOne(a) ?? []);
}

/** What CloudStack counts for one account; null: the row does not say. Source: recordings 17, 25. */
export function totalsOfOne(a: AccountRow): AccountTotals | null {
  const { vmrunning, vmstopped, vmtotal: machines, volumetotal: volumes, snapshottotal: snapshots, templatetotal: images } = a;
  const { networktotal: networks, iptotal: addresses, vpctotal: vpcs, projecttotal: projects, backuptotal, buckettotal } = a;
  if (vmrunning === undefined || vmstopped === undefined || projects === undefined) return null;
  const counts = { machines, volumes, snapshots, images, networks, addresses, vpcs };
  if (Object.values(counts).includes(undefined)) return null;
  const late = { backups: backuptotal, buckets: buckettotal };
  const given = Object.entries({ machinesByState: vmrunning + vmstopped, ...counts, ...late }).filter(([, n]) => n !== undefined);
  return { accountId: a.id, accountName: a.name, domainId: a.domainid, projects, counts: Object.fromEntries(given) };
}
