import type { Inventory, InventoryItem } from "../core/inventory.ts";

type Items = Pick<Inventory, "items">;

/**
 * One sentence on how a domain that was given back differs from what people approved: each thing by name, and why where it is known.
 *
 * `ran`: machines that had run, by id; `refused`: why a thing could not be given back, by its id. Left out is what changes by itself:
 * states of networks and disks, and the source NAT addresses that CloudStack takes and releases with a network.
 */
export function notAsApproved(before: Items, after: Items, ran: ReadonlySet<string>, refused: ReadonlyMap<string, string>): string {
  const [approved, found] = [lasting(before), lasting(after)];
  const is = new Map(found.map((i) => [keyOf(i), i]));
  const was = new Set(approved.map(keyOf));
  const names = new Map(approved.map((i) => [i.id, i.name]));
  const lost = approved.flatMap((item) => {
    const what = lossOf(item, is.get(keyOf(item)), ran.has(item.id), names);
    const why = refused.get(item.id);
    return what === null ? [] : [why === undefined ? what : `${what} (${why})`];
  });
  const made = found.filter((i) => !was.has(keyOf(i))).map(nameOf);
  const end = lost.length === 0 ? "everything is back as it was" : `could not be brought back: ${lost.join("; ")}`;
  return made.length === 0 ? end : `${end}; new since the approval: ${made.join(", ")}`;
}

function lossOf(was: InventoryItem, is: InventoryItem | undefined, ran: boolean, names: ReadonlyMap<string, string>): string | null {
  if (is === undefined) return `${nameOf(was)} is gone`;
  if (was.kind === "account" && is.state !== was.state) return `${nameOf(was)} is ${is.state}, and was ${was.state}`;
  const wanted = ran ? "Running" : was.state;
  if (was.kind === "machine" && settled(is.state) !== settled(wanted)) return `${nameOf(was)} is ${is.state}, and was ${wanted}`;
  if (was.kind === "volume" && is.parentId !== was.parentId)
    return was.parentId === null
      ? `${nameOf(was)} is attached to a machine, and was not`
      : `${nameOf(was)} is not on ${names.get(was.parentId) ?? "its machine"}`;
  return null;
}

/** A machine's state once what it is about to do is done. */
function settled(state: string): string {
  return { Starting: "Running", Migrating: "Running", Stopping: "Stopped" }[state] ?? state;
}

function lasting({ items }: Items): readonly InventoryItem[] {
  return items.filter((i) => i.facts["isSourceNat"] !== true);
}

function keyOf(i: InventoryItem): string {
  return `${i.kind} ${i.id}`;
}

function nameOf(i: InventoryItem): string {
  return `${i.kind.replaceAll("_", " ")} ${i.name}`;
}
