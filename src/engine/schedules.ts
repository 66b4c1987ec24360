/**
 * What runs regularly, once for each firing over all replicas: each asks the database at the next moment of any schedule, in one statement
 * for all, which firings are its own. Nothing of it is DBOS's: there a firing costs twenty statements and a row for a day.
 */
import type { Database } from "../store/db.ts";
import { claimFirings, endFiring, type Firing } from "../store/schedule-firings.ts";
import type { EngineEvent } from "./event.ts";
import { LIFE_CLASS } from "./liveness.ts";

/** One schedule. Units: `everyMs` is a period of `periodMs`; `at` is the firing's UTC epoch milliseconds. */
export interface Schedule {
  readonly name: string;
  readonly everyMs: number;
  /** Runs it; false: it could not be done now and is to be tried again, or this process stops. */
  readonly run: (at: number) => Promise<boolean>;
}

/** So often at most a firing is begun: again after its process died, or the database was away. */
const TRIES_MAX = 5;
/** After the moment itself, so that no clock's rounding makes it the one before. Units: milliseconds. */
const AFTER_MS = 20;
/** When the database does not say what time it is. Units: milliseconds. */
const BLIND_MS = 1_000;

/** Begins with the first moment of any of them; `end` claims nothing more, and waits for no run. */
export function beginSchedules(
  schedules: readonly Schedule[],
  o: { readonly db: Database; readonly executorId: string; readonly onEvent: (event: EngineEvent) => void },
): { end(): void } {
  const running = new Set<string>();
  const self = { executorId: o.executorId, lifeClass: LIFE_CLASS, triesMax: TRIES_MAX };
  let [isOver, timer]: [boolean, NodeJS.Timeout | null] = [false, null];
  // The server's time when this process began: it makes up for no moment before.
  let since: number | null = null;

  async function runOne(schedule: Schedule, firing: Firing): Promise<void> {
    const { name, at, tries: count, wasRunBy: from } = firing;
    if (from !== null && from !== o.executorId)
      o.onEvent({ kind: "taken_over", run: `${name} ${at}`, workflow: `schedule.${name}`, from, count });
    // It stays this process's, and so is begun again, when it could not be done or its end cannot be recorded.
    if (await schedule.run(at)) await endFiring(o.db, name, o.executorId).catch(warn);
    running.delete(name);
  }

  function warn(error: unknown): void {
    if (!isOver) o.onEvent({ kind: "warning", text: `schedules: ${error instanceof Error ? error.message : String(error)}` });
  }

  /** Gives how long to wait for the next moment. Units: milliseconds. */
  async function claim(): Promise<number> {
    const wanted = schedules.filter((s) => !running.has(s.name));
    const { now, firings } = await claimFirings(o.db, wanted, { ...self, since });
    since ??= now;
    for (const firing of firings) {
      const schedule = schedules.find((s) => s.name === firing.name);
      if (schedule === undefined) continue;
      running.add(firing.name);
      void runOne(schedule, firing);
    }
    return Math.min(...schedules.map((s) => s.everyMs - (now % s.everyMs))) + AFTER_MS;
  }

  function wait(ms: number): void {
    if (isOver) return;
    timer = setTimeout(() => {
      void claim()
        .catch((error: unknown) => {
          warn(error);
          return BLIND_MS;
        })
        .then(wait);
    }, ms);
  }

  if (schedules.length > 0) wait(0);
  return {
    end() {
      isOver = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}
