import { DAY_MS } from "../../core/units.ts";
import { fail, type Failure } from "../../core/failure.ts";
import type { Instant } from "../../core/ids.ts";
import { ok, type Result } from "../../core/result.ts";
import type { SavedCopy } from "../../store/reimport-sources.ts";

const SHAPE = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(:\d\d(?:\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * Parses the point in time of a re-import: a day, which means its end, or an instant; without a zone they are UTC.
 *
 * Units: UTC epoch milliseconds. Errors: `invalid` for what is not a time, for a day that the calendar does not have, and for the future.
 */
export function parseReimportPoint(text: string, now: Instant): Result<Instant, Failure> {
  const remedy = "Write 2026-07-01, or 2026-07-01T12:30Z (UTC without a zone).";
  const wrong = (what: string) => fail("invalid", "restore.from", `--from ${text} ${what}`, { remedy });
  const parts = SHAPE.exec(text);
  if (parts === null) return wrong("is not a date or a time");
  const [, day = "", minutes, seconds = "", zone = "Z"] = parts;
  const start = Date.parse(`${day}T00:00:00Z`);
  // A 30th of February would become a day in March.
  if (Number.isNaN(start) || new Date(start).toISOString().slice(0, 10) !== day) return wrong("is not a day in the calendar");
  const at = minutes === undefined ? start + DAY_MS - 1 : Date.parse(`${day}T${minutes}${seconds}${zone}`);
  if (Number.isNaN(at)) return wrong("is not a time of day");
  if ((minutes === undefined ? start : at) > now) return wrong("is in the future: nothing can have been saved by then");
  return ok(at as Instant);
}

/**
 * Chooses of each thing the newest copy that was saved by `until`. Pure.
 *
 * Shape: what a re-import made is the same thing as what it was made from, so nothing comes back twice; sorted by kind, name and id.
 */
export function chooseCopies(copies: readonly SavedCopy[], until: Instant): readonly SavedCopy[] {
  const madeFrom = new Map(copies.flatMap((c) => (c.madeFrom === null ? [] : [[c.itemId, c.madeFrom] as const])));
  const newest = new Map<string, SavedCopy>();
  for (const copy of copies) {
    if (copy.savedAt > until) continue;
    const thing = `${copy.kind} ${originOf(copy.itemId, madeFrom)}`;
    const known = newest.get(thing);
    if (known === undefined || isNewer(copy, known)) newest.set(thing, copy);
  }
  const keyOf = (copy: SavedCopy) => `${copy.kind} ${copy.name} ${copy.itemId}`;
  return [...newest.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function originOf(itemId: string, madeFrom: ReadonlyMap<string, string>): string {
  const seen = new Set<string>();
  let id = itemId;
  for (let from = madeFrom.get(id); from !== undefined && !seen.has(from); from = madeFrom.get(id)) {
    seen.add(from);
    id = from;
  }
  return id;
}

function isNewer(a: SavedCopy, b: SavedCopy): boolean {
  return a.savedSeq === b.savedSeq ? a.entryId > b.entryId : a.savedSeq > b.savedSeq;
}
