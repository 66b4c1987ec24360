import type { Totals } from "./limits.ts";
import { BUILTIN_BYTES } from "./world/base.ts";
import type { World } from "./world/world.ts";

const GIB = 1_073_741_824;

interface Counted {
  readonly version: number;
  readonly at: number;
  readonly accounts: ReadonlyMap<string, Totals>;
  readonly domains: ReadonlyMap<string, Totals>;
}

const remembered = new WeakMap<World, Counted>();
const NOTHING: Totals = {};

/** What an account holds. */
export function accountTotals(world: World, accountId: string): Totals {
  return published(world).accounts.get(accountId) ?? NOTHING;
}

/** What a domain and everything below it holds. */
export function domainTotals(world: World, domainId: string): Totals {
  return published(world).domains.get(domainId) ?? NOTHING;
}

const lagging = new WeakMap<World, Counted>();

/** What answers show: the count as it is now, or an earlier one that is kept for a while. */
function published(world: World): Counted {
  const { now, lagMs, stale } = world.totalsPace;
  const kept = lagging.get(world);
  if (kept !== undefined && (stale || now < kept.at + lagMs)) return kept;
  const fresh = { ...count(world), at: now };
  lagging.set(world, fresh);
  return fresh;
}

/** Running and stopped machines of an account. */
export function machineCounts(world: World, accountId: string, domainId: string): { running: number; stopped: number } {
  const machines = world.machines.group(domainId).filter((m) => m.accountId === accountId);
  return {
    running: machines.filter((m) => m.state === "Running").length,
    stopped: machines.filter((m) => m.state === "Stopped").length,
  };
}

function count(world: World): Counted {
  const known = remembered.get(world);
  if (known?.version === world.version) return known;
  const accounts = new Map<string, Totals>();
  const domains = new Map<string, Totals>();
  const add = (row: { accountId: string; domainId: string }, type: number, amount: number): void => {
    bump(accounts, row.accountId, type, amount);
    for (let id = row.domainId; id !== ""; id = world.domains.find(id)?.parentId ?? "") bump(domains, id, type, amount);
  };
  for (const machine of world.machines.all()) {
    const counts = machine.state === "Running" || (machine.state === "Stopped" && !world.totalsPace.runningOnly);
    if (!counts || machine.hidden === true) continue;
    add(machine, 0, 1);
    add(machine, 8, 1);
    add(machine, 9, 512);
  }
  for (const volume of world.volumes.all()) {
    if (volume.state === "Destroy" || volume.hidden === true) continue;
    add(volume, 2, 1);
    add(volume, 10, Math.round(volume.size / GIB));
  }
  for (const snapshot of world.snapshots.all()) add(snapshot, 3, 1);
  for (const template of world.templates.all()) {
    add(template, 4, 1);
    add(template, 11, (template.size ?? BUILTIN_BYTES) / GIB);
  }
  for (const network of world.networks.all()) if (network.layer2 !== true) add(network, 6, 1);
  for (const address of world.addresses.all()) if (address.accountId !== "") add(address, 1, 1);
  for (const vpc of world.vpcs.all()) add(vpc, 7, 1);
  for (const project of world.projects.all()) add({ accountId: project.ownerId, domainId: project.domainId }, 5, 1);
  const counted = { version: world.version, at: 0, accounts, domains };
  remembered.set(world, counted);
  return counted;
}

function bump(totals: Map<string, Totals>, key: string, type: number, amount: number): void {
  const row = totals.get(key) ?? {};
  row[type] = (row[type] ?? 0) + amount;
  totals.set(key, row);
}
