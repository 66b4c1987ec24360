import { setTimeout as sleep } from "node:timers/promises";

/** What came; null: it did not come in time, and is waited for no longer. Errors: rejects as `coming` does. Units: milliseconds. */
export async function inTime<T>(coming: Promise<T>, ms: number): Promise<{ readonly came: T } | null> {
  const over = new AbortController();
  const late = sleep(ms, null, { signal: over.signal });
  late.catch(() => undefined);
  try {
    return await Promise.race([coming.then((came) => ({ came })), late]);
  } finally {
    over.abort();
  }
}

/** Runs one at a time; whoever asks meanwhile shares the one run after it. */
export function oneAtATime(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const start = (): Promise<void> => {
    next = null;
    running = run().finally(() => void (running = null));
    return running;
  };
  return () => {
    if (next !== null) return next;
    if (running === null) return start();
    next = running.then(start, start);
    return next;
  };
}
