import { setTimeout as sleep } from "node:timers/promises";
import { DBOS } from "@dbos-inc/dbos-sdk";
import { StoreError } from "../store/store-error.ts";
import type { EngineEvent } from "./event.ts";

/** The function of one kind of work; `isLong`: in the queue for long runs. */
export type Run = (id: string, signal: AbortSignal, isLong?: boolean) => Promise<void>;

/**
 * In which queue a run of a kind with two queues is. `busy`: one of the same (name, id) runs in the other, and this one was put back into its
 * queue for later.
 */
export type Turn = "short" | "long" | "busy";

/** The active runs of this process. */
export interface Runs {
  /** Registers a function with DBOS under a workflow's name. */
  register(workflow: string, name: string, run: Run): void;
  /** Runs a function outside of DBOS; false: it is to be tried again, or this process stops. A failure is reported. */
  once(name: string, id: string, run: () => Promise<void>): Promise<boolean>;
  /** Lets runs begin, each by its turn. DBOS may dispatch them earlier, while the engine is not complete. */
  begin(turnOf: (name: string, id: string, run: string) => Promise<Turn>): void;
  /** Aborts the signal of every run and waits until they have ended, at most `waitMs`. */
  end(waitMs: number): Promise<void>;
}

/** Retries for a quarter of an hour without the database; after that the sweep over due rows starts the run again. */
const RETRIES = { retriesAllowed: true, maxAttempts: 11, intervalSeconds: 0.5, backoffRate: 2, shouldRetry: isRetryable };

/** A failure that passes by itself: the database is not available, or two transactions collided. */
function isRetryable(error: unknown): boolean {
  return error instanceof StoreError && (error.kind === "unavailable" || error.kind === "conflict");
}

/** Makes an empty set of runs. */
export function createRuns(onEvent: (event: EngineEvent) => void): Runs {
  const stopping = new AbortController();
  const begun = createLatch();
  const drained = createLatch();
  let active = 0;
  let turnOf: Parameters<Runs["begin"]>[0] = async () => "busy";

  async function runUntilStopped(name: string, id: string, run: Run): Promise<void> {
    await begun.opened;
    // Runs that DBOS dispatches while this process stops are for other replicas.
    if (stopping.signal.aborted) return neverEnding();
    active++;
    try {
      await run(id, stopping.signal);
    } catch (error) {
      // An interrupted run must not be recorded as failed: it stays pending until another process takes it over.
      if (stopping.signal.aborted) return neverEnding();
      onEvent({ kind: isRetryable(error) ? "run_retried" : "run_failed", name, id, error });
      throw error;
    } finally {
      active--;
      if (active === 0 && stopping.signal.aborted) drained.open();
    }
  }

  return {
    register(workflow, name, run) {
      DBOS.registerWorkflow(
        async (input: string | Date) => {
          const id = input instanceof Date ? String(input.getTime()) : input;
          const workflowId = DBOS.workflowID ?? "";
          const inTurn: Run = async (_, signal) => {
            const turn = await turnOf(name, id, workflowId);
            if (turn !== "busy") await run(id, signal, turn === "long");
          };
          await DBOS.runStep(() => runUntilStopped(name, id, inTurn), { name: "run", ...RETRIES });
        },
        { name: workflow },
      );
    },
    async once(name, id, run) {
      try {
        await runUntilStopped(name, id, run);
        return true;
      } catch (error) {
        return !isRetryable(error);
      }
    },
    begin(turns) {
      turnOf = turns;
      begun.open();
    },
    async end(waitMs) {
      stopping.abort();
      if (active > 0) await Promise.race([drained.opened, sleep(waitMs, undefined, { ref: false })]);
    },
  };
}

function createLatch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

function neverEnding(): Promise<void> {
  return new Promise(() => undefined);
}
