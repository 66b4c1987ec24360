import type { Call } from "./command.ts";
import type { World } from "./world/world.ts";

interface Remembered {
  version: number;
  readonly lists: Map<string, readonly unknown[]>;
}

const PAGING = new Set(["page", "pagesize", "signature", "expires", "apikey", "signatureversion", "response", "details"]);
const known = new WeakMap<World, Remembered>();

/** The rows of a long list, worked out once for all its pages: kept until the world changes, for the same caller and parameters. */
export function rememberRows<T>(call: Call, compute: () => readonly T[]): readonly T[] {
  const { world } = call;
  const kept = known.get(world);
  const memory = kept?.version === world.version ? kept : { version: world.version, lists: new Map<string, readonly unknown[]>() };
  known.set(world, memory);
  const asked = Object.entries(call.params.values)
    .filter(([name]) => !PAGING.has(name))
    .sort();
  const key = JSON.stringify([call.command, call.caller.account.id, asked]);
  const found = memory.lists.get(key);
  if (found !== undefined) return found as readonly T[];
  const rows = compute();
  memory.lists.set(key, rows);
  return rows;
}
