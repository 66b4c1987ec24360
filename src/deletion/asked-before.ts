import { after } from "../core/clock.ts";
import type { Instant } from "../core/ids.ts";
import { isRefusal } from "../core/phases.ts";
import { ASK_AGAIN_MS } from "../core/votes.ts";
import { readLastClosed, type DeletionRow } from "../store/deletions.ts";
import type { DeletionContext } from "./context.ts";
import type { DeletionView } from "./view.ts";

/** From when on people are asked again about a domain whose deletion they refused, where its project is still gone; null: they did not. */
export function askedAgainAt({ phase, closed_because: because, closed_by: by, ...row }: DeletionRow): Instant | null {
  // Nobody said no to what the policy protects; it is not asked about at all.
  return phase === "closed" && isRefusal(because) && by !== null ? after(row.entered_at ?? row.opened_at, ASK_AGAIN_MS) : null;
}

/** What people said the last time they were asked about this domain, while they are asked again; null: they did not refuse. */
export async function readRefusalBefore(row: DeletionRow, { db }: Pick<DeletionContext, "db">): Promise<DeletionView["refusedBefore"]> {
  if (row.phase !== "archiving" && row.phase !== "proposed") return null;
  const last = await readLastClosed(db, row.domain_id);
  if (last === null || !isRefusal(last.closed_because) || last.closed_because === null) return null;
  return { because: last.closed_because, by: last.closed_by, reason: last.closed_reason ?? "", at: last.entered_at ?? last.opened_at };
}
