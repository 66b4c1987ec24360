import { recordAct } from "../approvals/act.ts";
import type { Failure } from "../core/failure.ts";
import type { Operator } from "../core/people.ts";
import { ok, type Result } from "../core/result.ts";
import { readLiveDeletions, readUnreadable, type DeletionHead, type DeletionRow } from "../store/deletions.ts";
import { auditOf, endDeletion, lockDeletion, unknownDeletion, unreadableDeletion } from "./act.ts";
import type { DeletionContext } from "./context.ts";
import { requestRestore } from "./service.ts";

/** What it takes without Slack, CloudStack and the CI database: the bot that runs does the rest, and shows it. */
type TerminalContext = Pick<DeletionContext, "db" | "now">;

/**
 * Cancel or Restore from a terminal, whichever its phase allows. Nobody approves there: who types is not known to be one of the team.
 *
 * Errors: `refused` when none is live under this short name, path or id, or its phase allows neither.
 */
export async function giveBackFromTerminal(
  named: string,
  by: Operator,
  c: TerminalContext,
): Promise<Result<{ readonly row: DeletionRow; readonly isCancelled: boolean }, Failure>> {
  const isNamed = (row: DeletionHead) => [row.slug, row.path, row.id, row.domain_id].some((name) => name === named);
  const found = (await readLiveDeletions(c.db)).find(isNamed);
  const bad = found === undefined ? (await readUnreadable(c.db)).find(isNamed) : undefined;
  return recordAct({ kind: "deletion.restore", subject: found?.id ?? named, by: by.id }, c, async (q) => {
    if (bad !== undefined) return { ok: false, error: unreadableDeletion(bad) };
    if (found === undefined) return { ok: false, error: { ...unknownDeletion(), remedy: "npx twokey deletions lists the live ones." } };
    const locked = await lockDeletion(q, found.id);
    if (!locked.ok) return locked;
    const row = locked.value;
    const isCancelled = row.phase === "cooling_off";
    const asker = { operator: by, isTeam: true };
    const done = isCancelled
      ? await endDeletion(row, q, "cancelled", asker, "cancelled in the cool-off", c)
      : await requestRestore(row, q, "restored", asker, c);
    if (!done.ok) return done;
    return ok({ value: { row, isCancelled }, data: auditOf(row) });
  });
}
