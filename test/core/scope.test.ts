/** Claim: what lies outside is told by id and by path, whatever the other says; only what lies below the managed root is inside. */
import { expect, test } from "vitest";
import type { DomainPath } from "../../src/core/ids.ts";
import { isOutside } from "../../src/core/scope.ts";

const asked = isOutside("ROOT/ci" as DomainPath, new Set(["root-id", "ancestor-id"]));

test.each([
  ["a project's domain", "x", "ROOT/ci/aurora", false],
  ["a domain deeper below", "x", "ROOT/ci/aurora/inner", false],
  ["the managed root, by its path", "x", "ROOT/ci", true],
  ["ROOT itself", "x", "ROOT", true],
  ["a domain beside the managed root", "x", "ROOT/payroll", true],
  ["one whose name only begins like the root's", "x", "ROOT/cix/aurora", true],
  ["a root of another spelling", "x", "ROOT/CI/aurora", true],
  ["an empty path", "x", "", true],
  ["the managed root's id under a path of the inside", "root-id", "ROOT/ci/aurora", true],
  ["an ancestor's id under a path of the inside", "ancestor-id", "ROOT/ci/aurora", true],
])("%s", (_what, id, path, expected) => {
  expect(asked(id, path as DomainPath)).toBe(expected);
});
