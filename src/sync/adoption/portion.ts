/** How much of a first plan is released at once: as many whole domains as the limits let the next pass carry out. */
import type { Rest } from "../../core/adoption.ts";
import { failure, type Failure } from "../../core/failure.ts";
import { groupBy } from "../../core/group-by.ts";
import type { DomainId } from "../../core/ids.ts";
import type { PolicyNow } from "../../core/policy.ts";
import { counted } from "../../core/plural.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { waitingDomains, withoutWaiting } from "../planning/build-plan.ts";
import type { Plan } from "../planning/plan.ts";

/** How many restrictive changes were made in the last day and the last week. */
export interface MadeBefore {
  readonly day: number;
  readonly week: number;
}

/** What is released now, and what waits for a later portion. */
export interface Portion {
  readonly domains: ReadonlySet<string>;
  /** What waits for a later portion; null: nothing. */
  readonly rest: Rest | null;
}

type Limits = Pick<PolicyNow, "restrictionsPerPass" | "restrictionsPerDay" | "restrictionsPerWeek" | "changesPerPass" | "proposalsPerPass">;

/** Room that the policy leaves, and the setting that makes more of it. */
interface Room {
  readonly of: "changes" | "deletions";
  readonly left: number;
  readonly used: number;
  readonly setting: string;
  readonly says: string;
}

/**
 * The next portion: whole domains in the order of their paths, as many as fit the limits beside what the next pass does anyway.
 *
 * Errors: `refused` `adoption.no_room` where not one fits, with which limit is to be raised to what.
 */
export function nextPortion(plan: Plan, paths: ReadonlyMap<DomainId, string>, limits: Limits, made: MadeBefore): Result<Portion, Failure> {
  const rooms = roomsOf(plan, limits, made);
  const inOrder = sizesOf(plan)
    .filter(({ id }) => paths.has(id))
    .toSorted((a, b) => ((paths.get(a.id) ?? "") < (paths.get(b.id) ?? "") ? -1 : 1));
  const domains = new Set<string>();
  let used = NOTHING;
  const later: SizeOf[] = [];
  for (const one of inOrder) {
    const sum = add(used, one);
    if (fullRooms(rooms, sum).length > 0) {
      later.push(one);
      continue;
    }
    domains.add(one.id);
    used = sum;
  }
  const [first, ...others] = later;
  if (first === undefined) return ok({ domains, rest: null });
  const all = later.reduce(add, NOTHING);
  if (domains.size > 0) return ok({ domains, rest: { domains: later.length, changes: all.changes + all.deletions } });
  const next = others.reduce((a, b) => (isNearer(rooms, b, a) ? b : a), first);
  const alone = `${paths.get(next.id) ?? next.id} alone has ${sizeText(next)}`;
  const what = others.length === 0 ? alone : `${counted(later.length, "domain")} with ${sizeText(all)} wait, and even ${alone}`;
  return err(noRoom(rooms, next, all, what));
}

/** Whether the next pass could carry out all that waits in these domains. Errors: as for `nextPortion`. */
export function fitsLimits(plan: Plan, domains: ReadonlySet<string>, limits: Limits, made: MadeBefore): Result<void, Failure> {
  const rooms = roomsOf(plan, limits, made);
  const sizes = sizesOf(plan).filter(({ id }) => domains.has(id));
  const all = sizes.reduce(add, NOTHING);
  if (fullRooms(rooms, all).length === 0) return ok(undefined);
  return err(noRoom(rooms, all, all, `${sizeText(all)} in ${counted(sizes.length, "domain")} would be released`));
}

interface Size {
  readonly changes: number;
  readonly deletions: number;
}

type SizeOf = Size & { readonly id: DomainId };

const NOTHING: Size = { changes: 0, deletions: 0 };

function add(a: Size, b: Size): Size {
  return { changes: a.changes + b.changes, deletions: a.deletions + b.deletions };
}

/** What waits in each domain. */
function sizesOf(plan: Plan): readonly SizeOf[] {
  const changes = groupBy(plan.restrictive, (c) => c.domainId);
  const deletions = new Set(plan.proposals.map((p) => p.domainId));
  return ([...waitingDomains(plan)] as DomainId[]).map((id) => ({
    ...{ id, changes: changes.get(id)?.length ?? 0, deletions: deletions.has(id) ? 1 : 0 },
  }));
}

/** The rooms that so much does not fit. */
function fullRooms(rooms: readonly Room[], size: Size): readonly Room[] {
  return rooms.filter(({ of, left }) => size[of] > left);
}

/** Whether fewer limits are in the way of `a` than of `b`, or as many and it is smaller. */
function isNearer(rooms: readonly Room[], a: Size, b: Size): boolean {
  const [inTheWay, before] = [fullRooms(rooms, a).length, fullRooms(rooms, b).length];
  return inTheWay < before || (inTheWay === before && a.changes + a.deletions < b.changes + b.deletions);
}

function sizeText({ changes, deletions }: Size): string {
  const parts = [
    ...(changes > 0 ? [`${counted(changes, "restriction")} (locks, changed roles, lowered limits)`] : []),
    ...(deletions > 0 ? [counted(deletions, "proposed deletion")] : []),
  ];
  return parts.join(" and ");
}

/** The limits as the next pass meets them (`limitHolds`). What waits counts among its changes once it is released. */
function roomsOf(plan: Plan, l: Limits, made: MadeBefore): readonly Room[] {
  const { restrictive, proposals } = withoutWaiting(plan);
  const anyway = restrictive.length;
  const room = (of: Room["of"], limit: number, used: number, setting: string, says: string): Room => ({
    ...{ of, left: Math.max(0, limit - used), used, setting, says: `the limit is ${limit} ${says}` },
  });
  return [
    room("changes", l.restrictionsPerPass, anyway, "restrictions-per-pass", "in one pass"),
    room("changes", l.restrictionsPerDay, made.day + anyway, "restrictions-per-day", `a day, and ${madeText(made.day)}`),
    room("changes", l.restrictionsPerWeek, made.week + anyway, "restrictions-per-week", `a week, and ${madeText(made.week)}`),
    room("changes", l.changesPerPass, plan.additive.length + anyway, "changes-per-pass", "for changes of all kinds in one pass"),
    room("deletions", l.proposalsPerPass, proposals.length, "proposals-per-pass", "in one pass"),
  ];
}

function madeText(n: number): string {
  return `${n} ${n === 1 ? "was" : "were"} made in the last one`;
}

/** Names every limit that is in the way of `size`, with the value that lets `all` through, so that nobody raises one after the other. */
function noRoom(rooms: readonly Room[], size: Size, all: Size, what: string): Failure {
  const full = fullRooms(rooms, size);
  const raise = full.map(
    ({ of, used, setting }) => `/ci-policy set ${setting} ${used + all[of]} because the first plan was read and is right`,
  );
  const why = full.map(
    ({ of, left, says }) => `there is room for ${counted(left, of === "changes" ? "restriction" : "deletion")}, since ${says}`,
  );
  const passes = full.every(({ setting }) => /-(?:day|week)$/.test(setting));
  const waits = passes ? "Ask again later, or two approvers raise it" : "Two approvers raise what is in the way";
  return failure("refused", "adoption.no_room", `The limits do not let it through now: ${what}, and ${why.join("; ")}`, {
    remedy: `${waits}: ${raise.join("; ")}.`,
  });
}
