import { replyOf, replyOfFailure, shortReply, type Reply } from "../commands/reply.ts";
import { teamOnly, type Asker } from "../core/people.ts";
import type { AdoptionService } from "../sync/adoption/service.ts";
import { forgedClick, openModal, parseCardClick, parseCardValue, type Answer, type Click, type ClickContext } from "./click.ts";
import { adoptionReasonModal } from "./render/modals.ts";

/** Answers a click on the card of a table of adoption. */
export async function answerAdoptionClick(click: Click, by: Asker, c: ClickContext): Promise<Answer> {
  const { adoption } = c.services;
  const parsed = await parseCardClick(click, "adoption", c);
  if (!parsed.ok) {
    await adoption.recordRefusal(by, click.action, parsed.error);
    return replyOfFailure(parsed.error);
  }
  if (click.action === "adoption_reject") {
    if (by.isTeam) return openModal(click, adoptionReasonModal(`${click.value} ${c.channel}`), c);
    const refusal = teamOnly("reject a table of adoption");
    await adoption.recordRefusal(by, click.action, refusal);
    return replyOfFailure(refusal);
  }
  return replyOf(await adoption.approve({ ...parsed.value, by }), ({ applied }) =>
    applied
      ? shortReply("It is done", "Nothing in CloudStack was changed by it; the next plan shows what differs.")
      : shortReply("Your approval is recorded", "At least one more is needed."),
  );
}

/** Records the reason that was typed into the window of a rejection. */
export async function answerAdoptionWindow(
  remembered: string,
  typed: (block: string) => string,
  by: Asker,
  adoption: AdoptionService,
): Promise<Reply | null> {
  const value = parseCardValue(remembered.split(" ")[0] ?? "");
  if (value === null) return replyOfFailure(forgedClick());
  return replyOf(await adoption.reject({ ...value, by, reason: typed("reason") }), () => null);
}
