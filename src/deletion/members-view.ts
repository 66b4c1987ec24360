import type { MemberStage } from "../core/member-stages.ts";
import type { OperatorId } from "../core/ids.ts";
import { DAY_MS } from "../core/units.ts";
import { readEnteredAt, type DeletionRow } from "../store/deletions.ts";
import { readTold } from "../store/member-told.ts";
import type { DeletionContext } from "./context.ts";
import type { MembersView } from "./view.ts";

/** The last call goes out so long before the grace period ends, or in its last quarter where that is shorter. Units: milliseconds. */
const LAST_CALL_MS = 3 * DAY_MS;

/** When members are told for the last time that they can keep their domain. */
function lastCallAt({ until_at: until, policy }: Pick<DeletionRow, "until_at" | "policy">): number | null {
  return until === null ? null : until - Math.min(LAST_CALL_MS, policy.graceMs / 4);
}

/** What members are to know now; null: nothing, as before people were asked, or while it is frozen. */
export async function membersView(row: DeletionRow, c: Pick<DeletionContext, "db" | "now" | "nameOf">): Promise<MembersView | null> {
  const stage = row.proposed_at === null || isComingBack(row) ? null : stageOf(row, c.now());
  if (stage === null) return null;
  // What was never approved ends without a message of its own: the first one is changed in place.
  const isNews = row.phase !== "closed" || row.closed_because === "gone" || (await readEnteredAt(c.db, row.id, "cooling_off")) !== null;
  const told = await readTold(c.db, row.id);
  const missing = told.flatMap((t) => (t.stage === stage && t.problem !== null ? [{ member: t.member, problem: t.problem }] : []));
  const untold = await Promise.all(missing.map(async (m) => ({ ...m, member: await shownName(m.member, c) })));
  return { stage, isNews, untold };
}

/** A member as people know them: by name, or where the CI database has none, by id. */
async function shownName(member: string, c: Pick<DeletionContext, "nameOf">): Promise<string> {
  return member === "" ? "" : ((await c.nameOf?.(`ci:${member}` as OperatorId)) ?? member);
}

function stageOf(row: DeletionRow, now: number): MemberStage | null {
  switch (row.phase) {
    case "proposed":
      return "asked";
    case "cooling_off":
      return "approved";
    case "quarantining":
      return "quarantine";
    case "grace":
      return now >= (lastCallAt(row) ?? Number.POSITIVE_INFINITY) ? "last_call" : "quarantine";
    case "dismantling":
    case "expunging":
    case "removing":
      return "last_call";
    case "closed":
    case "deleted":
      return "ended";
    default:
      return null;
  }
}

/** While everything is brought back, nothing is news: the end says how it went. */
function isComingBack({ restore_by: by, phase }: DeletionRow): boolean {
  return by !== null && phase !== "closed" && phase !== "deleted";
}
