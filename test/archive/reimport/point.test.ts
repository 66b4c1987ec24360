/** Claims: a date means one instant and nothing else; of each thing the newest copy by then comes back, once, whatever made it. */
import { describe, expect, test } from "vitest";
import type { Instant } from "../../../src/core/ids.ts";
import { machinesThen } from "../../../src/archive/reimport/report.ts";
import { chooseCopies, parseReimportPoint } from "../../../src/archive/reimport/point.ts";
import type { SavedCopy } from "../../../src/store/reimport-sources.ts";
import { inventory, item } from "../../support/deletions.ts";

const NOW = Date.UTC(2026, 6, 10, 12) as Instant;
const at = (n: number): Instant => n as Instant;

describe("a date", () => {
  test.each<[string, number]>([
    ["2026-07-01", Date.UTC(2026, 6, 2) - 1],
    ["2026-07-10", Date.UTC(2026, 6, 11) - 1],
    ["2024-02-29", Date.UTC(2024, 2, 1) - 1],
    ["2026-07-01T12:30", Date.UTC(2026, 6, 1, 12, 30)],
    ["2026-07-01T12:30Z", Date.UTC(2026, 6, 1, 12, 30)],
    ["2026-07-01T12:30:15+02:00", Date.UTC(2026, 6, 1, 10, 30, 15)],
    ["2026-07-01T12:30:15.250Z", Date.UTC(2026, 6, 1, 12, 30, 15, 250)],
  ])("%s is read", (text, instant) => {
    expect(parseReimportPoint(text, NOW)).toEqual({ ok: true, value: instant });
  });

  test.each([
    "",
    "today",
    "01.07.2026",
    "2026-7-1",
    "2026-13-01",
    "2026-00-10",
    "2026-02-30",
    "2025-02-29",
    "2026-07-01T25:00",
    "2026-07-01T12:61",
    "2026-07-01 12:30",
    "2026-07-01T12",
    "2026-07-01Z",
    "2026-07-11",
    "2026-07-10T12:01",
    "1783000000000",
    "-000001-01-01",
    "2026-07-01T12:30+99:00",
  ])("%s is refused, with how to write it", (text) => {
    const parsed = parseReimportPoint(text, NOW);
    expect(parsed).toMatchObject({ ok: false, error: { kind: "invalid", remedy: expect.stringContaining("2026-07-01T12:30Z") } });
  });
});

const copy = (itemId: string, savedAt: number, more: Partial<SavedCopy> = {}): SavedCopy => ({
  entryId: `${itemId}-${savedAt}`,
  kind: "template",
  itemId,
  name: itemId,
  key: "k",
  sha256: "0",
  bytes: 1,
  savedAt: at(savedAt),
  savedSeq: savedAt,
  savedFor: "backup",
  item: item("template", itemId),
  manifestSha256: "0",
  manifestBytes: 1,
  madeFrom: null,
  ...more,
});
const chosen = (copies: readonly SavedCopy[], until: number): readonly string[] => chooseCopies(copies, at(until)).map((c) => c.entryId);

describe("the copies", () => {
  test("of each thing the newest by then, whichever of a backup, a deletion or an export made it", () => {
    const copies = [copy("a", 1), copy("a", 5, { savedFor: "export" }), copy("a", 9, { savedFor: "deletion" }), copy("b", 3)];
    expect(chosen(copies, 0)).toEqual([]);
    expect(chosen(copies, 1)).toEqual(["a-1"]);
    expect(chosen(copies, 5)).toEqual(["a-5", "b-3"]);
    expect(chosen(copies, 100)).toEqual(["a-9", "b-3"]);
  });

  test("two things of one name are two things; a thing of another kind is another thing", () => {
    expect(
      chosen([copy("a", 1, { name: "same" }), copy("b", 1, { name: "same" }), copy("a", 1, { kind: "volume", entryId: "v" })], 1),
    ).toEqual(["a-1", "b-1", "v"]);
  });

  test("what a re-import made is the thing that it was made from, over any number of re-imports", () => {
    const copies = [copy("a", 1), copy("a2", 4, { madeFrom: "a" }), copy("a3", 7, { madeFrom: "a2" })];
    expect(chosen(copies, 1)).toEqual(["a-1"]);
    expect(chosen(copies, 5)).toEqual(["a2-4"]);
    expect(chosen(copies, 9)).toEqual(["a3-7"]);
  });

  test("two copies of the same moment, and a circle that cannot be, still give one and end", () => {
    const twins = [copy("a", 1, { entryId: "x" }), copy("a", 1, { entryId: "y" })];
    expect(chosen(twins, 1)).toEqual(chosen(twins.toReversed(), 1));
    expect(chosen([copy("a", 1, { madeFrom: "b" }), copy("b", 1, { madeFrom: "a" })], 1).length).toBeGreaterThan(0);
  });
});

test("a machine is told as it was seen last, with its disks and the name of its template", () => {
  const old = item("machine", "m", { state: "Running", facts: { templateId: "template-t" } });
  const volume = item("volume", "disk", { parentId: "machine-m", bytes: 5 });
  const then = inventory("d" as never, [old, volume, item("template", "t"), item("volume", "loose")]);
  const saved = copy("machine-m", 9, { kind: "machine", item: { ...old, state: "Stopped" } });
  expect(machinesThen([saved], [then])).toEqual([{ item: saved.item, volumes: [volume], templateName: "t" }]);
  expect(machinesThen([], [])).toEqual([]);
});
