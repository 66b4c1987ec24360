/** Claim: the report has one line a check, whatever others wrote, and the exit code is that of the worst. */
import { expect, test } from "vitest";
import { checksOf } from "../../../src/cli/doctor/check.ts";
import { checksAsJson, exitCodeOf, renderChecks } from "../../../src/cli/doctor/report.ts";
import { listed } from "../../../src/core/shown-text.ts";

const { ok, skipped, warning, failed, refused } = checksOf("slack");

test("one line each, with the remedy after an arrow, and a count", () => {
  expect(renderChecks([ok("found"), warning("loose", "tighten it"), failed("gone", "bring it back")])).toBe(
    [
      "ok       slack        found",
      "warning  slack        loose → tighten it",
      "failed   slack        gone → bring it back",
      "1 ok, 1 warnings, 1 failed. Nothing was changed.",
      "",
    ].join("\n"),
  );
});

test("a name with line breaks or colours stays one plain line", () => {
  const [line, ...rest] = renderChecks([ok("a\nok       slack        all well\u001b[31m\u202e")]).split("\n");
  expect(line).toBe("ok       slack        a ok       slack        all well [31m");
  expect(rest).toHaveLength(2);
});

test("what was not checked is counted, and is no failure", () => {
  const checks = [ok("found"), skipped("not checked, since the key is refused: its lists")];
  expect(renderChecks(checks)).toContain("1 ok, 0 warnings, 0 failed, 1 not checked. Nothing was changed.");
  expect(exitCodeOf(checks, true)).toBe(0);
});

test("for a script, the same as JSON", () => {
  expect(JSON.parse(checksAsJson([failed("gone\nfor good", "bring it back"), ok("found")]))).toEqual({
    checks: [
      { system: "slack", state: "failed", sentence: "gone for good", remedy: "bring it back" },
      { system: "slack", state: "ok", sentence: "found" },
    ],
    counts: { ok: 1, warning: 0, failed: 1, skipped: 0 },
  });
});

test("the exit code is 0, also with warnings unless they count, 2 with failures; a failure brings its own remedy", () => {
  expect([exitCodeOf([]), exitCodeOf([ok("a")]), exitCodeOf([ok("a"), warning("b", "c")])]).toEqual([0, 0, 0]);
  expect([exitCodeOf([ok("a")], true), exitCodeOf([ok("a"), warning("b", "c")], true)]).toEqual([0, 1]);
  expect(exitCodeOf([failed("a", "b"), warning("c", "d")])).toBe(2);
  expect(refused({ kind: "rejected", code: "x", message: "no", remedy: "own" }, "other")).toMatchObject({
    sentence: "no",
    remedy: "own",
  });
  expect(listed(["a", "b", "c"], 2)).toBe("a, b and 1 more");
});
