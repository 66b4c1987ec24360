/** Which matters are told already, and what a further plan adds to that. Invariant: one message for one state of affairs. */
import { digestOf } from "../../core/digest.ts";
import type { Instant, PlanId } from "../../core/ids.ts";
import { readShownByOthers, readTold, type Told } from "../../store/matters.ts";
import type { Queryable } from "../../store/db.ts";
import type { Undone } from "../../store/undone.ts";
import { allowedBy } from "../planning/build-plan.ts";
import { isUndone, mattersOf, scopeOf, undoneKey, type Matter } from "./matters.ts";
import type { PlanRecord } from "./record.ts";
import { findUndone } from "./undone.ts";

/** What is told, by key. */
export type ToldByKey = ReadonlyMap<string, Told>;

/** What of it is not stored so. */
export function changedFrom(stored: ToldByKey, told: ToldByKey): readonly Told[] {
  return [...told.values()].filter((one) => stored.get(one.key) !== one);
}

/** What a plan adds to what is told. */
export interface Following {
  /** All that is told then, in the messages before. */
  readonly told: ToldByKey;
  /** What no message tells. */
  readonly news: readonly Matter[];
  /** The holds after whose end nothing of this scope is held; each end is said once. */
  readonly over: readonly Told[];
}

/** What passes by itself and is back within this time did not end. Units: milliseconds. */
const AGAIN_MS = 3600_000;

/** Whether people count it: how long it is in the way, and how often it was tried. */
export function isCounted({ kind }: Pick<Told, "kind">): boolean {
  return kind === "hold" || kind === "project_hold" || kind === "undone";
}

/** What the passes before told. */
export interface ToldBefore {
  /** As it is stored. */
  readonly stored: ToldByKey;
  /** With what an earlier version showed since. */
  readonly told: ToldByKey;
  /** The newest plan that an earlier version showed since; null: none. */
  readonly byOthers: string | null;
}

/** Reads what the passes before told; an earlier version's messages count, whatever their words. */
export async function readToldBefore(q: Queryable, undone: readonly Undone[]): Promise<ToldBefore> {
  const stored: ToldByKey = new Map((await readTold(q)).map((t) => [t.key, t]));
  let told = stored;
  let byOthers: string | null = null;
  for (const { id, at, isNewest, ...of } of await readShownByOthers(q)) {
    const record = of.record as PlanRecord;
    if (isNewest) {
      const followed = follow(record, told, at);
      told = movedTo(record.id, followed, mattersOf(record));
      byOthers = id;
      continue;
    }
    const still = record.outcomes.filter((o) => isUndone(o) && findUndone(undone, o.change)?.plan === id);
    const rows = still.map(({ change }) => newTold({ key: undoneKey(change), kind: "undone", scope: null }, record.id, at));
    told = new Map([...rows.map((row) => [row.key, row] as const), ...told]);
  }
  return { stored, told, byOthers };
}

/** Compares a plan with what is told; what has grown since is news. What a read did not reach has not ended. */
export function follow(record: PlanRecord, before: ToldByKey, at: Instant): Following {
  const told = new Map(before);
  const news: Matter[] = [];
  const present = new Set<string>();
  const grown = new Set((record.grown ?? []).map((one) => one.key));
  for (const matter of mattersOf(record)) {
    const known = before.get(matter.key) ?? before.get(matter.earlierKey ?? "");
    const isKnown = known !== undefined && (known.endedAt === null || (matter.passes && at - known.endedAt < AGAIN_MS));
    if (!isKnown && isToldOfEverything(matter, before)) continue;
    const { key, kind, scope } = matter;
    if (!isKnown || grown.has(key)) news.push(matter);
    const isSame = isKnown && known.key === key && known.endedAt === null && !isCounted(matter);
    if (!isSame)
      told.set(
        key,
        isKnown ? { ...known, ...{ key, kind, scope }, tries: known.tries + 1, endedAt: null } : newTold(matter, record.id, at),
      );
    if (isKnown && known.key !== key) told.set(known.key, { ...known, endedAt: at, overPlan: known.plan });
    present.add(key).add(known?.key ?? key);
  }
  const ends = endsOf(record);
  const ended = [...before.values()].filter((t) => t.endedAt === null && !present.has(t.key) && ends(t));
  for (const t of ended) told.set(t.key, { ...t, endedAt: at });
  const isHeld = [...told.values()].some((t) => t.kind === "hold" && t.scope === scopeOf(record) && t.endedAt === null);
  const over = isHeld ? [] : ended.filter((t) => t.kind === "hold" && t.scope === scopeOf(record) && t.overPlan === null);
  return { told, news, over };
}

/** What is told once a plan's own message tells all of it. */
export function movedTo(plan: PlanId, { told, over }: Following, matters: readonly Matter[]): ToldByKey {
  const moved = new Map(told);
  for (const { key } of matters) {
    const one = moved.get(key);
    if (one !== undefined) moved.set(key, { ...one, plan });
  }
  for (const { key } of over) {
    const one = moved.get(key);
    if (one !== undefined) moved.set(key, { ...one, overPlan: plan });
  }
  return moved;
}

function newTold({ key, kind, scope }: Pick<Matter, "key" | "kind" | "scope">, plan: PlanId, at: Instant): Told {
  return { key, kind, scope, plan, since: at, tries: 1, endedAt: null, overPlan: null };
}

/** Whether a plan over everything told it: a pass over one project in between adds nothing. */
function isToldOfEverything({ kind, scope, key }: Matter, told: ToldByKey): boolean {
  if (kind !== "hold" || scope === null || scope === "fleet") return false;
  return told.get(key.replace(`hold:${scope}:`, "hold:fleet:"))?.endedAt === null;
}

/** Which of what is told and is not in a plan has ended. A partial read only ends that the other side was not read. */
function endsOf(record: PlanRecord): (told: Told) => boolean {
  const scope = scopeOf(record);
  const unread = new Set<string>(
    record.plan.holds.map((h) => h.kind).filter((kind) => kind === "desired_partial" || kind === "observed_partial"),
  );
  const isWhole = unread.size === 0;
  const isComplete = isWhole && scope === "fleet";
  const made = new Set(record.outcomes.filter((o) => o.outcome === "done" && !isUndone(o)).map((o) => undoneKey(o.change)));
  const planned = new Set(record.outcomes.map((o) => undoneKey(o.change)));
  const mayDelete = allowedBy(record.plan).deletions;
  return ({ kind, key, scope: of }) => {
    switch (kind) {
      case "hold":
        return isComplete || (of === scope && (isWhole || /:(?:desired|observed)_partial$/.test(key)));
      case "undone":
        return made.has(key) || (isComplete && !planned.has(key));
      case "proposal":
      case "not_asked":
        return isComplete && mayDelete;
      default:
        return isComplete;
    }
  };
}

/**
 * What an earlier version compares to know whether it showed a plan: with its sentences. It is kept up to date for replicas of that
 * version.
 */
export function keyOfEarlierVersion({ plan, notAsked = [] }: Pick<PlanRecord, "plan" | "notAsked">): string {
  const shown = { holds: plan.holds.map((h) => [h.kind, h.sentence]), drift: plan.drift.map((d) => d.sentence) };
  const news = notAsked.filter((n) => n.isNews);
  return digestOf(news.length === 0 ? shown : { ...shown, notAsked: news });
}
