import { DAY_MS } from "../core/units.ts";
import type { Queryable } from "./db.ts";

/** Slack repeats an event for an hour at most. Units: milliseconds. */
const KEPT_MS = DAY_MS;

/** Records an event and says whether it is new: Slack repeats an event that was not acknowledged. Old ones are deleted. */
export async function recordSeenEvent(q: Queryable, key: string, at: number): Promise<boolean> {
  const sql = `with deleted as (
      delete from seen_event where key in (select key from seen_event where at < $3 limit 1000 for update skip locked))
    insert into seen_event (key, at) values ($1, $2) on conflict do nothing`;
  return (await q.exec(sql, [key, at, at - KEPT_MS])) === 1;
}
