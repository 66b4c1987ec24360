import type { WebClient } from "@slack/web-api";
import type { Events } from "../events.ts";
import type { Database } from "../store/db.ts";
import type { State } from "../store/notices.ts";
import { readPostedMessage } from "../store/posted-messages.ts";
import type { ApproverList } from "./identity.ts";
import { groupId } from "./members.ts";
import type { Posting } from "./posting.ts";
import { mrkdwn, type Mrkdwn } from "./render/blocks.ts";
import { mentionOf, noticeText } from "./render/notice.ts";
import { callSlack, isPassing } from "./slack.ts";

/** Calls people in Slack. Implemented by the bot. */
export interface NoticeAnnouncer {
  /** Mentions them below the message that shows it; false: that message is not there, or Slack did not take it, now. */
  mention(state: State): Promise<boolean>;
  /** The address of the message that shows it; null: there is none, or Slack does not say. */
  linkOf(state: State): Promise<string | null>;
}

/** What the announcer needs. */
export interface NoticeOptions {
  readonly posting: Pick<Posting, "say">;
  readonly client: WebClient;
  readonly db: Database;
  readonly events: Events;
  /** The approvers' group, or the channel. */
  readonly who: "off" | "group" | "channel";
  /** By the policy in force. */
  readonly approvers: () => Promise<Pick<ApproverList, "group"> | null>;
}

/** Makes it. */
export function createNotices(o: NoticeOptions): NoticeAnnouncer {
  return {
    async mention(state) {
      const who = await whoIsMentioned(o);
      return who === null ? false : who === "" || o.posting.say(state.shownAs, `notice ${state.key}`, mrkdwn`${who} ${noticeText(state)}`);
    },
    async linkOf({ shownAs }) {
      const shown = await readPostedMessage(o.db, shownAs);
      if (shown === null) return null;
      const about = { channel: shown.channel, message_ts: shown.ts };
      const link = await callSlack("chat.getPermalink", () => o.client.chat.getPermalink(about));
      return link.ok ? (link.value.permalink ?? null) : null;
    },
  };
}

/** Empty: nobody, as without a group; null: Slack cannot say now. */
async function whoIsMentioned(o: NoticeOptions): Promise<Mrkdwn | "" | null> {
  if (o.who === "off") return "";
  if (o.who === "channel") return mentionOf("channel");
  const group = (await o.approvers())?.group ?? null;
  if (group === null) return "";
  const id = await groupId(o.client, group);
  if (id.ok) return mentionOf({ group: id.value });
  if (isPassing(id.error.code.replace(/^slack\./, ""))) return null;
  o.events.failed("slack.nobody_mentioned", id.error);
  return "";
}
