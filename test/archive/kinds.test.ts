/** Claims: templates are always saved, other kinds by policy; what CloudStack would refuse is not asked for, and the sentence says what to do. */
import { expect, test } from "vitest";
import { exportObstacle, itemsToSave } from "../../src/archive/kinds.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";
import { item } from "../support/deletions.ts";

const items = (["template", "iso", "volume", "snapshot", "machine", "network"] as const).map((k) => item(k, "x"));
const kindsOf = (list: readonly InventoryItem[]) => list.map((i) => i.kind);

test("templates are saved whatever the policy says, and nothing is saved that it does not name", () => {
  expect(kindsOf(itemsToSave({ items }, []))).toEqual(["template"]);
  expect(kindsOf(itemsToSave({ items }, ["volume"]))).toEqual(["template", "volume"]);
  expect(kindsOf(itemsToSave({ items }, ["snapshot", "iso", "volume", "template"]))).toEqual(["template", "iso", "volume", "snapshot"]);
});

test.each([
  ["Running", /stopped; builder is Running/],
  ["Stopping", /builder is Stopping/],
  ["Destroyed", /builder is Destroyed/],
  ["Stopped", null],
] as const)("a volume of a machine that is %s", (state, sentence) => {
  const machine = item("machine", "m", { name: "builder", state });
  const volume = item("volume", "v", { parentId: machine.id });
  const said = exportObstacle(volume, { items: [machine, volume] });
  if (sentence === null) expect(said).toBeNull();
  else expect(said).toMatch(sentence);
});

test("a detached volume, a template and an ISO are always worth asking for", () => {
  for (const one of [item("volume", "v"), item("template", "t", { state: "not ready" }), item("iso", "i")])
    expect(exportObstacle(one, { items: [] })).toBeNull();
});

test.each([
  ["BackedUp", null],
  ["BackingUp", "A snapshot can be exported once it is backed up; it is BackingUp"],
  ["", "A snapshot can be exported once it is backed up; it is in no known state"],
])("a snapshot in the state %j", (state, sentence) => {
  expect(exportObstacle(item("snapshot", "s", { state }), { items: [] })).toBe(sentence);
});
