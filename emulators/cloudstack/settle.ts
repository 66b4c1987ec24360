import { callerOf, type Surroundings } from "./dispatch.ts";
import { endJob } from "./jobs.ts";
import { Params } from "./params.ts";
import { lookUpCommand } from "./registry.ts";
import type { Job } from "./world/rows.ts";
import { runTasks } from "./world/tasks.ts";

/** Brings the world up to the clock: ends the jobs that are due, in order, and runs the periodic tasks. */
export function settle(around: Surroundings): void {
  const { world, settings } = around;
  const now = settings.now();
  const due = world.jobs.group("running").filter((job) => job.dueAt <= now);
  for (const job of due.sort((a, b) => a.dueAt - b.dueAt || a.num - b.num)) end(around, job);
  runTasks({ world, settings, now, machinesStuck: around.machinesStuck });
}

function end(around: Surroundings, job: Job): void {
  const command = lookUpCommand(job.command);
  if (command?.job === undefined) return;
  const call = {
    ...around,
    command: command.name,
    now: Math.min(job.dueAt, around.settings.now()),
    caller: callerOf(around.world, job.userId),
    params: new Params(job.params),
  };
  endJob(call, command, command.job, job);
}
