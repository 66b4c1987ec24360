/**
 * Claim: whatever a domain holds, in whatever state and attached to whatever, each thing is on the card as an obstacle or a doubt, or the
 * steps of a deletion take it: no deletion that could be approved ends with something left. Over the real tables of kinds, obstacles and
 * steps, so that a new kind with neither fails here. Field 02, 03; recordings 06, 11, 16, 24.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { looseEnds, obstaclesIn } from "../../src/cloudstack/read/obstacles.ts";
import { proveEmpty } from "../../src/core/complete-inventory.ts";
import type { AccountId, DomainId } from "../../src/core/ids.ts";
import { goesWithNetwork, itemKinds, type Inventory, type InventoryItem, type ItemKind } from "../../src/core/inventory.ts";
import { vetoesOf } from "../../src/deletion/build-view.ts";
import { dismantleSteps, quarantineSteps, removeSteps } from "../../src/deletion/steps/teardown.ts";
import { at, completeOf, inventory, item } from "../support/deletions.ts";

const domain = "6f1c9a1e-0000-4000-8000-000000000002" as DomainId;

/** States that CloudStack gives to things of a kind; others have one that says nothing. Source: the enumerations of CloudStack 4.22. */
const STATES: Readonly<Partial<Record<ItemKind, readonly string[]>>> = {
  account: ["enabled", "disabled", "locked"],
  machine: [
    "Starting",
    "Running",
    "Stopping",
    "Stopped",
    "Migrating",
    "Error",
    "Unknown",
    "Shutdown",
    "Destroyed",
    "Expunging",
    "Restoring",
  ],
  volume: ["Allocated", "Creating", "Ready", "Migrating", "Snapshotting", "Expunging", "Expunged", "Destroy", "UploadError", "Uploaded"],
  snapshot: ["Creating", "CreatedOnPrimary", "BackingUp", "BackedUp", "Error", "Destroying", "Hidden"],
  template: ["ready", "not ready", "Download Complete", "Installing Template", "Not Downloaded"],
  network: ["Allocated", "Setup", "Implementing", "Implemented", "Shutdown"],
  address: ["Allocating", "Allocated", "Releasing", "Reserved"],
};

const rarely = fc.nat(39).map((n) => n === 0);
const pick = (list: readonly string[]): fc.Arbitrary<string> => fc.nat(999).map((n) => list[n % list.length] ?? "");

/** Facts that a kind may have; each seldom the one that makes an obstacle. */
const FACTS: Readonly<Partial<Record<ItemKind, fc.Arbitrary<Readonly<Record<string, string | boolean>>>>>> = {
  machine: fc
    .record({ deleteProtection: rarely, backed: rarely, scaled: rarely, serves: rarely })
    .map(({ deleteProtection, backed, scaled, serves }) => ({
      deleteProtection,
      ...(backed ? { backupOfferingId: "b" } : {}),
      ...(scaled ? { autoscaleGroup: "g" } : {}),
      ...(serves ? { machineType: "sharedfsvm" } : {}),
    })),
  volume: fc.record({ type: pick(["ROOT", "DATADISK"]), deleteProtection: rarely }),
  template: fc.record({ isReady: fc.boolean(), isPublic: fc.boolean(), templateType: rarely.map((own) => (own ? "SYSTEM" : "USER")) }),
  iso: fc.record({ isReady: fc.boolean(), isPublic: fc.boolean() }),
  network: fc.record({ type: rarely.map((shared) => (shared ? "Shared" : "Isolated")) }),
  address: fc.record({ isSourceNat: fc.boolean(), isStaticNat: fc.boolean(), isSystem: rarely }),
};

/** What a thing hangs on, by kind. */
const PARENTS: Readonly<Partial<Record<ItemKind, ItemKind>>> = {
  user: "account",
  volume: "machine",
  snapshot: "volume",
  vm_snapshot: "machine",
  address: "network",
  backup: "machine",
};

const accounts = ["ann", "eve"].map((name) =>
  item("account", name, { id: `account-${name}`, accountId: `account-${name}` as AccountId, accountName: name }),
);

/** Things of all kinds: those that are an obstacle by themselves are rare, or no domain would be left to delete. */
const things: fc.Arbitrary<readonly InventoryItem[]> = fc
  .record({ states: fc.array(pick(STATES.account ?? []), { minLength: 2, maxLength: 2 }), rest: fc.array(thing(), { maxLength: 9 }) })
  .map(({ states, rest }) => {
    const items: InventoryItem[] = accounts.map((a, i) => ({ ...a, state: states[i] ?? "enabled" }));
    for (const { kind, state, owner, facts, parent, isAttached, isLost } of rest) {
      const near = items.filter((i) => i.kind === PARENTS[kind] && (i.kind !== "account" || i.name === owner));
      const found = isAttached ? (near[parent % Math.max(1, near.length)]?.id ?? null) : null;
      // A user is read off its account.
      const account =
        isLost && kind !== "user"
          ? { accountId: null, accountName: "gone" }
          : { accountId: `account-${owner}` as AccountId, accountName: owner };
      const id = `${kind}-${items.length}`;
      items.push(item(kind, id, { ...account, id, state, facts, parentId: parent === 77 ? "in-no-list" : found }));
    }
    return items;
  });

function thing() {
  const usual = itemKinds.filter((kind) => kind !== "account" && obstaclesIn([item(kind, "x")], [], []).length === 0);
  return rarely
    .chain((any) => pick(any ? itemKinds.filter((kind) => kind !== "account") : usual))
    .chain((kind) =>
      fc.record({
        kind: fc.constant(kind as ItemKind),
        state: pick(STATES[kind as ItemKind] ?? ["unknown"]),
        owner: pick(["ann", "eve"]),
        facts: FACTS[kind as ItemKind] ?? fc.constant({}),
        parent: fc.nat(79),
        isAttached: fc.boolean(),
        isLost: rarely,
      }),
    );
}

/** Why nobody may approve. */
function onTheCard(items: readonly InventoryItem[]): readonly string[] {
  const counted = new Set<string>(items.filter((i) => i.kind === "account").map((a) => a.id));
  const shown: Inventory = { ...inventory(domain, items), obstacles: obstaclesIn(items, [], []), unproven: looseEnds(items, counted) };
  return vetoesOf(shown, [], []);
}

/** CloudStack, as far as the steps ask it: what it refuses, and what goes with what. */
class Cloud {
  items: readonly InventoryItem[];
  readonly refused: string[] = [];
  constructor(items: readonly InventoryItem[]) {
    this.items = items;
  }
  change(id: string, to: Partial<InventoryItem>): void {
    this.items = this.items.map((i) => (i.id === id ? { ...i, ...to } : i));
  }
  drop(isGone: (i: InventoryItem) => boolean): void {
    this.items = this.items.filter((i) => !isGone(i));
  }
  /** The expunge delay is over. */
  expunge(): void {
    const gone = new Set(this.items.filter((i) => i.kind === "machine" && ["Destroyed", "Expunging"].includes(i.state)).map((m) => m.id));
    this.drop((i) => gone.has(i.id) || (gone.has(i.parentId ?? "") && (i.facts["type"] === "ROOT" || i.kind === "vm_snapshot")));
    this.items = this.items.map((i) => (i.kind === "volume" && gone.has(i.parentId ?? "") ? { ...i, parentId: null } : i));
  }
  take(call: string, i: InventoryItem): void {
    const why = this.refusal(call, i);
    if (why !== null) {
      this.refused.push(`${call} ${i.name}: ${why}`);
      return;
    }
    if (call === "quarantineAccount") return this.change(i.id, { state: "disabled" });
    if (call === "destroyMachine") return this.change(i.id, { state: i.state === "Error" ? "Expunging" : "Destroyed" });
    this.drop((one) => one.id === i.id || (one.kind === "user" && one.accountId === i.id) || this.goesWith(one, i));
  }
  goesWith(one: InventoryItem, network: InventoryItem): boolean {
    return one.kind === "address" && network.kind === "network" && one.parentId === network.id;
  }
  refusal(call: string, { id, kind, parentId, facts }: InventoryItem): string | null {
    if (facts["deleteProtection"] === true) return "protected";
    if (kind === "machine" && ["backupOfferingId", "autoscaleGroup"].some((fact) => facts[fact] !== undefined)) return "in use";
    if (facts["machineType"] === "sharedfsvm") return "not supported";
    if (kind === "volume" && parentId !== null && facts["type"] === "ROOT") return "a root disk of a machine";
    if (call === "releaseAddress" && goesWithNetwork(facts)) return "the network's own";
    if (facts["type"] === "Shared" || facts["templateType"] === "SYSTEM") return "not the account's";
    if (call !== "deleteAccount") return null;
    const proof = proveEmpty(completeOf({ ...inventory(domain, this.items), asOf: at(1) }), id);
    return proof.ok ? null : proof.error.message;
  }
}

/** The life of a deletion: the steps of each phase in their order, each thing once, and between them the expunge. */
function removeAll(items: readonly InventoryItem[]): Cloud {
  const cloud = new Cloud(items);
  for (const steps of [quarantineSteps, dismantleSteps, removeSteps]) {
    if (steps === removeSteps) cloud.expunge();
    const done = new Set<string>();
    for (const { kind, call, isDue = () => true } of steps) {
      for (;;) {
        const next = cloud.items.find((i) => i.kind === kind && isDue(i, cloud.items, new Set()) && !done.has(i.id));
        if (next === undefined) break;
        done.add(next.id);
        cloud.take(call, next);
      }
    }
  }
  return cloud;
}

const expectTakenOrNamed = (items: readonly InventoryItem[]): boolean => {
  if (onTheCard(items).length > 0) return false;
  const cloud = removeAll(items);
  expect(cloud.refused).toEqual([]);
  expect(cloud.items.map((i) => `${i.kind} ${i.name} ${i.state}`)).toEqual([]);
  return true;
};

test("any domain is named an obstacle, or is taken to the last thing", () => {
  let taken = 0;
  fc.assert(
    fc.property(things, (items) => {
      taken += expectTakenOrNamed(items) ? 1 : 0;
    }),
    { numRuns: 3000 },
  );
  // The claim would be empty if everything were an obstacle.
  expect(taken).toBeGreaterThan(300);
});

describe("each kind", () => {
  const cases = itemKinds.flatMap((kind) => (STATES[kind] ?? ["unknown"]).map((state) => [kind, state] as const));
  test.each(cases)("%s, %s", (kind, state) => {
    const more = { id: "x", state, accountId: accounts[0]?.accountId ?? null, accountName: "ann" };
    expectTakenOrNamed([...accounts, ...(kind === "account" ? [] : [item(kind, "x", more)])]);
  });
});

describe("what would be left without its obstacle or doubt", () => {
  const own = { accountId: accounts[0]?.accountId ?? null, accountName: "ann" };
  test.each<[string, Partial<InventoryItem> & Pick<InventoryItem, "kind">, string]>([
    [
      "a protected machine",
      { kind: "machine", state: "Stopped", facts: { deleteProtection: true } },
      "machine x is protected from deletion",
    ],
    ["a protected disk", { kind: "volume", facts: { deleteProtection: true } }, "volume x is protected from deletion"],
    [
      "a machine of an autoscale group",
      { kind: "machine", state: "Stopped", facts: { autoscaleGroup: "web" } },
      "in the autoscale group web",
    ],
    [
      "a machine of a shared file system",
      { kind: "machine", state: "Stopped", facts: { machineType: "sharedfsvm" } },
      "serves a shared file",
    ],
    ["a template of CloudStack's own", { kind: "template", facts: { templateType: "SYSTEM" } }, "one of CloudStack's own (SYSTEM)"],
    ["a shared network", { kind: "network", facts: { type: "Shared" } }, "shared network x"],
    ["a root disk of a machine in no list", { kind: "volume", parentId: "other", facts: { type: "ROOT" } }, "a machine that is in no list"],
    [
      "an address of a network in no list",
      { kind: "address", parentId: "other", facts: { isSourceNat: true } },
      "that network is in no list",
    ],
  ])("%s", (_what, { kind, ...more }, words) => {
    const items = [...accounts, item(kind, "x", { ...own, ...more, id: "x" })];
    expect(onTheCard(items).join("\n")).toContain(words);
    expect(removeAll(items).items.map((i) => i.id)).toContain("x");
  });
});
