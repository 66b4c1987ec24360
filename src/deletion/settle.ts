import { readIfReadable } from "../store/deletions.ts";
import { readUnsettled, recordSettleAsked } from "../store/settle-asked.ts";
import { buildView } from "./build-view.ts";
import type { DeletionContext } from "./context.ts";

/**
 * Asks who closed a project to settle it in the CI database, once for each closing: people did not want its domain deleted, and as long as
 * it stays closed the question comes back.
 */
export async function sweepSettle(c: DeletionContext): Promise<void> {
  for (const id of await readUnsettled(c.db, c.now())) {
    const row = await readIfReadable(c.db, id);
    if (row?.evidence.kind !== "closed") continue;
    const state = await c.evidence.readProjectState(row.project_id, row.evidence);
    if (!state.ok) continue;
    const isSettled = state.value !== "closed";
    if (isSettled || (await c.announcer.askToSettle(await buildView(row, c))))
      await recordSettleAsked(c.db, row.project_id, row.evidence.closedAt, c.now());
  }
}
