/** The tree is grown from parents and names, so that a wrong path, a neighbour or a look-alike never gets in. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { growTree } from "../../src/cloudstack/read/domain-tree.ts";
import type { DomainRow } from "../../src/cloudstack/api/wire.ts";
import type { DomainPath } from "../../src/core/ids.ts";
import { valueOf } from "./support.ts";

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const row = (n: number, parent: number | null, name: string, level: number, more: Partial<DomainRow> = {}): DomainRow => ({
  id: id(n),
  name,
  level,
  path: "wrong after a rename",
  ...(parent === null ? {} : { parentdomainid: id(parent) }),
  ...more,
});
const CI = "ROOT/ci" as DomainPath;
const base = [row(0, null, "ROOT", 0), row(1, 0, "ci", 1)];

describe("a root administrator's rows", () => {
  test("paths come from names along the parents, depth from the managed root", () => {
    const tree = valueOf(growTree([...base, row(3, 2, "inner", 3), row(2, 1, "alpha", 2)], CI));
    expect(tree.root).toMatchObject({ id: id(1), depth: 0, path: "ROOT/ci" });
    expect(tree.below.map((d) => [d.path, d.depth])).toEqual([
      ["ROOT/ci/alpha", 1],
      ["ROOT/ci/alpha/inner", 2],
    ]);
    expect(tree.ancestors).toEqual([id(0)]);
  });

  test("what hangs elsewhere, or on nothing that was listed, is dropped", () => {
    const tree = valueOf(
      growTree([...base, row(2, 0, "cix", 1), row(3, 2, "alpha", 2), row(4, 99, "orphan", 2, { path: "ROOT/ci/orphan" })], CI),
    );
    expect(tree.below).toEqual([]);
  });

  test("an id that is no UUID is odd; a domain below it keeps its own id", () => {
    const tree = valueOf(
      growTree([...base, row(2, 1, "odd", 2, { id: "not a uuid" }), row(3, null, "in", 3, { parentdomainid: "not a uuid" })], CI),
    );
    expect(tree.nonUuid).toEqual([{ rawId: "not a uuid", path: "ROOT/ci/odd" }]);
    expect(tree.below).toMatchObject([{ id: id(3), parentId: null, path: "ROOT/ci/odd/in" }]);
  });

  test("no root, another level's namesake, a name with a slash, or two of them are refused", () => {
    expect(growTree([row(0, null, "ROOT", 0)], CI)).toMatchObject({ ok: false, error: { code: "cloudstack.no_root" } });
    expect(growTree([row(0, null, "ROOT", 0), row(1, 0, "x", 1), row(2, 1, "ci", 2)], CI)).toMatchObject({ ok: false });
    expect(growTree([row(0, null, "ROOT", 0), row(1, 0, "a/ci", 1)], "ROOT/a/ci" as DomainPath)).toMatchObject({ ok: false });
    const slashed = [row(0, null, "ROOT", 0), row(1, 0, "x/a", 1), row(2, 1, "ci", 2)];
    expect(growTree(slashed, "ROOT/x/a/ci" as DomainPath), "a rename can put a slash into a name").toMatchObject({ ok: false });
    expect(growTree([...base, row(2, 0, "ci", 1)], CI)).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining("2 times") },
    });
    expect(growTree([...base, row(2, 0, "CI", 1)], CI), "CloudStack's names do not differ by case, ours do").toMatchObject({ ok: true });
  });

  test("parents in a circle end", () => {
    expect(growTree([row(5, 6, "ci", 1), row(6, 5, "ROOT", 0)], CI)).toMatchObject({ ok: false });
  });
});

describe("a domain administrator's rows, which begin at its own domain", () => {
  test("the topmost row says where it stands", () => {
    const top = row(1, 0, "ci", 1, { path: "ROOT/ci", parentdomainname: "ROOT" });
    const tree = valueOf(growTree([top, row(2, 1, "alpha", 2)], CI));
    expect(tree.below).toMatchObject([{ path: "ROOT/ci/alpha" }]);
    expect(tree.ancestors, "the parent is protected, seen or not").toEqual([id(0)]);
  });
  test("a namesake elsewhere is not the root", () => {
    expect(growTree([row(1, 7, "ci", 2, { path: "ROOT/x/ci", parentdomainname: "x" })], CI)).toMatchObject({ ok: false });
  });
});

test("no row outside the root is ever below it, whatever the forest", () => {
  const forest = fc.array(fc.record({ parent: fc.nat(15), name: fc.constantFrom("ci", "cix", "ci_1", "a", "ROOT/ci", "ci/a") }), {
    maxLength: 15,
  });
  fc.assert(
    fc.property(forest, (made) => {
      const rows = [...base, ...made.map((m, i) => row(i + 2, Math.min(m.parent, i + 1), m.name, 5, { path: "ROOT/ci/lie" }))];
      const grown = growTree(rows, CI);
      // Independent oracle: walk up from each row with a plain loop over the array.
      const isBelow = (start: DomainRow): boolean => {
        for (let at: DomainRow | undefined = start; at !== undefined;) {
          const parent: string | undefined = at.parentdomainid;
          if (parent === id(1)) return true;
          at = rows.find((r) => r.id === parent);
        }
        return false;
      };
      if (grown.ok)
        expect(grown.value.below.map((d) => d.id).toSorted()).toEqual(
          rows
            .filter(isBelow)
            .map((r) => r.id)
            .toSorted(),
        );
    }),
  );
});
