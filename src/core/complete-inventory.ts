import { fail, type Failure } from "./failure.ts";
import type { AccountId, DomainId, DomainPath, Instant } from "./ids.ts";
import type { AlsoTaken, Inventory, InventoryItem, ItemKind } from "./inventory.ts";
import { err, ok, type Result } from "./result.ts";

/** What CloudStack itself counts for accounts, each from its own tables: no display flag, hypervisor or page shortens it. */
const counters = [
  "machinesByState",
  "machines",
  "volumes",
  "snapshots",
  "images",
  "networks",
  "addresses",
  "vpcs",
  "backups",
  "buckets",
] as const;
/** One of `counters`. */
export type Counter = (typeof counters)[number];

/** An account's totals. A counter is left out where this version of the server has none of it. */
export interface AccountTotals {
  readonly accountId: AccountId;
  readonly accountName: string;
  readonly domainId: string;
  readonly projects: number;
  readonly counts: Readonly<Partial<Record<Counter, number>>>;
}

/** An inventory with what a second witness says about it. */
export interface WitnessedInventory {
  readonly inventory: Inventory;
  /** One for each account of the inventory. */
  readonly totals: readonly AccountTotals[];
  /** What no total can settle: a list that could not be asked, a thing of an account that is in no list; a sentence for each. */
  readonly doubts: readonly string[];
}

/** A way in which lists and totals disagree; `kinds`: whose lists show too little or too much. */
export interface Disagreement {
  readonly kinds: readonly ItemKind[];
  readonly sentence: string;
}

/** Whether a thing is in CloudStack's count: `maybe` while it comes or goes, and for what only some ways of counting include. */
type Counted = "yes" | "maybe" | "no";
const when = (isCounted: boolean, otherwise: Counted = "maybe"): Counted => (isCounted ? "yes" : otherwise);

const COUNTS: Readonly<
  Record<Counter, { readonly what: string; readonly kinds: readonly ItemKind[]; readonly of: (i: InventoryItem, all: Parents) => Counted }>
> = {
  machinesByState: {
    what: "machines that run or are stopped",
    kinds: ["machine"],
    of: ({ state }) => when(COUNTED_STATES.has(state), ["Destroyed", "Expunging", "Error"].includes(state) ? "no" : "maybe"),
  },
  // Only an upper bound: hidden machines are not in this total, and by a setting stopped ones are not either.
  machines: { what: "machines", kinds: ["machine"], of: () => "maybe" },
  volumes: {
    what: "volumes",
    kinds: ["volume"],
    of: (v, all) => when(["Ready", "Allocated"].includes(v.state) && !goesWithMachine(v, all)),
  },
  snapshots: { what: "snapshots", kinds: ["snapshot"], of: ({ state }) => when(state === "BackedUp") },
  // CloudStack counts these from their registration on, ready or not (recordings 17 and 23): no room for one that no list shows.
  images: { what: "templates and ISOs", kinds: ["template", "iso"], of: ({ facts }) => when(facts["isReady"] === true) },
  networks: {
    what: "networks",
    kinds: ["network"],
    // Shared networks, layer 2 networks and those with a VLAN of their own are left out by some ways of counting.
    of: ({ facts }) => when(facts["type"] === "Isolated" && facts["aclType"] !== "Domain" && facts["specifiesVlan"] !== true),
  },
  addresses: { what: "addresses", kinds: ["address"], of: ({ state }) => when(["Allocated", "unknown"].includes(state)) },
  vpcs: { what: "VPCs", kinds: ["vpc"], of: ({ state }) => when(["Enabled", "unknown"].includes(state)) },
  backups: { what: "backups", kinds: ["backup"], of: ({ state }) => when(state === "BackedUp") },
  buckets: { what: "buckets", kinds: [], of: () => "no" },
};
const COUNTED_STATES: ReadonlySet<string> = new Set(["Running", "Stopped"]);

/** Machines by their id. */
type Parents = ReadonlyMap<string, InventoryItem>;

/**
 * A root disk follows its machine, whose destruction takes it out of the count at a time of its own. No recording tells when: their totals
 * are of running and stopped machines (05, 06, 16, 25) or of expunged ones (16, 25), and none has a snapshot in Error. So both may be in
 * the total or not, and `uncertainKinds` has the hidden things asked for as well.
 */
function goesWithMachine(volume: InventoryItem, machines: Parents): boolean {
  return volume.facts["type"] === "ROOT" && !COUNTED_STATES.has(machines.get(volume.parentId ?? "")?.state ?? "");
}

/** Where the lists and CloudStack's own totals disagree: too many in either is a disagreement. Source: recordings 17, 20, 25, 33. */
export function disagreements({ inventory, totals }: WitnessedInventory): readonly Disagreement[] {
  const { items } = inventory;
  const machines = new Map(items.filter((i) => i.kind === "machine").map((m) => [m.id, m]));
  const compared = totals.flatMap((account) =>
    compareAccount(
      account,
      items.filter((i) => i.accountId === account.accountId),
      machines,
    ),
  );
  return [...compared, ...compareProjects(totals, items)];
}

function compareAccount(account: AccountTotals, own: readonly InventoryItem[], machines: Parents): readonly Disagreement[] {
  return counters.flatMap((counter): readonly Disagreement[] => {
    const { what, kinds, of } = COUNTS[counter];
    const total = account.counts[counter];
    const counted = own
      .filter((i) => kinds.includes(i.kind))
      .map((i) => (i.facts["isHidden"] === true && of(i, machines) === "yes" ? hiddenCount(i) : of(i, machines)));
    const [surely, possibly] = [counted.filter((c) => c === "yes").length, counted.filter((c) => c !== "no").length];
    if (total === undefined || (total >= surely && total <= possibly)) return [];
    const shown = total > possibly ? possibly : surely;
    return [{ kinds, sentence: `account ${account.accountName}: CloudStack counts ${total} ${what}, the lists show ${shown}` }];
  });
}

/**
 * Kinds with something listed that is perhaps in CloudStack's count and perhaps not: as many hidden things would make the same total, so
 * these are asked for too.
 */
export function uncertainKinds({ items }: Pick<Inventory, "items">): readonly ItemKind[] {
  const machines = new Map(items.filter((i) => i.kind === "machine").map((m) => [m.id, m]));
  return Object.values(COUNTS).flatMap(({ kinds, of }) =>
    items.some((i) => kinds.includes(i.kind) && of(i, machines) === "maybe") ? kinds : [],
  );
}

/** What is not for display is in the number of machines by state, and perhaps in no other total. */
function hiddenCount(item: InventoryItem): Counted {
  return item.kind === "machine" ? "yes" : "maybe";
}

/** A CloudStack project has no account in its row: projects are compared for each domain. */
function compareProjects(totals: readonly AccountTotals[], items: readonly InventoryItem[]): readonly Disagreement[] {
  return [...new Set(totals.map((t) => t.domainId))].flatMap((domainId): readonly Disagreement[] => {
    const counted = totals.filter((t) => t.domainId === domainId).reduce((n, t) => n + t.projects, 0);
    const shown = items.filter((i) => i.kind === "cloudstack_project" && i.parentId === domainId).length;
    if (counted === shown) return [];
    const sentence = `CloudStack counts ${counted} CloudStack projects of the domain's accounts, the lists show ${shown}`;
    return [{ kinds: ["cloudstack_project"], sentence }];
  });
}

/** An inventory that a second witness confirmed. Only `completeInventory` makes one. */
class Complete implements Inventory {
  readonly #minted = true;
  readonly domainId: DomainId;
  readonly path: DomainPath;
  readonly items: readonly InventoryItem[];
  readonly obstacles: readonly string[];
  readonly asOf: Instant;
  declare readonly alsoTaken?: readonly AlsoTaken[];
  constructor({ domainId, path, items, obstacles, asOf, alsoTaken }: Inventory) {
    this.domainId = domainId;
    this.path = path;
    this.items = items;
    this.obstacles = obstacles;
    this.asOf = asOf;
    if (alsoTaken !== undefined) this.alsoTaken = alsoTaken;
  }
  static is(x: unknown): x is Complete {
    return typeof x === "object" && x !== null && #minted in x;
  }
}

/** All that a domain holds, proved: every list was asked, and the lists agree with CloudStack's own totals. */
export type CompleteInventory = Complete;

/** Whether `completeInventory` made this value: what was stored and read again is no proof any more. */
export function isComplete(x: unknown): x is CompleteInventory {
  return Complete.is(x);
}

/**
 * Mints a complete inventory, or says why this one is not proved to show everything.
 *
 * Invariant: INV-1, INV-9.
 */
export function completeInventory(witnessed: WitnessedInventory): Result<CompleteInventory, readonly string[]> {
  const { inventory, totals, doubts } = witnessed;
  const counted = new Set<string>(totals.map((t) => t.accountId));
  const uncounted = inventory.items.filter((i) => i.kind === "account" && !counted.has(i.id));
  const reasons = [
    ...doubts,
    ...uncounted.map((a) => `account ${a.name}: CloudStack did not say what it counts`),
    ...disagreements(witnessed).map((d) => d.sentence),
  ];
  return reasons.length === 0 ? ok(new Complete(inventory)) : err(reasons);
}

/** A proof that an account is disabled and owns nothing but its users. Only `proveEmpty` makes one. */
class Empty {
  readonly #minted = true;
  readonly domainId: DomainId;
  readonly account: InventoryItem;
  readonly asOf: Instant;
  constructor(inventory: CompleteInventory, account: InventoryItem) {
    this.domainId = inventory.domainId;
    this.account = account;
    this.asOf = inventory.asOf;
  }
  static is(x: unknown): x is Empty {
    return typeof x === "object" && x !== null && #minted in x;
  }
}

/** A proof that an account owns nothing, as a type; the class stays in this file. */
export type ProvenEmpty = Empty;

/** Whether `proveEmpty` made this value. Called before `deleteAccount`. */
export function isProvenEmpty(x: unknown): x is ProvenEmpty {
  return Empty.is(x);
}

/**
 * Proves from a complete inventory that one of its accounts is disabled and owns nothing: `deleteAccount` destroys all that it owns.
 *
 * Errors: `refused` `deletion.account_not_empty`, `deletion.account_enabled`. Source: recordings 11, 17, 24.
 */
export function proveEmpty(inventory: CompleteInventory, accountId: string): Result<ProvenEmpty, Failure> {
  const account = inventory.items.find((i) => i.kind === "account" && i.id === accountId);
  if (!isComplete(inventory) || account === undefined)
    return fail("refused", "deletion.account_not_empty", `it is not proved that the account ${account?.name ?? accountId} is empty`);
  const left = inventory.items.filter(
    (i) => i.kind !== "user" && i.kind !== "account" && (i.accountId === account.id || i.accountName === account.name),
  );
  if (left.length > 0) {
    const some = left.slice(0, 5).map((i) => `${i.kind.replaceAll("_", " ")} ${i.name}`);
    return fail("refused", "deletion.account_not_empty", `account ${account.name} still owns something: ${some.join(", ")}`);
  }
  return account.state === "disabled"
    ? ok(new Empty(inventory, account))
    : fail("refused", "deletion.account_enabled", `account ${account.name} is ${account.state}: somebody could make something in it now`);
}
