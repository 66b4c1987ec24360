import { replyOf, replyOfFailure, shortReply, type Reply } from "../commands/reply.ts";
import type { Failure } from "../core/failure.ts";
import { teamOnly, type Asker } from "../core/people.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { AdoptionService } from "../sync/adoption/service.ts";
import { assessMessage, forgedClick, openModal, type Answer, type Click, type ClickContext } from "./click.ts";
import { adoptionReasonModal } from "./render/modals.ts";

const valueShape = /^v1:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9a-f]{64})$/;

/** Answers a click on the card of a table of adoption. */
export async function answerAdoptionClick(click: Click, by: Asker, c: ClickContext): Promise<Answer> {
  const { adoption } = c.services;
  const parsed = await parseAdoptionClick(click, c);
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
  const [, id = "", digest = ""] = valueShape.exec(remembered.split(" ")[0] ?? "") ?? [];
  if (id === "") return replyOfFailure(forgedClick());
  return replyOf(await adoption.reject({ id, digest, by, reason: typed("reason") }), () => null);
}

/** A click must carry a value of ours and come from the very message that we posted for that table. */
async function parseAdoptionClick(
  click: Click,
  c: ClickContext,
): Promise<Result<{ readonly id: string; readonly digest: string }, Failure>> {
  const [, id = "", digest = ""] = valueShape.exec(click.value) ?? [];
  if (id === "" || !["adoption_approve", "adoption_reject"].includes(click.action)) return err(forgedClick());
  const refusal = await assessMessage(click, `adoption:${id}`, "table", c.db);
  return refusal === null ? ok({ id, digest }) : err(refusal);
}
