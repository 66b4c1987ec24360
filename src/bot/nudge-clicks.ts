import { replyOf, replyOfFailure, shortReply, type Reply } from "../commands/reply.ts";
import type { Failure } from "../core/failure.ts";
import type { Asker } from "../core/people.ts";
import { err } from "../core/result.ts";
import { readListed, recordNeverNudge } from "../store/nudges.ts";
import { assessMessage, forgedClick, type Click, type ClickContext } from "./click.ts";
import { nudgeKey } from "./nudges.ts";
import { bodyOf } from "./posting.ts";
import { renderNudge } from "./render/nudge.ts";
import { callSlack } from "./slack.ts";

/** Slack wants no two action ids alike in a message, so each has a number at its end. */
const MAKE = /^nudge_make_\d{1,3}$/;
const PAGE = /^nudge_page_(?:before|next)$/;
const pageShape = /^v1:(\d{1,16}):(\d{1,4})$/;
const makeShape = /^v1:(\d{1,16}):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Whether a click is on a message to owners of machines without a template. */
export function isNudgeClick(action: string): boolean {
  return action === "nudge_never" || MAKE.test(action) || PAGE.test(action);
}

/** Answers it; null: a message shows what comes of it. */
export async function answerNudgeClick(click: Click, by: Asker, c: ClickContext): Promise<Reply | null> {
  if (click.action === "nudge_never") return neverNudge(click, by, c);
  return PAGE.test(click.action) ? turnPage(click, by, c) : makeTemplate(click, by, c);
}

/** Shows other machines of the same message, in its place. */
async function turnPage(click: Click, { operator: { ciUserId } }: Asker, c: ClickContext): Promise<Reply | null> {
  const [, round = "", page = ""] = pageShape.exec(click.value) ?? [];
  const refusal = await assessNudge(click, ciUserId, round, c);
  if (refusal !== null || ciUserId === null || click.ts === null) return replyOfFailure(refusal ?? forgedClick());
  const machines = await readListed(c.db, ciUserId, Number(round));
  if (machines === null) return shortReply("This is not the newest message about templates", "The newest one has all machines.");
  const { channel, ts } = click;
  const body = { ...bodyOf(renderNudge(machines, Number(round), Number(page))), parse: "none" as const, link_names: false };
  return replyOf(await callSlack("chat.update", () => c.client.chat.update({ channel, ts, ...body })), () => null);
}

/** Somebody wants no further messages about templates: stored for that person, for good. */
async function neverNudge(click: Click, { operator: { ciUserId } }: Asker, c: ClickContext): Promise<Reply> {
  const [, round = ""] = /^v1:(\d{1,16})$/.exec(click.value) ?? [];
  const refusal = await assessNudge(click, ciUserId, round, c);
  if (refusal !== null || ciUserId === null) return replyOfFailure(refusal ?? forgedClick());
  await recordNeverNudge(c.db, ciUserId);
  return shortReply("You are not told again", "Nothing else changes: you are still told when your domain is to be deleted.");
}

/** Null: it is on this person's own message of that round, which is known for a month. */
async function assessNudge(click: Click, person: string | null, round: string, c: ClickContext): Promise<Failure | null> {
  return round === "" || person === null ? forgedClick() : assessMessage(click, nudgeKey(person, round), "nudge", c.db);
}

/** The value only says which machine: the service finds out again whose it is. Every refusal is recorded. */
async function makeTemplate(click: Click, by: Asker, c: ClickContext): Promise<Reply | null> {
  const [, round = "", machine = ""] = makeShape.exec(click.value) ?? [];
  const refusal = await assessNudge(click, by.operator.ciUserId, round, c);
  const made = refusal === null ? await c.services.templates.make(by, machine, click.channel) : err(refusal);
  if (!made.ok) await c.services.deletions.recordRefusal(by.operator.id, "nudge_make", made.error.message);
  return replyOf(made, () => null);
}
