/** Claim: numbers stand with their nouns as in English, whatever the number. */
import { expect, test } from "vitest";
import { counted } from "../../src/core/plural.ts";

test.each([
  [0, "machine", "0 machines"],
  [1, "machine", "1 machine"],
  [21, "machine", "21 machines"],
  [1201, "change", "1,201 changes"],
  [2, "address", "2 addresses"],
  [2, "copy", "2 copies"],
  [2, "key", "2 keys"],
  [2, "ISO", "2 ISOs"],
] as const)("%i %s: %s", (n, noun, text) => {
  expect(counted(n, noun)).toBe(text);
});

test("a plural of its own", () => {
  expect([counted(1, "approval is", "approvals are"), counted(2, "approval is", "approvals are")]).toEqual([
    "1 approval is",
    "2 approvals are",
  ]);
});
