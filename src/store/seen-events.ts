import type { Queryable } from "./db.ts";

/** Records an event and says whether it is new: Slack repeats an event that it did not hear an answer to. */
export async function recordSeenEvent(q: Queryable, key: string, at: number): Promise<boolean> {
  return (await q.exec("insert into seen_event (key, at) values ($1, $2) on conflict do nothing", [key, at])) === 1;
}

/** Forgets events older than the instant; Slack repeats for an hour at most. */
export async function forgetSeenEvents(q: Queryable, before: number): Promise<number> {
  return q.exec("delete from seen_event where at < $1", [before]);
}
