/** Drops what is old in Twokey's own database. */
import { readClocks } from "../approvals/clocks.ts";
import type { Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import { DAY_MS } from "../core/units.ts";
import { dropOldPlans, forgetOldMessages } from "../store/old-rows.ts";
import type { Parts } from "./parts.ts";

/** Messages are kept for a month at least: what ended lately may still be shown again. Units: milliseconds. */
const MESSAGES_KEPT_MS = 30 * DAY_MS;
/** A database of before has months of plans: the rest of them goes at the next time. */
const BATCHES_MAX = 100;

/**
 * Drops unchanged plans and the messages of what ended, in batches. Errors: `unavailable` `deletion.clock`: with a clock that jumped ahead
 * everything would be old.
 */
export async function dropOld(
  p: Pick<Parts, "db" | "config" | "events"> & { readonly clocks: Parameters<typeof readClocks>[0] },
): Promise<Result<unknown, Failure>> {
  const clocks = await readClocks(p.clocks);
  if (!clocks.ok) return clocks;
  const now = clocks.value.earliest;
  const { keepMs } = p.config.sync;
  const plans = await inBatches(() => dropOldPlans(p.db, now - keepMs));
  const messages = await inBatches(() => forgetOldMessages(p.db, now - Math.max(keepMs, MESSAGES_KEPT_MS)));
  if (plans + messages > 0) p.events.info("store.old_rows", { plans, messages });
  return ok(undefined);
}

async function inBatches(drop: () => Promise<number>): Promise<number> {
  let all = 0;
  for (let n = 0; n < BATCHES_MAX; n += 1) {
    const dropped = await drop();
    all += dropped;
    if (dropped === 0) break;
  }
  return all;
}
