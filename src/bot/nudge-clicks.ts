import { replyOf, replyOfFailure, shortReply, type Reply } from "../commands/reply.ts";
import type { Failure } from "../core/failure.ts";
import type { CiUserId } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import { err } from "../core/result.ts";
import { recordNeverNudge } from "../store/nudges.ts";
import { readPostedMessage } from "../store/posted-messages.ts";
import { assessMessage, forgedClick, oldClick, type Click, type ClickContext } from "./click.ts";
import { nudgeKey } from "./nudges.ts";

/** Slack wants no two action ids alike in a message, so each has a number at its end. */
const MAKE = /^nudge_make_\d{1,3}$/;
const makeShape = /^v1:(\d{1,16}):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Whether a click is on a message to owners of machines without a template. */
export function isNudgeClick(action: string): boolean {
  return action === "nudge_never" || MAKE.test(action);
}

/** Answers it; null: a message shows what comes of it. */
export async function answerNudgeClick(click: Click, by: Asker, c: ClickContext): Promise<Reply | null> {
  return click.action === "nudge_never" ? neverNudge(click, by, c) : makeTemplate(click, by, c);
}

/** Somebody wants no more messages about templates: stored for that person, for good. */
async function neverNudge(click: Click, { operator: { ciUserId } }: Asker, c: ClickContext): Promise<Reply> {
  const [, round = ""] = /^v1:(\d{1,16})$/.exec(click.value) ?? [];
  const refusal = await assessPlace(click, ciUserId, round, c);
  if (ciUserId === null || refusal !== null) return replyOfFailure(refusal ?? forgedClick());
  await recordNeverNudge(c.db, ciUserId);
  return shortReply("You are not told again", "Nothing else changes: you are still told when your domain is to be deleted.");
}

/** Null: it comes from the very message that this person got in that round. */
async function assessPlace(click: Click, ciUserId: CiUserId | null, round: string, c: ClickContext): Promise<Failure | null> {
  if (ciUserId === null || round === "") return forgedClick();
  const key = nudgeKey(ciUserId, round);
  if ((await assessMessage(click, key, "message", c.db)) === null) return null;
  return (await readPostedMessage(c.db, key)) === null ? oldClick("Use the newest message; one comes at most once a week.") : forgedClick();
}

/** The value only says which machine: the service finds out anew whose it is. Every refusal is recorded. */
async function makeTemplate(click: Click, by: Asker, c: ClickContext): Promise<Reply | null> {
  const [, round = "", machine = ""] = makeShape.exec(click.value) ?? [];
  const { ciUserId } = by.operator;
  const refusal = machine === "" ? forgedClick() : await assessPlace(click, ciUserId, round, c);
  const made = refusal === null ? await c.services.templates.make(by, machine, click.channel) : err(refusal);
  if (!made.ok) await c.services.deletions.recordRefusal(by.operator.id, "nudge_make", made.error.message);
  return replyOf(made, () => null);
}
