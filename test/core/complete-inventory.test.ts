/**
 * Claim: an inventory is complete only where lists and CloudStack's totals agree, in both directions and for each account; what comes and
 * goes may be in a total or not; and only a complete inventory proves that a disabled account is empty.
 */
import { describe, expect, test } from "vitest";
import {
  completeInventory,
  disagreements,
  isComplete,
  isProvenEmpty,
  proveEmpty,
  uncertainKinds,
  type AccountTotals,
  type Counter,
} from "../../src/core/complete-inventory.ts";
import type { AccountId, DomainId, DomainPath } from "../../src/core/ids.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../src/core/inventory.ts";
import { at, item } from "../support/deletions.ts";

const ann = "6f1c9a1e-0000-4000-8000-00000000000a" as AccountId;
const domainId = "6f1c9a1e-0000-4000-8000-0000000000d1" as DomainId;
const own = (kind: ItemKind, name: string, more: Partial<InventoryItem> = {}) =>
  item(kind, name, { accountId: ann, accountName: "ann", ...more });
const account = (state = "disabled") => own("account", "ann", { id: ann, state });
const shown = (...items: readonly InventoryItem[]): Inventory => ({
  domainId,
  path: "ROOT/ci/a" as DomainPath,
  items: [account(), ...items],
  obstacles: [],
  asOf: at(7),
});
const nothing: Record<Exclude<Counter, "backups" | "buckets">, number> = {
  machinesByState: 0,
  ...{ machines: 0, volumes: 0, snapshots: 0, images: 0, networks: 0, addresses: 0, vpcs: 0 },
};
const totals = (counts: Partial<Record<Counter, number>> = {}, projects = 0): readonly AccountTotals[] => [
  { accountId: ann, accountName: "ann", domainId, projects, counts: { ...nothing, ...counts } },
];
const complete = (inventory: Inventory, counted = totals(), doubts: readonly string[] = []) =>
  completeInventory({ inventory, totals: counted, doubts });

const ready = { facts: { isReady: true } };
const isolated = { facts: { type: "Isolated", aclType: "Account" } };
describe.each<[Counter, InventoryItem]>([
  ["machinesByState", own("machine", "m", { state: "Running" })],
  ["volumes", own("volume", "v", { state: "Ready" })],
  ["snapshots", own("snapshot", "s", { state: "BackedUp" })],
  ["images", own("template", "t", ready)],
  ["images", own("iso", "i", ready)],
  ["images", own("template", "t", { state: "10% Downloaded" })],
  ["images", own("template", "t", { state: "Active", facts: { isHidden: true } })],
  ["networks", own("network", "n", isolated)],
  ["addresses", own("address", "192.0.2.1", { state: "Allocated" })],
  ["vpcs", own("vpc", "v", { state: "Enabled" })],
  ["backups", own("backup", "b", { state: "BackedUp" })],
])("of %s", (counter, thing) => {
  const machines = counter === "machinesByState" ? { machines: 1 } : {};
  test.each([
    [0, false],
    [1, true],
    [2, false],
  ])("CloudStack counts %i, the lists show one: complete is %o", (total, agrees) => {
    const read = complete(shown(thing), totals({ ...machines, [counter]: total }));
    expect(read.ok).toBe(agrees);
    if (!read.ok)
      expect(read.error).toEqual([expect.stringMatching(new RegExp(`^account ann: CloudStack counts ${total} .*, the lists show 1$`))]);
  });
});

test.each<[string, InventoryItem, Partial<Record<Counter, number>>]>([
  ["a machine that starts", own("machine", "m", { state: "Starting" }), { machines: 1 }],
  ["a disk that is being made", own("volume", "v", { state: "Creating" }), { volumes: 1 }],
  ["the root disk of a destroyed machine", own("volume", "v", { state: "Ready", facts: { type: "ROOT" } }), { volumes: 1 }],
  ["a snapshot that failed", own("snapshot", "s", { state: "Error" }), { snapshots: 1 }],
  ["a template that is to be uploaded", own("template", "t", { state: "NotUploaded" }), { images: 1 }],
  ["a network with a VLAN of its own", own("network", "n", { facts: { ...isolated.facts, specifiesVlan: true } }), { networks: 1 }],
  ["a hidden disk", own("volume", "v", { state: "Ready", facts: { isHidden: true } }), { volumes: 1 }],
])("%s may be in the total or not", (_what, thing, counted) => {
  expect(complete(shown(thing)).ok).toBe(true);
  expect(complete(shown(thing), totals(counted)).ok).toBe(true);
  const twice = Object.fromEntries(Object.entries(counted).map(([counter, n]) => [counter, n + 1]));
  expect(complete(shown(thing), totals(twice)).ok).toBe(false);
});

test.each(["Destroyed", "Expunging", "Error"])("a machine in the state %s is counted neither as running nor as stopped", (state) => {
  expect(complete(shown(own("machine", "m", { state }))).ok).toBe(true);
  expect(complete(shown(own("machine", "m", { state })), totals({ machinesByState: 1 })).ok).toBe(false);
});

test("a bucket, which no list shows, keeps it from being complete", () => {
  expect(complete(shown(), totals({ buckets: 1 }))).toEqual({
    ok: false,
    error: ["account ann: CloudStack counts 1 buckets, the lists show 0"],
  });
});

test("CloudStack projects are compared for the domain, since their rows have no account", () => {
  const project = item("cloudstack_project", "p", { parentId: domainId });
  expect(complete(shown(), totals({}, 1)).ok).toBe(false);
  expect(complete(shown(project)).ok).toBe(false);
  expect(complete(shown(project), totals({}, 1)).ok).toBe(true);
});

test("a doubt, and an account that nobody counted, keep it from being complete", () => {
  expect(complete(shown(), totals(), ["listIsos was not asked"])).toEqual({ ok: false, error: ["listIsos was not asked"] });
  expect(complete(shown(), [])).toEqual({ ok: false, error: ["account ann: CloudStack did not say what it counts"] });
});

test("a disagreement names the kinds whose lists to look at", () => {
  expect(disagreements({ inventory: shown(), totals: totals({ images: 2 }), doubts: [] })).toEqual([
    { kinds: ["template", "iso"], sentence: "account ann: CloudStack counts 2 templates and ISOs, the lists show 0" },
  ]);
});

test("of what may be in a total or not, the hidden things are looked for too: as many would make the same total", () => {
  expect(
    uncertainKinds(shown(own("template", "t", ready), own("network", "n", isolated), own("address", "a", { state: "Allocated" }))),
  ).toEqual([]);
  const layer2 = own("network", "n", { facts: { type: "L2" } });
  expect(uncertainKinds(shown(layer2, own("template", "t", { state: "UploadError" })))).toEqual(["template", "iso", "network"]);
});

describe("a proof that an account is empty", () => {
  const proofOf = (inventory: Inventory, counted = totals()) => {
    const read = complete(inventory, counted);
    if (!read.ok) throw new Error(read.error.join());
    return proveEmpty(read.value, ann);
  };

  test("is made for a disabled account that owns nothing but users, and cannot be copied", () => {
    const proof = proofOf(shown(own("user", "ann")));
    expect(proof).toMatchObject({ ok: true, value: { domainId, asOf: 7, account: { id: ann } } });
    if (!proof.ok) return;
    expect(isProvenEmpty(proof.value)).toBe(true);
    for (const forged of [{ ...proof.value }, JSON.parse(JSON.stringify(proof.value)), Object.create(proof.value), null])
      expect(isProvenEmpty(forged)).toBe(false);
  });

  test("is refused while it owns something, is not disabled, or is not there", () => {
    expect(proofOf(shown(own("vm_snapshot", "s")))).toMatchObject({ error: { code: "deletion.account_not_empty" } });
    expect(proofOf(shown(own("vm_snapshot", "s", { accountId: null })))).toMatchObject({ error: { code: "deletion.account_not_empty" } });
    for (const state of ["enabled", "locked"])
      expect(proofOf({ ...shown(), items: [account(state)] })).toMatchObject({ error: { code: "deletion.account_enabled" } });
    const read = complete(shown());
    if (read.ok) expect(proveEmpty(read.value, domainId).ok).toBe(false);
  });

  test("is refused for an inventory that was copied or stored", () => {
    const read = complete(shown());
    if (!read.ok) throw new Error(read.error.join());
    expect(isComplete(read.value)).toBe(true);
    for (const forged of [{ ...read.value }, JSON.parse(JSON.stringify(read.value)), Object.create(read.value)]) {
      expect(isComplete(forged)).toBe(false);
      expect(proveEmpty(forged as never, ann)).toMatchObject({ error: { code: "deletion.account_not_empty" } });
    }
  });
});
