import type { WebClient } from "@slack/web-api";
import type { Failure } from "../core/failure.ts";
import { isOneOf } from "../core/people.ts";
import { ok, type Result } from "../core/result.ts";
import type { Events } from "../events.ts";
import { readDoneWith } from "../store/ballots.ts";
import type { Database } from "../store/db.ts";
import type { State } from "../store/notices.ts";
import { readPostedMessage } from "../store/posted-messages.ts";
import type { ApproverList, Identity } from "./identity.ts";
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
  /** The approvers, or the channel. */
  readonly who: "off" | "group" | "channel";
  /** By the policy in force. */
  readonly approvers: () => Promise<ApproverList | null>;
  readonly identity: Pick<Identity, "resolve">;
}

/** Calls people in the thread of the message that shows a state. */
export function createNotices(o: NoticeOptions): NoticeAnnouncer {
  return {
    async mention(state) {
      const who = await whoIsMentioned(state, o);
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

/** Empty: nobody; null: Slack or the CI database cannot say now. */
async function whoIsMentioned(state: State, o: NoticeOptions): Promise<Mrkdwn | "" | null> {
  if (o.who === "off") return "";
  if (o.who === "channel") return mentionOf("channel");
  const list = await o.approvers();
  if (list === null) return "";
  const found = list.group === null ? await whoIsAwaited(state, list, o) : await groupId(o.client, list.group);
  if (found.ok) return mentionOf(typeof found.value === "string" ? { group: found.value } : { people: found.value });
  if (found.error.kind === "unavailable" || isPassing(found.error.code.replace(/^slack\./, ""))) return null;
  o.events.failed("slack.nobody_mentioned", found.error);
  return "";
}

/** The Slack ids of a list's approvers, one for each person; where a vote is asked for, without those who gave it or have none. */
async function whoIsAwaited(state: State, list: ApproverList, o: NoticeOptions): Promise<Result<readonly string[], Failure>> {
  const found = await o.identity.resolve(list);
  if (!found.ok) return found;
  const done = await whoIsDone(state, o.db);
  const awaited = found.value.filter((person) => !isOneOf(person, done));
  // An account is kept with its workspace or organisation: T1/U1.
  return ok(awaited.flatMap(({ accounts = [] }) => accounts.slice(0, 1).map((account) => account.slice(account.indexOf("/") + 1))));
}

/** By every name that is known of them: who asked, and whose approval stands; nobody, where no vote is asked for. */
async function whoIsDone({ kind, subject, id }: State, db: Database): Promise<readonly string[]> {
  if ((kind !== "card" && kind !== "expiring") || subject === "stop" || subject === "plan") return [];
  return readDoneWith(db, { kind: subject, id });
}
