import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits for a state, not for an event: asks again and again until it holds, and fails with `tell` when the time is over. On a busy
 * machine everything comes late: by default it may take two minutes.
 */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  o: { limitMs?: number; everyMs?: number; tell?: () => string | Promise<string> } = {},
): Promise<void> {
  const limitMs = o.limitMs ?? 120_000;
  for (const end = performance.now() + limitMs; performance.now() < end; await sleep(o.everyMs ?? 10)) {
    if (await holds()) return;
  }
  throw new Error(`not within ${limitMs} ms: ${what}\n${(await o.tell?.()) ?? ""}`);
}
