import { inTime } from "../core/in-time.ts";
import type { Events } from "../events.ts";
import { BeingStopped } from "../sync/execution/cut-off.ts";

/** What a process runs outside its engine; it ends before the databases are closed. */
export interface OwnWork {
  /** Aborted when the process is stopped. */
  readonly stopping: AbortSignal;
  /** Remembers work until it has ended; gives it back. */
  track<T>(work: Promise<T>): Promise<T>;
  /** Has the work cut itself off. */
  cut(): void;
  /** Waits until it has ended. */
  ended(): Promise<void>;
}

/** A change under way is waited for so long: a supervisor waits longer. Units: milliseconds. */
const WAIT_MS = 30_000;

/** Makes what keeps the work of one process. */
export function createOwnWork(events: Events): OwnWork {
  const stop = new AbortController();
  const running = new Set<Promise<unknown>>();
  return {
    stopping: stop.signal,
    track(work) {
      running.add(work);
      const forget = (): void => void running.delete(work);
      work.then(forget, forget);
      return work;
    },
    cut: () => stop.abort(new BeingStopped()),
    async ended() {
      if ((await inTime(Promise.allSettled(running), WAIT_MS)) === null) events.warn("stop.unfinished", { works: running.size });
    },
  };
}
