/** Two runs of the same (name, id) never overlap, also where a kind has a queue for its long runs: DBOS excludes within one queue only. */
import type { DBOSClient } from "@dbos-inc/dbos-sdk";
import type { Database } from "../store/db.ts";
import { readPlaceOf } from "../store/waiting-work.ts";
import { hasTwoQueues, longQueueOf, queuesOf } from "./queues.ts";
import type { Turn } from "./runs.ts";
import { enqueueRun } from "./schema.ts";

/**
 * When a run that met another one is tried again. A long one soon: what it met is short. What is urgent does not wait for the short one: a
 * long one looks every few seconds whether people decided something, and then does itself what follows. Units: milliseconds.
 */
const AGAIN_MS = { short: 10_000, long: 1_000 } as const;

/**
 * Whether a run that has begun may go on, and in which of the two queues of its kind it is; it is put back when one of the other runs.
 *
 * Each of two that begin at once has been marked as running before it asks, so at least one of them is put back. Invariant: INV-5.
 */
export async function takeTurn(
  { client, db }: { readonly client: DBOSClient; readonly db: Database },
  name: string,
  id: string,
  run: string,
): Promise<Turn> {
  if (!hasTwoQueues(name)) return "short";
  const place = await readPlaceOf(db, run, [...queuesOf(name), longQueueOf(name)]);
  // Its row is gone only if it was deleted by hand: then DBOS records nothing of it either.
  if (place === null) return "busy";
  const turn = place.queue === longQueueOf(name) ? "long" : "short";
  if (place.isAlone) return turn;
  await enqueueRun(client, db, name, id, { isLong: turn === "long", delayMs: AGAIN_MS[turn] });
  return "busy";
}
