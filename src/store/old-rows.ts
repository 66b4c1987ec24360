/** What is dropped once it is old. Each function drops a batch, so that none holds a lock for long; where it gives 0, nothing is left. */
import { z } from "zod";
import type { Queryable } from "./db.ts";

/** How many plans at a time: what is dropped waits for passes, and passes wait for it. */
const PLANS_AT_ONCE = 500;

/**
 * Drops plans of before an instant that found nothing to change, to ask or to hold, and those of which nothing was carried out once a newer
 * one replaced them, with their passes and inputs; gives how many.
 *
 * PostgreSQL keeps the others, whatever is asked for, and the last day by its own clock (migrations 0066, 0107). Invariant: INV-10.
 */
export function dropOldPlans(q: Queryable, before: number): Promise<number> {
  return q.one(
    z.object({ n: z.number() }).transform((row) => row.n),
    "select drop_old_plans($1, $2) as n",
    [before, PLANS_AT_ONCE],
  );
}

const MESSAGES_AT_ONCE = 5_000;

/**
 * Forgets messages that were last changed before an instant and are about something that has ended; gives how many. Who clicks on such a
 * message is told that it is too old, or not the current one, and what to do instead.
 */
export function forgetOldMessages(q: Queryable, before: number): Promise<number> {
  return q.exec(
    `with message as (
       select key, at, split_part(key, ':', 1) as kind, split_part(key, ':', 2) as id from posted_message where at < $1),
     ended as (
       select key from message m where kind in ('export', 'nudge', 'template', 'template-progress')
         or kind in ('deletion', 'keep', 'settle') and exists (select from deletion d where d.id::text = m.id and d.phase in ('deleted', 'closed'))
         or kind = 'policy' and exists (select from policy_change c where c.id::text = m.id and c.state <> 'proposed')
         or kind = 'stop' and exists (select from stop_switch s where s.kind = 'resume' and s.seq::text <> m.id and s.at < $1
           and s.seq > (select seq from stop_switch o where o.seq::text = m.id))
         or kind = 'plan' and m.id is distinct from (select id::text from plan where shown order by planned_at desc limit 1)
           and not exists (select from sync_state, jsonb_array_elements(undone) u where u ->> 'plan' = m.id)
           and not exists (select from matter where plan::text = m.id and ended_at is null)
       limit $2)
     delete from posted_message using ended where posted_message.key = ended.key`,
    [before, MESSAGES_AT_ONCE],
  );
}
