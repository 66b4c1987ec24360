/** Claim: the simulation's oracle dates the second approval no earlier than it can have been taken, and blames nobody for what is not known. */
import { expect, test } from "vitest";
import { earliestSecond, noteClick, settle, type Approvals } from "./approvals.ts";

const sure = (at: number) => ({ at, isSure: true });
const unsure = (at: number) => ({ at, isSure: false });

test.each([
  ["nobody", [], null],
  ["one", [sure(5)], null],
  ["two, by a clock that jumped back between them", [sure(9), sure(4)], 4],
  ["a third that came after two was not the second", [sure(3), sure(9), sure(4)], 9],
  ["one of whom nobody is sure may have been the first", [unsure(1), sure(5), sure(9)], 5],
  ["or may not count, and then the third was the second", [unsure(1), sure(9), sure(4)], 4],
] as const)("%s", (_what, approvals, second) => {
  expect(earliestSecond(approvals)).toBe(second);
});

test("a refused click is forgotten, one whose process died is kept as not sure, and one that came in between stays", () => {
  const approvals: Approvals = new Map();
  settle(approvals, "ada", noteClick(approvals, "ada", 1), false, 1);
  expect([...approvals]).toEqual([]);
  noteClick(approvals, "ben", 2);
  settle(approvals, "ben", noteClick(approvals, "ben", 9), false, 9);
  const slow = noteClick(approvals, "ada", 3);
  settle(approvals, "ada", noteClick(approvals, "ada", 4), true, 5);
  settle(approvals, "ada", slow, false, 6);
  expect([...approvals]).toEqual([
    ["ben", unsure(2)],
    ["ada", sure(5)],
  ]);
});
