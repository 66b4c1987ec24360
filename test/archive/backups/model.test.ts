/** Claims: growth is the least-squares line or honestly unknown, and costs are those of the versions that would really lie there. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { growthOf, type SizePoint } from "../../../src/archive/backups/growth.ts";
import { comebackOf, comparePolicies, project, seriesOf, type Series } from "../../../src/archive/backups/model.ts";
import {
  kindsOf,
  policies,
  parsePolicies,
  policyOf,
  type BackupTerms,
  type Policy,
  sizeKinds,
  type SizeKind,
} from "../../../src/core/backup-policy.ts";
import type { Measurement } from "../../../src/store/backup-sizes.ts";
import type { ProjectId } from "../../../src/core/ids.ts";
import { at } from "../../support/deletions.ts";

const GIB = 1024 ** 3;
const DAY = 86_400_000;
const terms: BackupTerms = {
  scheduleDays: 7,
  keepVersions: 4,
  keepDays: 90,
  pricePerGibMonth: 0.02,
  transferPricePerGib: 0.01,
  currency: "EUR",
};
const one = (slug: string, kind: SizeKind, bytesNow: number, bytesPerDay: number | null, things = 1): Series => ({
  projectId: `p-${slug}` as ProjectId,
  slug,
  kind,
  things,
  bytesNow,
  bytesPerDay,
});
const look = (day: number, bytes: Readonly<Record<string, number>>): Measurement => ({
  at: at(1_700_000_000_000 + day * DAY),
  otherBytes: 1,
  sizes: Object.entries(bytes).map(([slug, b]) => ({
    projectId: `p-${slug}` as ProjectId,
    slug,
    kind: "template" as const,
    things: 1,
    bytes: b,
  })),
});

describe("growth", () => {
  test.each([[[]], [[{ at: 5, bytes: 5 }]], [[5, 6].map((bytes) => ({ at: 5, bytes }))]] as const)("of %j is not known", (points) => {
    expect(growthOf(points)).toBeNull();
  });

  // The oracle goes over pairs of points and knows no mean.
  const slopeOfPairs = (points: readonly SizePoint[]): number => {
    let above = 0;
    let below = 0;
    for (const p of points)
      for (const q of points) {
        const days = (p.at - q.at) / DAY;
        above += days * (p.bytes - q.bytes);
        below += days * days;
      }
    return above / below;
  };
  const somePoints = fc
    .uniqueArray(fc.record({ day: fc.integer({ min: 0, max: 700 }), gib: fc.integer({ min: 0, max: 5000 }) }), {
      minLength: 2,
      maxLength: 40,
      selector: (p) => p.day,
    })
    .map((list) => list.map((p): SizePoint => ({ at: 1_700_000_000_000 + p.day * DAY, bytes: p.gib * GIB })));

  test("is the least-squares slope", () => {
    fc.assert(
      fc.property(somePoints, (points) => {
        const growth = growthOf(points);
        expect((growth ?? Number.NaN) / GIB).toBeCloseTo(slopeOfPairs(points) / GIB, 6);
      }),
    );
  });

  test("is that of each project by itself; one that is gone is left out, one that is new is not known", () => {
    const series = seriesOf([look(0, { a: 100, gone: 5 }), look(10, { a: 200, gone: 5 }), look(20, { a: 300, fresh: 7 })]);
    expect(series.map((s) => [s.slug, s.bytesNow, s.bytesPerDay === null ? null : Math.round(s.bytesPerDay * 1000) / 1000])).toEqual([
      ["a", 300, 10],
      ["fresh", 7, null],
    ]);
  });
});

/** The oracle: every backup of every thing is written down as a row, and each day the rows that are kept are looked through. */
function oracle(
  series: readonly Series[],
  policy: Policy,
  t: BackupTerms,
): { readonly cost: number; readonly moved: number; last: number } {
  const wanted: Record<Policy, string> = {
    everything: "machine volume snapshot template iso",
    snapshots: "snapshot template iso",
    templates: "template iso",
  };
  let cost = 0;
  let moved = 0;
  let last = 0;
  for (const s of series.filter((x) => wanted[policy].split(" ").includes(x.kind))) {
    const rows: { day: number; size: number }[] = [];
    for (let day = 0; day < 365; day += 1) {
      if (day % t.scheduleDays === 0) {
        const size = Math.max(0, s.bytesNow + (s.bytesPerDay ?? 0) * day);
        const before = rows.at(-1)?.size ?? 0;
        const sent = s.kind === "volume" || s.kind === "machine" ? size : Math.max(0, size - before);
        moved += sent;
        cost += (sent / GIB) * t.transferPricePerGib;
        rows.push({ day, size });
      }
      const newest = rows.at(-1)?.day ?? 0;
      const kept = rows.slice(-t.keepVersions).filter((r) => r.day === newest || newest - r.day <= t.keepDays);
      const sizes = kept.map((r) => r.size);
      const held = s.kind === "volume" || s.kind === "machine" ? sizes.reduce((a, b) => a + b, 0) : Math.max(...sizes);
      cost += (held / GIB) * t.pricePerGibMonth * (12 / 365);
      if (day === 364) last += held;
    }
  }
  return { cost, moved, last };
}

const someSeries = fc.array(
  fc
    .record({
      slug: fc.constantFrom("a", "b", "c"),
      kind: fc.constantFrom(...sizeKinds),
      gib: fc.double({ min: 0, max: 5000, noNaN: true }),
      grows: fc.option(fc.double({ min: -20, max: 20, noNaN: true })),
    })
    .map((s) =>
      one(s.slug, s.kind, s.kind === "machine" ? 0 : s.gib * GIB, s.kind === "machine" || s.grows === null ? null : s.grows * GIB),
    ),
  { maxLength: 8 },
);
const someTerms = fc.record({
  scheduleDays: fc.integer({ min: 1, max: 400 }),
  keepVersions: fc.integer({ min: 1, max: 60 }),
  keepDays: fc.integer({ min: 1, max: 400 }),
  pricePerGibMonth: fc.double({ min: 0, max: 1, noNaN: true }),
  transferPricePerGib: fc.double({ min: 0, max: 1, noNaN: true }),
  currency: fc.constant("EUR"),
});

describe("a projection", () => {
  test("costs what the versions cost that lie there day by day", () => {
    fc.assert(
      fc.property(someSeries, fc.constantFrom(...policies), someTerms, (series, policy, t) => {
        const got = project(series, policy, t);
        const want = oracle(series, policy, t);
        const near = (a: number, b: number): void => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(b)));
        near(got.cost, want.cost);
        near(got.storedBytes, want.last);
        near(got.months.reduce((n, m) => n + m.transferredGib, 0) * GIB, want.moved);
        near(
          got.months.reduce((n, m) => n + m.cost, 0),
          got.cost,
        );
        expect(got.months).toHaveLength(12);
      }),
      { numRuns: 300 },
    );
  });

  test("by hand: 100 GiB of volumes, weekly, four versions, no growth", () => {
    const got = project([one("a", "volume", 100 * GIB, 0)], "everything", terms);
    // 1, 2, 3 versions for a week each, then 4 for 344 days; 53 backups of 100 GiB.
    expect(got.months.reduce((n, m) => n + m.storedGibMonths, 0)).toBeCloseTo(((700 + 1400 + 2100 + 400 * 344) * 12) / 365, 6);
    expect(got.months.reduce((n, m) => n + m.transferredGib, 0)).toBeCloseTo(5300, 6);
    expect(got.firstBytes).toBe(100 * GIB);
  });

  test("what lies there all year costs the same each month", () => {
    for (const m of project([one("a", "template", 10 * GIB, null)], "templates", terms).months)
      expect(m.storedGibMonths).toBeCloseTo(10, 6);
  });

  test("a template is moved once, and a policy that leaves it out costs nothing for it", () => {
    const template = one("a", "template", 10 * GIB, null);
    expect(project([template], "templates", terms).months.reduce((n, m) => n + m.transferredGib, 0)).toBeCloseTo(10, 6);
    expect(project([one("a", "volume", GIB, 5)], "templates", terms).cost).toBe(0);
  });

  test("of more is never cheaper", () => {
    fc.assert(
      fc.property(someSeries, someTerms, (series, t) => {
        const [all = 0, some = 0, few = 0] = policies.map((p) => project(series, p, t).cost);
        expect(all).toBeGreaterThanOrEqual(some);
        expect(some).toBeGreaterThanOrEqual(few);
      }),
    );
  });
});

describe("2017", () => {
  const fleet = [
    one("big", "machine", 0, null, 3),
    one("big", "volume", 900, null, 5),
    one("big", "snapshot", 70, null, 2),
    one("big", "template", 40, null, 4),
    one("small", "machine", 0, null, 1),
    one("small", "volume", 10, null, 1),
  ];
  test.each([
    ["everything", { machine: 3, volume: 5, snapshot: 2, template: 4 }, {}],
    ["snapshots", { snapshot: 2, template: 4 }, { machine: 3, volume: 5 }],
    ["templates", { template: 4 }, { machine: 3, volume: 5, snapshot: 2 }],
  ] as const)("with %s: %j come back, %j stay lost; the smallest project was spared", (policy, back, lost) => {
    const got = comebackOf(fleet, policy, terms);
    const counts = (amounts: typeof got.back): Record<string, number> =>
      Object.fromEntries(Object.entries(amounts).flatMap(([k, v]) => (v.things === 0 ? [] : [[k, v.things]])));
    expect(got.survivor).toBe("small");
    expect(counts(got.back)).toEqual(back);
    expect(counts(got.lost)).toEqual(lost);
    expect(got.ageDaysMax).toBe(7);
  });

  test("nothing is both brought back and lost, and nothing is forgotten", () => {
    fc.assert(
      fc.property(someSeries, fc.constantFrom(...policies), (series, policy) => {
        const got = comebackOf(series, policy, terms);
        for (const kind of sizeKinds) {
          const all = series.filter((s) => s.kind === kind && s.slug !== got.survivor).length;
          expect(got.back[kind].things + got.lost[kind].things).toBe(all);
          if (got.lost[kind].things > 0) expect(kindsOf[policy]).not.toContain(kind);
        }
      }),
    );
  });
});

describe("a comparison", () => {
  test("without history is empty and says so", () => {
    expect(comparePolicies([], terms)).toMatchObject({ asOf: null, measurements: 0, withoutGrowth: 0, projects: [] });
  });
  test("with one measurement takes sizes as they are and does not claim growth", () => {
    const got = comparePolicies([look(0, { a: 100, b: 300 })], terms);
    expect(got.withoutGrowth).toBe(2);
    expect(got.projects.map((p) => [p.slug, p.totalBytes, p.bytesPerDay])).toEqual([
      ["b", 300, null],
      ["a", 100, null],
    ]);
  });
  test("with two knows growth", () => {
    const got = comparePolicies([look(0, { a: 100 }), look(4, { a: 140 })], terms);
    expect(got.withoutGrowth).toBe(0);
    expect(got.projects[0]?.bytesPerDay).toBeCloseTo(10, 9);
    expect(got.choices.map((c) => c.projection.policy)).toEqual(["everything", "snapshots", "templates"]);
  });
});

test("a project's own policy comes before that of all; without either there are no backups", () => {
  expect(policyOf("a", { "*": "templates", a: "everything" })).toBe("everything");
  expect(policyOf("b", { "*": "templates", a: "everything" })).toBe("templates");
  expect(policyOf("a", { "*": "templates", a: null })).toBeNull();
  expect(policyOf("constructor", {})).toBeNull();
});

test.each(["", "aurora", "aurora=all", "Aurora=templates", "a=templates,a=none", "*=templates,", "a b=none", "=none"])(
  "%j are no policies",
  (text) => {
    expect(parsePolicies(text)).toBeNull();
  },
);
test("policies are read with spaces and without", () => {
  expect(parsePolicies("*=none")).toEqual({ "*": null });
  expect(parsePolicies(" aurora = everything, b-2=snapshots,*=templates")).toEqual({
    aurora: "everything",
    "b-2": "snapshots",
    "*": "templates",
  });
});
