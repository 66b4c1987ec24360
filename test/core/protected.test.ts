/** Claim INV-4: an entry of the protected domains protects the domain it names, what lies below it and what it lies in, as CloudStack compares names. */
import { expect, test } from "vitest";
import type { DomainId, DomainPath } from "../../src/core/ids.ts";
import { isInProtected, protectsAll, readProtected, wouldDeleteProtected, writeProtected } from "../../src/core/protected.ts";

const id = "6f1c9a1e-0000-4000-8000-00000000000a" as DomainId;
const domain = (path: string, its: string = id) => ({ id: its as DomainId, path: path as DomainPath });

test.each(["ROOT/ci/*", "ci/aurora", "aurora", "ROOT//aurora", "", "*", "ROOT/ci/aurora/", "6f1c9a1e"])("%j is no entry", (text) =>
  expect(readProtected(text)).toBeNull(),
);

test.each([
  [id.toUpperCase(), true],
  ["ROOT/ci/Aurora", true],
  ["ROOT/ci/auróra ", true],
  ["ROOT/ci", true],
  ["ROOT/ci/aurora/inner", true],
  [`ROOT/ci/renamed-since (${id})`, true],
  ["ROOT/ci/aurora (6f1c9a1e-0000-4000-8000-00000000000b)", true],
  ["ROOT/ci/aur", false],
  ["ROOT/ci/aurora2", false],
  ["6f1c9a1e-0000-4000-8000-00000000000b", false],
])("with %j protected, a deletion of ROOT/ci/aurora is refused: %s", (entry, refused) => {
  expect(wouldDeleteProtected(["ROOT/ci/other", entry], domain("ROOT/ci/aurora"))).toBe(refused);
});

test("what lies above a protected domain is not protected itself", () => {
  expect(isInProtected(["ROOT/ci/aurora/inner"], domain("ROOT/ci/aurora"))).toBe(false);
  expect(isInProtected(["ROOT/ci/aurora"], domain("ROOT/ci/aurora/inner"))).toBe(true);
});

test("an entry that was written is read again, and protects the domain after a rename", () => {
  for (const path of ["ROOT/ci/aurora", "ROOT/ci/two words", "ROOT/ci/a,b", "ROOT/ci/a*"]) {
    const entry = writeProtected(domain(path));
    expect(readProtected(entry)?.id).toBe(id);
    expect(entry.split(",")).toEqual([entry]);
    expect(wouldDeleteProtected([entry], domain("ROOT/ci/renamed"))).toBe(true);
  }
});

test("a list that names the same domain in other words protects as much", () => {
  const other = `ROOT/ci/aurora (${id})`;
  expect([protectsAll([other], [id]), protectsAll(["ROOT/ci"], ["ROOT/ci/aurora"]), protectsAll([other], ["ROOT/ci/AURORA"])]).toEqual([
    true,
    true,
    true,
  ]);
  expect([protectsAll([id], ["ROOT/ci/aurora"]), protectsAll([], [other]), protectsAll(["ROOT/ci/aurora"], ["ROOT/ci"])]).toEqual([
    false,
    false,
    false,
  ]);
});
