import type { DeletionView } from "../deletion/view.ts";
import { readPostedMessage } from "../store/posted-messages.ts";
import { createDirects, mayPass, type MembersToldOptions } from "./members-told.ts";
import { renderSettle, settleSentence } from "./render/settle.ts";

/**
 * Asks who closed a project to settle it in the CI database, by direct message; where that is not known, or has no Slack account, the
 * team in the card's thread. False: it is not there yet, and is to be tried again.
 */
export function createSettleAsked(o: Omit<MembersToldOptions, "membersOf" | "now">): (view: DeletionView) => Promise<boolean> {
  const directOf = createDirects(o);

  async function askTeam(view: DeletionView, why: string): Promise<boolean> {
    const card = `deletion:${view.id}`;
    await o.posting.note(card, "settle", settleSentence(view, why));
    return (await readPostedMessage(o.db, `${card}:settle`)) !== null;
  }

  return async (view) => {
    const closer = view.evidence.kind === "closed" ? view.evidence.closedBy : null;
    if (closer === null) return askTeam(view, "the CI database does not say who closed it");
    const direct = await directOf(closer);
    if (!direct.ok) return mayPass(direct.error) ? false : askTeam(view, `who closed it could not be asked: ${direct.error.message}`);
    if (direct.value === null) return askTeam(view, "who closed it has no Slack account that is known");
    const key = `settle:${view.id}:${closer}`;
    const shown = await o.posting.showNow(key, direct.value, renderSettle(view));
    if (!shown.ok) return askTeam(view, `who closed it could not be asked: ${shown.error.message}`);
    return shown.value;
  };
}
