import type { Settings } from "../options.ts";
import { deleteAccountWithContents, expungeMachine, removeDomain } from "./remove.ts";
import type { Domain } from "./rows.ts";
import type { World } from "./world.ts";

/** What a run of the periodic tasks needs to know. */
export interface TaskContext {
  readonly world: World;
  readonly settings: Settings;
  readonly now: number;
  readonly machinesStuck: boolean;
}

/**
 * Runs every periodic task of the server that is due: expunging, cleaning up accounts and Inactive domains, forgetting extract URLs.
 * Ticks lie at whole multiples of the interval, so the outcome depends on the clock alone and not on when requests come.
 */
export function runTasks(context: TaskContext): void {
  if (isDue(context, "expunge", context.settings.expungeIntervalMs)) expungeDestroyed(context);
  if (isDue(context, "cleanup", context.settings.accountCleanupIntervalMs)) cleanUpAccounts(context);
  if (isDue(context, "links", context.settings.extractUrlCleanupIntervalMs)) forgetLinks(context);
}

function isDue({ world, now }: TaskContext, task: string, interval: number): boolean {
  const tick = Math.floor(now / interval);
  const last = world.lastRun[task];
  if (last === undefined) {
    world.lastRun[task] = tick;
    return false;
  }
  if (tick <= last) return false;
  world.lastRun[task] = tick;
  return true;
}

function expungeDestroyed({ world, settings, now }: TaskContext): void {
  const tick = Math.floor(now / settings.expungeIntervalMs) * settings.expungeIntervalMs;
  for (const machine of world.machines.all()) {
    if (machine.state === "Expunging") expungeMachine(world, machine, now);
    if (machine.state !== "Destroyed" || machine.destroyedAt === undefined) continue;
    if (machine.destroyedAt + settings.expungeDelayMs <= tick) expungeMachine(world, machine, now);
  }
}

function cleanUpAccounts({ world, now, machinesStuck }: TaskContext): void {
  for (const account of [...world.accounts.everything()]) {
    if (account.removed !== undefined && account.needsCleanup) deleteAccountWithContents(world, account, now, machinesStuck);
  }
  const deleting = new Set(
    world.jobs
      .group("running")
      .filter((job) => job.command === "deleteDomain")
      .map((job) => job.params["id"]),
  );
  const inactive = world.domains.all().filter((domain) => domain.state === "Inactive" && !deleting.has(domain.id));
  for (const domain of inactive.sort((a, b) => b.level - a.level)) if (isEmpty(world, domain)) removeDomain(world, domain, now);
}

function isEmpty(world: World, domain: Domain): boolean {
  if (world.domains.group(domain.id).length > 0 || world.accounts.group(domain.id).length > 0) return false;
  return ![...world.accounts.everything()].some((a) => a.domainId === domain.id && a.needsCleanup);
}

function forgetLinks({ world, settings, now }: TaskContext): void {
  for (const table of [world.templates, world.volumes, world.snapshots]) {
    for (const row of table.everything()) {
      if (row.link === undefined || row.link.created + settings.extractUrlExpirationMs > now) continue;
      delete row.link;
      world.touch();
    }
  }
}
