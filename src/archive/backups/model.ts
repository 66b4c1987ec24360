import type { ProjectId } from "../../core/ids.ts";
import { groupBy } from "../../core/group-by.ts";
import { GIB } from "../../core/units.ts";
import { growthOf } from "./growth.ts";
import { kindsOf, policies, unchangingKinds, type BackupTerms, type Policy, type SizeKind } from "../../core/backup-policy.ts";
import type { Measurement, ProjectSize } from "../../store/backup-sizes.ts";

/** Days of a projection, in twelve months of equal length. */
const HORIZON_DAYS = 365;
const MONTHS = 12;

/** One of the twelve months ahead. Units: GiB-months, GiB, and the terms' currency. */
export interface MonthAhead {
  readonly storedGibMonths: number;
  readonly transferredGib: number;
  readonly cost: number;
}

/** What a policy costs over the twelve months ahead, if it began now. */
export interface Projection {
  readonly policy: Policy;
  readonly months: readonly MonthAhead[];
  /** Bytes that the first backup moves. */
  readonly firstBytes: number;
  /** Bytes that are kept at the end. */
  readonly storedBytes: number;
  readonly cost: number;
}

/** The size and growth of one kind of one project. */
export interface Series {
  readonly projectId: ProjectId;
  readonly slug: string;
  readonly kind: SizeKind;
  readonly things: number;
  readonly bytesNow: number;
  /** Null: not enough history; it counts as not growing. */
  readonly bytesPerDay: number | null;
}

/** The size and growth of each kind of each project of the newest measurement; projects that are gone by then are left out. */
export function seriesOf(history: readonly Measurement[]): readonly Series[] {
  const keyOf = (s: Pick<ProjectSize, "kind" | "projectId">): string => `${s.kind} ${s.projectId}`;
  const sizes = history.flatMap(({ at, sizes }) => sizes.map((s) => ({ at, ...s })));
  const points = groupBy(sizes, keyOf);
  return (history.at(-1)?.sizes ?? []).map(({ bytes, ...s }) => ({
    ...s,
    bytesNow: bytes,
    bytesPerDay: growthOf(points.get(keyOf(s)) ?? []),
  }));
}

/**
 * Projects one policy over the twelve months ahead.
 *
 * A backup is made on day 0 and every `scheduleDays` from then. Each saves whole volumes, and all kept versions are stored in full.
 * Snapshots, templates and ISOs are saved once; those deleted in CloudStack stay as long as versions do. A machine has no bytes of its own.
 *
 * Units: GiB are 2^30 bytes; a month is a twelfth of 365 days, and storage is paid for each day that it is used.
 */
export function project(series: readonly Series[], policy: Policy, terms: BackupTerms): Projection {
  const kinds = new Set(kindsOf[policy]);
  const stored = new Array<number>(HORIZON_DAYS).fill(0);
  const moved = new Array<number>(HORIZON_DAYS).fill(0);
  for (const one of series) if (kinds.has(one.kind)) addSeries(one, terms, stored, moved);
  const months = Array.from({ length: MONTHS }, (_, month): MonthAhead => {
    let [storedGibMonths, transferredGib] = [0, 0];
    for (let day = 0; day < HORIZON_DAYS; day += 1) {
      // A day can lie in two of the twelve equal months, with a part in each.
      const [from, to] = [(day * MONTHS) / HORIZON_DAYS, ((day + 1) * MONTHS) / HORIZON_DAYS];
      storedGibMonths += ((stored[day] ?? 0) / GIB) * Math.max(0, Math.min(to, month + 1) - Math.max(from, month));
      if (Math.floor(from) === month) transferredGib += (moved[day] ?? 0) / GIB;
    }
    return { storedGibMonths, transferredGib, cost: storedGibMonths * terms.pricePerGibMonth + transferredGib * terms.transferPricePerGib };
  });
  const cost = months.reduce((sum, m) => sum + m.cost, 0);
  return { policy, months, firstBytes: moved[0] ?? 0, storedBytes: stored.at(-1) ?? 0, cost };
}

function addSeries(one: Series, terms: BackupTerms, stored: number[], moved: number[]): void {
  const sizeAt = (run: number): number => Math.max(0, one.bytesNow + (one.bytesPerDay ?? 0) * run * terms.scheduleDays);
  const kept = Math.max(1, Math.min(terms.keepVersions, Math.floor(terms.keepDays / terms.scheduleDays) + 1));
  const unchanging = unchangingKinds.has(one.kind);
  let sum = 0;
  for (let run = 0; run * terms.scheduleDays < HORIZON_DAYS; run += 1) {
    const day = run * terms.scheduleDays;
    const size = sizeAt(run);
    sum += size - (run >= kept ? sizeAt(run - kept) : 0);
    // On a line the largest of the kept versions is the oldest or the newest.
    const held = unchanging ? Math.max(size, sizeAt(Math.max(0, run - kept + 1))) : sum;
    const end = Math.min(HORIZON_DAYS, day + terms.scheduleDays);
    for (let at = day; at < end; at += 1) stored[at] = (stored[at] ?? 0) + held;
    const before = unchanging && run > 0 ? sizeAt(run - 1) : 0;
    moved[day] = (moved[day] ?? 0) + Math.max(0, size - before);
  }
}

/** How much of each kind. */
export type Amounts = Readonly<Record<SizeKind, { readonly things: number; readonly bytes: number }>>;

/** What a policy could have brought back in 2017, when every domain but one was destroyed with all that was in it. */
export interface Comeback {
  readonly policy: Policy;
  /** Short name of the project that survives: the one with the fewest bytes, which is the worst case. */
  readonly survivor: string | null;
  readonly back: Amounts;
  readonly lost: Amounts;
  /** What comes back is at most this old: work since the last backup is lost with every policy. */
  readonly ageDaysMax: number;
}

/**
 * What of the fleet a policy brings back after an accident like that of 2017, and what stays lost.
 *
 * Source: recording 07: machines, volumes, snapshots and templates are gone for good, whatever CloudStack's answer says.
 */
export function comebackOf(series: readonly Series[], policy: Policy, terms: BackupTerms): Comeback {
  const [smallest] = projectLines(series).toSorted((a, b) => a.totalBytes - b.totalBytes || (a.slug < b.slug ? -1 : 1));
  const survivor = smallest?.slug ?? null;
  const hit = series.filter((s) => s.slug !== survivor);
  const saved = new Set(kindsOf[policy]);
  const back = amountsOf(hit.filter((s) => saved.has(s.kind)));
  return { policy, survivor, back, lost: amountsOf(hit.filter((s) => !saved.has(s.kind))), ageDaysMax: terms.scheduleDays };
}

/** Sums what series hold now, by kind. */
function amountsOf(series: readonly Series[]): Amounts {
  return byKind((kind) => {
    const same = series.filter((s) => s.kind === kind);
    return { things: same.reduce((n, s) => n + s.things, 0), bytes: same.reduce((n, s) => n + s.bytesNow, 0) };
  });
}

function byKind<T>(of: (kind: SizeKind) => T): Record<SizeKind, T> {
  return { machine: of("machine"), volume: of("volume"), snapshot: of("snapshot"), template: of("template"), iso: of("iso") };
}

/** What one project holds now, and how it grows in all. */
export interface ProjectLine {
  readonly slug: string;
  readonly bytes: Readonly<Record<SizeKind, number>>;
  readonly totalBytes: number;
  /** Null: some kind has not enough history. */
  readonly bytesPerDay: number | null;
}

/** The comparison of all policies. */
export interface Comparison {
  readonly terms: BackupTerms;
  /** UTC epoch milliseconds of the newest measurement; null without history. */
  readonly asOf: number | null;
  readonly measurements: number;
  /** Projects with too little history to tell how they grow; they count as not growing. */
  readonly withoutGrowth: number;
  readonly now: Amounts;
  /** The largest first. */
  readonly projects: readonly ProjectLine[];
  readonly otherBytes: number;
  readonly choices: readonly { readonly projection: Projection; readonly comeback: Comeback }[];
}

/** Compares the policies on a history of measurements, the oldest first. */
export function comparePolicies(history: readonly Measurement[], terms: BackupTerms): Comparison {
  const series = seriesOf(history);
  const projects = projectLines(series);
  return {
    terms,
    asOf: history.at(-1)?.at ?? null,
    measurements: history.length,
    withoutGrowth: projects.filter((p) => p.bytesPerDay === null).length,
    now: amountsOf(series),
    projects,
    otherBytes: history.at(-1)?.otherBytes ?? 0,
    choices: policies.map((policy) => ({
      projection: project(series, policy, terms),
      comeback: comebackOf(series, policy, terms),
    })),
  };
}

function projectLines(series: readonly Series[]): readonly ProjectLine[] {
  return [...groupBy(series, (s) => s.slug)]
    .map(([slug, own]): ProjectLine => ({
      slug,
      bytes: byKind((kind) => own.find((s) => s.kind === kind)?.bytesNow ?? 0),
      totalBytes: own.reduce((n, s) => n + s.bytesNow, 0),
      bytesPerDay: own.some((s) => s.bytesPerDay === null) ? null : own.reduce((n, s) => n + (s.bytesPerDay ?? 0), 0),
    }))
    .toSorted((a, b) => b.totalBytes - a.totalBytes || (a.slug < b.slug ? -1 : 1));
}
