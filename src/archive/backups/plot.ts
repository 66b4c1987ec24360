import type { Comparison, MonthAhead } from "./model.ts";
import { policyNames, type Policy } from "../../core/backup-policy.ts";
import { dayInZone } from "../../core/day-in-zone.ts";

/** Size of the picture. Units: pixels. */
export const PLOT_SIZE = { width: 1280, height: 640 } as const;

/** How each policy is drawn: colours that the colour-blind tell apart (Okabe and Ito), and a line and a mark of its own. */
const STYLES: Readonly<Record<Policy, { readonly colour: string; readonly dash: string; readonly mark: "circle" | "square" | "diamond" }>> =
  {
    everything: { colour: "#0072b2", dash: "none", mark: "circle" },
    snapshots: { colour: "#d55e00", dash: "10 5", mark: "square" },
    templates: { colour: "#007a5a", dash: "2 5", mark: "diamond" },
  };

const TOP = 190;
const BOTTOM = 530;
const PANEL_WIDTH = 490;
const TICKS = 5;
/** Left edges of the three legends: each fits sums of millions. */
const LEGENDS = [40, 390, 870];

/**
 * Draws the twelve months ahead as SVG: what is stored, and what it costs, a line for each policy; days are those of a time zone, else of
 * UTC. Pure. Needs the fonts of `renderPng`.
 */
export function drawCosts(c: Comparison, zone?: string): string {
  const scale = storedScale(Math.max(0, ...c.choices.flatMap((x) => x.projection.months.map((m) => m.storedGibMonths))));
  const axis = c.asOf === null ? "month" : `month from ${dayInZone(c.asOf, zone)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${PLOT_SIZE.width}" height="${PLOT_SIZE.height}" viewBox="0 0 ${PLOT_SIZE.width} ${PLOT_SIZE.height}" font-family="DejaVu Sans" font-size="15" fill="#1d1c1d">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    text(40, 48, "What backups would cost over the next 12 months", `font-size="24" font-weight="bold"`),
    text(40, 78, subtitle(c), `fill="#565256"`),
    ...c.choices.map((x, i) => legend(c, x.projection.policy, x.projection.cost, LEGENDS[i] ?? 0)),
    ...drawPanel(c, { left: 100, title: `Stored, ${scale.unit} (average of the month)`, axis }, (m) => m.storedGibMonths * scale.perGib),
    ...drawPanel(c, { left: 740, title: `Cost, ${c.terms.currency} a month`, axis }, (m) => m.cost),
    text(40, 612, footer(c), `font-size="14" fill="#565256"`),
    "</svg>",
  ].join("\n");
}

/** Round numbers from zero to at least `max`, in steps of 1, 2, 2.5 or 5 times a power of ten. */
export function ticksTo(max: number): readonly number[] {
  const raw = (Number.isFinite(max) && max > 0 ? max : 1) / TICKS;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 2.5, 5, 10].find((m) => m * power >= raw * (1 - 1e-9)) ?? 10) * power;
  const count = Math.ceil((TICKS * raw) / step - 1e-9);
  return Array.from({ length: Math.max(1, count) + 1 }, (_, i) => i * step);
}

/** Where a panel begins, and what stands above and below it. */
interface Panel {
  readonly left: number;
  readonly title: string;
  readonly axis: string;
}

function drawPanel(c: Comparison, { left, title, axis }: Panel, valueOf: (month: MonthAhead) => number): readonly string[] {
  const ticks = ticksTo(Math.max(0, ...c.choices.flatMap((x) => x.projection.months.map(valueOf))));
  const most = ticks.at(-1) ?? 1;
  const x = (month: number): number => left + ((month - 0.5) / 12) * PANEL_WIDTH;
  const y = (value: number): number => BOTTOM - (value / most) * (BOTTOM - TOP);
  const right = left + PANEL_WIDTH;
  const digits = digitsOf(ticks[1] ?? 1);
  return [
    text(left, TOP - 22, title, `font-size="16" font-weight="bold"`),
    ...ticks.flatMap((tick) => [
      `<line x1="${left}" y1="${n(y(tick))}" x2="${right}" y2="${n(y(tick))}" stroke="${tick === 0 ? "#1d1c1d" : "#dddddd"}"/>`,
      text(left - 10, y(tick) + 5, numberText(tick, digits), `text-anchor="end"`),
    ]),
    ...Array.from({ length: 12 }, (_, i) => text(x(i + 1), BOTTOM + 22, String(i + 1), `text-anchor="middle"`)),
    text(left + PANEL_WIDTH / 2, BOTTOM + 46, axis, `text-anchor="middle"`),
    // The cheapest last, so that it stays visible where lines cover each other.
    ...c.choices.flatMap(({ projection }) => {
      const style = STYLES[projection.policy];
      const points = projection.months.map((m, i) => [x(i + 1), y(valueOf(m))] as const);
      return [
        `<polyline points="${points.map(([px, py]) => `${n(px)},${n(py)}`).join(" ")}" fill="none" stroke="${style.colour}" stroke-width="3" stroke-dasharray="${style.dash}"/>`,
        ...points.map(([px, py]) => mark(projection.policy, px, py)),
      ];
    }),
  ];
}

function legend(c: Comparison, policy: Policy, cost: number, left: number): string {
  const style = STYLES[policy];
  return [
    `<line x1="${left}" y1="116" x2="${left + 44}" y2="116" stroke="${style.colour}" stroke-width="3" stroke-dasharray="${style.dash}"/>`,
    mark(policy, left + 22, 116),
    text(left + 54, 121, `${policyNames[policy]}: ${numberText(cost, 2)} ${c.terms.currency} in all`),
  ].join("\n");
}

function mark(policy: Policy, x: number, y: number): string {
  const { colour, mark: shape } = STYLES[policy];
  if (shape === "circle") return `<circle cx="${n(x)}" cy="${n(y)}" r="6" fill="${colour}"/>`;
  const turn = shape === "diamond" ? ` transform="rotate(45 ${n(x)} ${n(y)})"` : "";
  return `<rect x="${n(x - 5)}" y="${n(y - 5)}" width="10" height="10" fill="${colour}"${turn}/>`;
}

function subtitle(c: Comparison): string {
  const t = c.terms;
  const prices = `${t.pricePerGibMonth} ${t.currency} a GiB and month, ${t.transferPricePerGib} ${t.currency} a GiB moved`;
  return `A backup every ${t.scheduleDays} day${t.scheduleDays === 1 ? "" : "s"}, ${t.keepVersions} versions kept for at most ${t.keepDays} days; ${prices}`;
}

function footer(c: Comparison): string {
  const history = `${c.measurements} measurement${c.measurements === 1 ? "" : "s"}`;
  if (c.asOf === null) return "Nothing was measured yet.";
  return c.withoutGrowth === 0
    ? `Growth: the line through ${history}.`
    : `Growth: not enough history for ${c.withoutGrowth} of ${c.projects.length} projects (${history}); they count as not growing.`;
}

function storedScale(gib: number): { readonly unit: string; readonly perGib: number } {
  if (gib >= 2048) return { unit: "TiB", perGib: 1 / 1024 };
  return gib >= 1 || gib === 0 ? { unit: "GiB", perGib: 1 } : { unit: "MiB", perGib: 1024 };
}

/** Decimals needed to tell two neighbouring ticks apart. */
function digitsOf(step: number): number {
  for (let digits = 0; digits < 9; digits += 1) if (Math.abs(step - Number(step.toFixed(digits))) < step * 1e-6) return digits;
  return 9;
}

function numberText(value: number, digits: number): string {
  return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function text(x: number, y: number, content: string, attributes = ""): string {
  const escaped = content.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<text x="${n(x)}" y="${n(y)}" ${attributes}>${escaped}</text>`;
}

/** A coordinate, to a tenth of a pixel. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
