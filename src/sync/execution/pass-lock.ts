import { failure, type Failure } from "../../core/failure.ts";
import { err, type Result } from "../../core/result.ts";
import type { Database } from "../../store/db.ts";
import { readStop } from "../../store/stop-switch.ts";

/** Why nothing may start now; null when nothing is stopped. */
export async function refusalWhileStopped(db: Database): Promise<Failure | null> {
  const stop = await readStop(db);
  const remedy = "/ci-resume takes two people.";
  return stop.stopped ? failure("refused", "sync.stopped", `Everything is stopped: ${stop.reason}`, { remedy }) : null;
}

/** Runs a pass or a rebuild, one at a time. Errors: `refused` when another one is still running after `waitMs`. */
export async function withPassLock<T>(
  db: Database,
  waitMs: number,
  run: (signal: AbortSignal) => Promise<Result<T, Failure>>,
): Promise<Result<T, Failure>> {
  const held = await db.withAdvisoryLock("twokey.pass", { waitMs }, run);
  if (held.held) return held.value;
  const remedy = "Try again when it has ended: the channel shows its plan.";
  return err(failure("refused", "sync.running", "A pass is already running", { remedy }));
}
