import type { Inventory } from "../core/inventory.ts";
import { listed } from "../core/shown-text.ts";

/** How a domain's contents changed between two inventories, each thing by kind and name. */
export interface Difference {
  readonly gone: readonly string[];
  readonly appeared: readonly string[];
  /** With the state before and after. */
  readonly changed: readonly string[];
}

/** How many things a line of the thread names. */
const NAMED_MAX = 5;

/** What differs between two inventories of a domain; null when nothing does. */
export function differenceOf(before: Inventory, now: Inventory): Difference | null {
  const keyOf = (i: Inventory["items"][number]) => `${i.kind} ${i.id}`;
  const was = new Map(before.items.map((i) => [keyOf(i), i]));
  const is = new Set(now.items.map(keyOf));
  const named = (i: Inventory["items"][number]) => `${i.kind.replaceAll("_", " ")} ${i.name}`;
  const gone = before.items.filter((i) => !is.has(keyOf(i))).map(named);
  const appeared = now.items.filter((i) => !was.has(keyOf(i))).map(named);
  const changed = now.items.flatMap((i) => {
    const old = was.get(keyOf(i));
    return old === undefined || old.state === i.state ? [] : [`${named(i)}: ${old.state} → ${i.state}`];
  });
  return gone.length + appeared.length + changed.length === 0 ? null : { gone, appeared, changed };
}

/** One sentence for a difference, naming a few things of each list. */
export function describeDifference(d: Difference): string {
  const few = (what: string, names: readonly string[]): readonly string[] =>
    names.length === 0 ? [] : [`${what} ${listed(names, NAMED_MAX)}`];
  return [...few("gone:", d.gone), ...few("new:", d.appeared), ...few("changed:", d.changed)].join("; ");
}
