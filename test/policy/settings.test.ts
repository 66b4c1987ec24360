/** Claim: a setting reads back what it wrote, and takes no nonsense: wrong units, signs, sizes, names, and what could never work. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findSetting, problemOfValue, settings, assessPolicy } from "../../src/policy/settings.ts";
import { durationText, parseDuration } from "../../src/policy/units.ts";
import type { TeamPolicy } from "../../src/core/policy.ts";
import { teamPolicy as base } from "./support.ts";

const read = (name: string, text: string, policy: TeamPolicy = base) =>
  findSetting(name)?.read(policy, text, { ...base.scope, root: "ROOT/b" });

describe("nonsense is refused, with what may be written:", () => {
  test.each([
    ["quorum", ["1", "0", "-2", "two", "2.5", "2 people", "1e1", "21", "", "NaN", "Infinity", "9".repeat(40)]],
    ["grace", ["0 days", "14", "-1 day", "14 fortnights", "999 years", "400 days", "1 day or so", "day", "1e3 days", "1 day; drop table"]],
    ["cool-off", ["0 s", "500 ms", "31 days"]],
    ["approval-time", ["1 second", "31 days"]],
    ["deletions-per-day", ["-1", "51", "1 a day", "½", "0x10"]],
    ["deletions-per-week", ["201", "many"]],
    ["changes-per-pass", ["0", "100001"]],
    ["shrink-min-share", ["0.8", "101 %", "5 %", "-80 %", "80"]],
    ["absence-reads", ["1", "0"]],
    ["absence-time", ["0 days", "7"]],
    [
      "approvers",
      ["", "everybody", "U1, U2", "U0AAAA, U0AAAA, U0AAAA", "@a, @b", "@ci approvers", "S1 U0AAAA", "<!channel>", "U0AAAA;U0BBBB;U0CCCC"],
    ],
    ["protected-domains", ["", "ROOT", "aurora", "ROOT/", "ROOT//a", "/ROOT/ci", "ROOT/ci/a\u0007", "5", "ROOT/ci/a,", "*"]],
    ["export-kinds", ["", "volume", "templates", "everything", "volumes, none", "volumes and snapshots", "yes"]],
    ["scope", ["", "ROOT/ci", "all", "everything"]],
  ])("%s", (name, texts) => {
    for (const text of texts) {
      const got = read(name, text);
      expect(got, text).toMatchObject({ ok: false, error: { kind: "invalid", code: "policy.value" } });
      expect(problemOfValue(name, text), text).toMatch(/^Write /);
    }
  });
  test("there is no such setting", () => {
    expect(findSetting("force")).toBeUndefined();
    expect(problemOfValue("force", "true")).toBe("There is no such setting.");
  });
  test.each<[string, Partial<TeamPolicy>, string, number | null, string]>([
    ["more a day than a week", { deletionsPerDay: 4, deletionsPerWeek: 3 }, "deletions-per-day", null, "policy.per_day"],
    ["two approvers only", {}, "approvers", 2, "policy.approvers"],
    ["as many approvals as approvers: who asks may not approve", { quorum: 3 }, "quorum", 3, "policy.quorum"],
    ["fewer approvers than the quorum needs", { quorum: 4 }, "approvers", 4, "policy.quorum"],
  ])("%s", (_what, change, changed, approvers, code) => {
    expect(assessPolicy({ ...base, ...change }, changed, approvers)).toMatchObject({ ok: false, error: { code } });
  });
});

test("every setting reads what it writes, and a policy that is written and read is the same", () => {
  for (const s of settings.filter((one) => one.name !== "scope"))
    expect(s.read(base, s.write(base), base.scope), s.name).toEqual({ ok: true, value: base });
  expect(read("scope", "present")).toMatchObject({ ok: true, value: { scope: { root: "ROOT/b" } } });
});

test("what people write is understood", () => {
  expect(read("grace", "2 weeks")).toMatchObject({ ok: false });
  expect(read("grace", " 30 Days ")).toMatchObject({ ok: true, value: { graceMs: 30 * 86_400_000 } });
  expect(read("cool-off", "1h30m")).toMatchObject({ ok: true, value: { coolOffMs: 5_400_000 } });
  expect(read("shrink-min-share", "75%")).toMatchObject({ ok: true, value: { shrinkMinShare: 0.75 } });
  expect(read("approvers", "<!subteam^S0APPROVE|@ci-approvers>")).toMatchObject({
    ok: true,
    value: { approvers: { group: "S0APPROVE", ids: [] } },
  });
  expect(read("approvers", "@ci-approvers")).toMatchObject({ ok: true, value: { approvers: { group: "@ci-approvers", ids: [] } } });
  expect(read("approvers", "<@U0CCCC|chen>, U0AAAA U0BBBB")).toMatchObject({
    ok: true,
    value: { approvers: { group: null, ids: ["U0AAAA", "U0BBBB", "U0CCCC"] } },
  });
  expect(read("protected-domains", "ROOT/ci/b, ROOT/ci/a")).toMatchObject({
    ok: true,
    value: { protectedDomains: ["ROOT/ci/a", "ROOT/ci/b"] },
  });
  expect(read("export-kinds", "Snapshots, volumes")).toMatchObject({ ok: true, value: { exportKinds: ["volume", "snapshot"] } });
  const both = { ...base, exportKinds: ["volume" as const, "snapshot" as const] };
  expect(findSetting("export-kinds")?.write(both)).toBe("volumes, snapshots");
  expect(read("export-kinds", "NONE", both)).toEqual({ ok: true, value: base });
  expect([findSetting("export-kinds")?.effect(base, both), findSetting("export-kinds")?.effect(both, base)]).toEqual([
    "looser",
    "stricter",
  ]);
  expect(read("protected-domains", "none")).toMatchObject({ ok: true, value: { protectedDomains: [] } });
});

test("whether a change makes things looser is said rightly", () => {
  const effect = (name: string, text: string) => {
    const after = read(name, text);
    return after?.ok === true ? findSetting(name)?.effect(base, after.value) : undefined;
  };
  expect([effect("quorum", "3"), effect("grace", "1 day"), effect("grace", "30 days"), effect("deletions-per-day", "0")]).toEqual([
    "stricter",
    "looser",
    "stricter",
    "stricter",
  ]);
  expect([effect("deletions-per-week", "9"), effect("approval-time", "2 hours"), effect("shrink-min-share", "50 %")]).toEqual([
    "looser",
    "stricter",
    "looser",
  ]);
  expect([
    effect("protected-domains", "none"),
    effect("protected-domains", "ROOT/ci/keep, ROOT/ci/more"),
    effect("protected-domains", "ROOT/ci/other"),
  ]).toEqual(["looser", "stricter", "looser"]);
});

test("times are read as they are written, whatever they are", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40_000_000 }), (s) => {
      expect(parseDuration(durationText(s * 1000))).toBe(s * 1000);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const ms = parseDuration(text);
      expect(ms === null || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
    }),
  );
});
