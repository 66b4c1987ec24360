import { setTimeout as sleep } from "node:timers/promises";
import { DBOS } from "@dbos-inc/dbos-sdk";
import { isRetryable } from "./adapter.ts";
import type { EngineEvent } from "./event.ts";

/** A piece of work's function. */
export type Run = (id: string, signal: AbortSignal) => Promise<void>;

/** The runs that are under way in this process. */
export interface Runs {
  /** Registers a function with DBOS under a workflow's name. */
  register(workflow: string, name: string, run: Run): void;
  /** Lets runs begin; before, DBOS may hand them out, but whatever they ask of the engine would find it half-made. */
  begin(): void;
  /** Aborts the signal of every run and waits until they have ended, at most `waitMs`. */
  end(waitMs: number): Promise<void>;
}

/** A database that is away for a quarter of an hour fails no run; after that the sweep over due rows begins it anew. */
const RETRIES = { retriesAllowed: true, maxAttempts: 11, intervalSeconds: 0.5, backoffRate: 2, shouldRetry: isRetryable };

/** Makes an empty set of runs. */
export function createRuns(onEvent: (event: EngineEvent) => void): Runs {
  const stopping = new AbortController();
  let active = 0;
  let tellDrained = (): void => undefined;
  const drained = new Promise<void>((resolve) => {
    tellDrained = resolve;
  });

  let tellBegun = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    tellBegun = resolve;
  });

  async function guarded(name: string, id: string, run: Run): Promise<void> {
    await begun;
    // What DBOS hands out while this process leaves is for others to do.
    if (stopping.signal.aborted) return parkForEver();
    active++;
    try {
      await run(id, stopping.signal);
    } catch (error) {
      // An interrupted run must not be recorded as failed: it stays as it is until another process takes it over.
      if (stopping.signal.aborted) return parkForEver();
      onEvent({ kind: isRetryable(error) ? "run_retried" : "run_failed", name, id, error });
      throw error;
    } finally {
      active--;
      if (active === 0 && stopping.signal.aborted) tellDrained();
    }
  }

  return {
    register(workflow, name, run) {
      DBOS.registerWorkflow(
        async (input: string | Date) => {
          const id = input instanceof Date ? String(input.getTime()) : input;
          await DBOS.runStep(() => guarded(name, id, run), { name: "run", ...RETRIES });
        },
        { name: workflow },
      );
    },
    begin() {
      tellBegun();
    },
    async end(waitMs) {
      stopping.abort();
      if (active > 0) await Promise.race([drained, sleep(waitMs, undefined, { ref: false })]);
    },
  };
}

function parkForEver(): Promise<void> {
  return new Promise(() => undefined);
}
