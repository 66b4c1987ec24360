import { completeInventory, disagreements, uncertainKinds, type WitnessedInventory } from "../../core/complete-inventory.ts";
import type { Failure } from "../../core/failure.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../core/inventory.ts";
import { ok, type Result } from "../../core/result.ts";
import { interrupted, type CloudStackApi } from "../api/http.ts";
import { readList } from "../api/paging.ts";
import type { Further } from "../../deletion/cloud.ts";
import type { AccountRow, DomainRow, ProjectRow } from "../api/wire.ts";
import { itemLists } from "./item-lists.ts";
import { accountsQuery } from "./lists.ts";
import { readAlsoTaken } from "./also-taken.ts";
import { readFurtherObstacles } from "./further-obstacles.ts";
import { looseEnds, obstaclesIn } from "./obstacles.ts";
import { findDedications } from "./dedications.ts";
import { byKindAndId, readSubtree, readThings, type KnownDomains, type Ours, type Place } from "./things.ts";
import { totalsOf } from "./totals.ts";

/** Waits before the totals are read again, when they disagree with the lists: they may follow a change late. Units: ms. */
const TOTALS_AGAIN_MS = [500, 1_500] as const;

/**
 * Reads all that a domain and the domains below it hold, and has it confirmed by what CloudStack itself counts for each account. Where
 * the two disagree, what is hidden is asked for, then the totals are read again, a few times. Lists are asked for each CloudStack project
 * too (recording 09), and every row is kept only if it belongs to one of these domains (recording 03, fact 8).
 *
 * Shape: a `CompleteInventory`, or an inventory with the reasons why it is `unproven`. A list that could not be asked is such a reason and
 * no obstacle: the next read may have it, and only what lasts ends a deletion.
 * Errors: `stale` when the domain is no longer at `path`; otherwise the failure of the list that failed.
 * Source: recordings 17, 18. Invariant: INV-9.
 */
export async function readInventory(api: CloudStackApi, o: Place, more: Asked = {}): Promise<Result<Inventory, Failure>> {
  const read = await readLists(api, o, more);
  if (!read.ok) return read;
  let { witnessed } = read.value;
  const hidden = await readHidden(api, o.domainId, read.value.ours, witnessed);
  if (!hidden.ok) return hidden;
  witnessed = hidden.value;
  for (const wait of TOTALS_AGAIN_MS) {
    if (disagreements(witnessed).length === 0) break;
    if (await interrupted(api.settings, wait)) break;
    const accounts = await readList(api, accountsQuery(o.domainId, true, true));
    if (!accounts.ok) return accounts;
    witnessed = { ...witnessed, totals: totalsOf(accounts.value, read.value.ours.domains) };
  }
  const loose = looseEnds(witnessed.inventory.items, new Set(witnessed.totals.map((t) => t.accountId)));
  const complete = completeInventory({ ...witnessed, doubts: [...witnessed.doubts, ...loose] });
  return ok(complete.ok ? complete.value : { ...witnessed.inventory, unproven: complete.error });
}

/** What is asked beside the lists of things. */
interface Asked extends Omit<Further, "domains"> {
  /** All domains, where they were just read. */
  readonly known?: KnownDomains;
}

/** The inventory as the usual lists show it, with the totals, and whose things it has. */
async function readLists(
  api: CloudStackApi,
  o: Place,
  { known = null, obstacles: further, alsoTaken = false }: Asked,
): Promise<Result<{ readonly witnessed: WitnessedInventory; readonly ours: Ours }, Failure>> {
  const asOf = api.settings.now();
  const subtree = await readSubtree(api, o, known);
  if (!subtree.ok) return subtree;
  const { rows, domains, projects } = subtree.value;
  const accounts = await readList(api, accountsQuery(o.domainId, true, true));
  if (!accounts.ok) return accounts;
  const ours: Ours = {
    domains,
    accounts: accounts.value.filter((a) => domains.has(a.domainid)),
    // Without a CloudStack project, which a total of each account confirms, nothing belongs to one. `-1` gives a root administrator the
    // things of all projects, a domain administrator only those of its own: so each is asked for too.
    owners: projects.length === 0 ? [{}] : [{}, { projectid: "-1" }, ...projects.map((p) => ({ projectid: p.id }))],
  };
  const strangers = accounts.value.filter((a) => !domains.has(a.domainid));
  const things = await readThings(api, o.domainId, ours, itemLists);
  if (!things.ok) return things;
  // Groups are asked for before the quarantine, which asks for dedications itself before it begins.
  const dedications = further === "groups" ? ok([]) : await findDedications(api, domains);
  if (!dedications.ok) return dedications;
  const items = [...holderItems(rows, ours.accounts, projects), ...things.value.items].toSorted(byKindAndId);
  const found =
    further === undefined ? ok({ obstacles: [], unasked: [] }) : await readFurtherObstacles(api, o.domainId, ours, { items, further });
  if (!found.ok) return found;
  const along = alsoTaken ? await readAlsoTaken(api, o.domainId, ours, items) : ok(null);
  if (!along.ok) return along;
  const unasked = [...things.value.unasked, ...found.value.unasked];
  const obstacles = [...obstaclesIn(items, rows, strangers), ...dedications.value, ...found.value.obstacles];
  const shown = along.value === null ? {} : { alsoTaken: along.value };
  const inventory = { domainId: o.domainId, path: o.path, items, obstacles, asOf, ...shown };
  return ok({ witnessed: { inventory, totals: totalsOf(ours.accounts, domains), doubts: unasked }, ours });
}

/** Adds what is hidden from the usual lists of the kinds on which lists and totals disagree or may, as far as this key may ask. */
async function readHidden(
  api: CloudStackApi,
  domainId: string,
  ours: Ours,
  witnessed: WitnessedInventory,
): Promise<Result<WitnessedInventory, Failure>> {
  const kinds = new Set<string>([...disagreements(witnessed).flatMap((d) => d.kinds), ...uncertainKinds(witnessed.inventory)]);
  const lists = itemLists.filter((list) => kinds.has(list.kind) && list.otherWay?.asked === "when totals disagree");
  const found = await readThings(api, domainId, ours, lists, "other");
  if (!found.ok) return found;
  const { inventory } = witnessed;
  const listed = new Set(inventory.items.map((i) => `${i.kind} ${i.id}`));
  const hidden = found.value.items.filter((i) => !listed.has(`${i.kind} ${i.id}`));
  const items = [...inventory.items, ...hidden].toSorted(byKindAndId);
  return ok({ ...witnessed, inventory: { ...inventory, items, obstacles: [...inventory.obstacles, ...obstaclesIn(hidden, [], [])] } });
}

/** The child domains, accounts, users and CloudStack projects as items. */
function holderItems(
  domains: readonly DomainRow[],
  accounts: readonly AccountRow[],
  projects: readonly ProjectRow[],
): readonly InventoryItem[] {
  const item = (kind: ItemKind, row: HolderRow, parentId: string | null, more: Partial<InventoryItem> = {}): InventoryItem => ({
    ...{ kind, id: row.id, name: row.name, state: row.state ?? "unknown", createdAt: row.created ?? null, parentId },
    ...{ accountId: null, accountName: null, bytes: null, zoneId: null, facts: {}, ...more },
  });
  return [
    ...domains.slice(1).map((d) => item("child_domain", { ...d, state: "Active" }, d.parentdomainid ?? null)),
    ...accounts.flatMap((a) => {
      const owner = { accountId: a.id, accountName: a.name };
      return [
        item("account", a, a.domainid, { ...owner, facts: { role: a.rolename, accountType: a.accounttype } }),
        ...a.user.map((u) => item("user", { ...u, name: u.username }, a.id, { ...owner, facts: { email: u.email } })),
      ];
    }),
    ...projects.map((p) => item("cloudstack_project", p, p.domainid)),
  ];
}

type HolderRow = Pick<ProjectRow, "id" | "name" | "state" | "created">;
