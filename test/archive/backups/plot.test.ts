/** Claims: every value is drawn where it belongs, whatever the sizes, and the picture is a PNG with its text in it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { comparePolicies } from "../../../src/archive/backups/model.ts";
import { drawCosts, PLOT_SIZE, ticksTo } from "../../../src/archive/backups/plot.ts";
import { renderPng } from "../../../src/archive/backups/png.ts";
import { type BackupTerms, sizeKinds } from "../../../src/core/backup-policy.ts";
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
const gib = { machine: 0, volume: 400, snapshot: 150, template: 60, iso: 5 };
const look = (day: number, factor: number): Measurement => ({
  at: at(1_790_000_000_000 + day * DAY),
  otherBytes: 0,
  sizes: sizeKinds.map((kind) => ({
    projectId: "p" as ProjectId,
    slug: "p",
    kind,
    things: 1,
    bytes: Math.round(gib[kind] * GIB * factor),
  })),
});
const growing = comparePolicies([look(0, 1), look(30, 1.05), look(60, 1.1)], terms);

describe("ticks", () => {
  test.each([
    [0, 1],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
    [-5, 1],
  ])("for %d end at %d", (max, last) => {
    expect(ticksTo(max).at(-1)).toBeCloseTo(last, 9);
  });
  test("begin at zero, are even, few, reach the largest value and not far beyond", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e15, noNaN: true }), (max) => {
        const ticks = ticksTo(max);
        const last = ticks.at(-1) ?? 0;
        expect(ticks[0]).toBe(0);
        expect(ticks.length).toBeGreaterThan(2);
        expect(ticks.length).toBeLessThan(8);
        expect(last).toBeGreaterThanOrEqual(max * (1 - 1e-6));
        expect(last).toBeLessThan(max * 2.1);
      }),
    );
  });
});

/** Where the points of the lines are, panel by panel and policy by policy. */
function polylines(svg: string): readonly (readonly (readonly [number, number])[])[] {
  return [...svg.matchAll(/<polyline points="([^"]+)"/g)].map((m) =>
    (m[1] ?? "").split(" ").map((p) => p.split(",").map(Number) as unknown as readonly [number, number]),
  );
}

describe("the drawing", () => {
  test("has a line of twelve points for each policy in each panel, as high as its value", () => {
    const lines = polylines(drawCosts(growing));
    expect(lines.map((l) => l.length)).toEqual(Array.from({ length: 6 }, () => 12));
    const values = [
      ...growing.choices.map((c) => c.projection.months.map((m) => m.storedGibMonths)),
      ...growing.choices.map((c) => c.projection.months.map((m) => m.cost)),
    ];
    for (const [i, line] of lines.entries()) {
      const panel = values.slice(i < 3 ? 0 : 3, i < 3 ? 3 : 6).flat();
      const most = ticksTo(Math.max(...panel) / (i < 3 && Math.max(...panel) >= 2048 ? 1024 : 1)).at(-1) ?? 0;
      const unit = i < 3 && Math.max(...panel) >= 2048 ? 1024 : 1;
      for (const [month, [, y]] of line.entries()) expect(y).toBeCloseTo(530 - ((values[i]?.[month] ?? 0) / unit / most) * 340, 0);
    }
  });

  test("stays inside its frame and holds no text that is not a number, whatever the sizes", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (first, second, price) => {
          const svg = drawCosts(comparePolicies([look(0, first), look(10, first * second)], { ...terms, pricePerGibMonth: price }));
          expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
          for (const line of polylines(svg))
            for (const [x, y] of line) {
              expect(x).toBeGreaterThan(0);
              expect(x).toBeLessThan(PLOT_SIZE.width);
              expect(y).toBeGreaterThanOrEqual(189);
              expect(y).toBeLessThanOrEqual(531);
            }
        },
      ),
    );
  });

  test("names units, policies, the axis, and what is not known", () => {
    const svg = drawCosts(growing);
    for (const words of [
      "Stored, ",
      "Cost, EUR a month",
      "everything: ",
      "snapshots and templates: ",
      "templates only: ",
      "month from 2026-",
    ])
      expect(svg).toContain(words);
    expect(svg).toContain("Growth: the line through 3 measurements.");
    expect(drawCosts(comparePolicies([look(0, 1)], terms))).toContain("not enough history for 1 of 1 projects (1 measurement)");
    expect(drawCosts(comparePolicies([], terms))).toContain("Nothing was measured yet.");
  });

  test("text cannot become a mark of its own", () => {
    expect(drawCosts({ ...growing, terms: { ...terms, currency: `<&"` } })).toContain("Cost, &#60;&#38;&#34; a month");
  });
});

describe("the picture", () => {
  test("is a PNG of the drawing's size, the same each time, and not the same without its text", async () => {
    const svg = drawCosts(growing);
    const [png, again, bare] = await Promise.all([svg, svg, svg.replaceAll(/<text.*?<\/text>/g, "")].map((s) => renderPng(s)));
    const view = Buffer.from(png ?? []);
    expect(view.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
    expect([view.readUInt32BE(16), view.readUInt32BE(20)]).toEqual([PLOT_SIZE.width, PLOT_SIZE.height]);
    expect(Buffer.from(again ?? []).equals(view)).toBe(true);
    // Without a font resvg leaves texts out silently: this is how that would be noticed.
    expect(view.length).toBeGreaterThan((bare?.length ?? 0) * 1.3);
  });
});
