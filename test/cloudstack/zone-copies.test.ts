/** Claim: the rows of a template or snapshot in several zones are one thing, of which a ready copy speaks, whatever the order. Field 04. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { itemLists, type ItemList, type OwnedRow } from "../../src/cloudstack/read/item-lists.ts";
import { accountFinder, mergeRows } from "../../src/cloudstack/read/things.ts";
import type { DomainId, DomainPath } from "../../src/core/ids.ts";
import { inventoryDigest } from "../../src/core/inventory.ts";

const listOfKind = (kind: ItemList["kind"]): ItemList => {
  const found = itemLists.find((list) => list.kind === kind);
  if (found === undefined) throw new Error(`no list of ${kind}`);
  return found;
};
const merged = (kind: ItemList["kind"], rows: readonly object[]) =>
  mergeRows(listOfKind(kind), rows as readonly OwnedRow[], accountFinder([]));
const copy = (zone: string, more: object) => ({ id: "t", name: "two-zones", domainid: "d", zoneid: zone, ...more });
const ready = { isready: true, status: "Download Complete", size: 8192, physicalsize: 4096 };
const missing = { isready: false, status: "" };
const digestOf = (rows: readonly object[]) =>
  inventoryDigest({ domainId: "d" as DomainId, path: "ROOT/ci/a" as DomainPath, items: merged("template", rows) });

const stuck = [copy("a", missing), copy("b", ready)];
const bothReady = [copy("a", ready), copy("b", ready)];
const otherSize = [copy("a", { ...ready, physicalsize: 3000 }), copy("b", ready)];

test.each([
  ["one copy is ready", stuck],
  ["both are", bothReady],
  ["the first has another size in its store", otherSize],
])("%s: size, state and zone are those of one ready copy", (_what, rows) => {
  const [item, ...more] = merged("template", rows);
  expect(more).toEqual([]);
  expect(item).toMatchObject({ bytes: 4096, state: "Download Complete", facts: { isReady: true, physicalBytes: 4096, zones: "a b" } });
  const spoken = rows.find((row) => row.zoneid === item?.zoneId);
  expect(spoken).toMatchObject({ isready: true, physicalsize: 4096 });
});

test("the digest that people approved stays when the other zone's copy becomes ready, or goes", () => {
  expect(digestOf(bothReady)).toBe(digestOf(stuck));
  expect(digestOf([copy("b", ready)])).toBe(digestOf(stuck));
});

test("a snapshot with a copy that is still on its way is the one that is backed up", () => {
  const rows = ["Copying", "BackedUp"].map((state, i) => copy(i === 0 ? "a" : "b", { state, virtualsize: 5, snapshottype: "MANUAL" }));
  expect(merged("snapshot", rows)).toMatchObject([{ state: "BackedUp", zoneId: "b" }]);
});

test("no order of the rows changes what is seen", () => {
  const row = fc.record({ zone: fc.constantFrom("a", "b", "c"), isready: fc.boolean(), physicalsize: fc.constantFrom(1, 2, undefined) });
  fc.assert(
    fc.property(fc.uniqueArray(row, { minLength: 1, maxLength: 3, selector: (r) => r.zone }), (copies) => {
      const rows = copies.map(({ zone, ...more }) => copy(zone, more));
      expect(merged("template", rows.toReversed())).toEqual(merged("template", rows));
    }),
  );
});
