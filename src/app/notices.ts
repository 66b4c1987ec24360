/** Calls for people: once for each state of affairs, by a mention in Slack and by the webhook. Nothing waits for either. */
import type { Config } from "../config/config.ts";
import { noticeSentence } from "../bot/render/notice.ts";
import { readStates, recordMention, recordMessage, recordStates, wasAnyMentioned, type Notice, type State } from "../store/notices.ts";
import { readUnreadable, type UnreadableDeletion } from "../store/deletions.ts";
import { HOUR_MS } from "../core/units.ts";
import type { Parts } from "./parts.ts";
import { sendDue } from "./webhook.ts";

/** What usually passes by itself is called for when it lasted so long. Units: milliseconds. */
const PASSING_MS = 30 * 60_000;

type NoticeContext = Pick<Parts, "db" | "now" | "newId" | "events" | "slack" | "config">;

/** Calls people for what is so now and was not called for yet. The engine runs this in one process at a time. */
export async function sweepNotices(c: NoticeContext): Promise<void> {
  const { remindMs, webhook } = c.config.notices;
  const states = [
    ...(await readStates(c.db, c.now(), remindMs + aheadOfNight(c.now(), c.config.notices.quiet))),
    ...(await readUnreadable(c.db)).flatMap(stateOfUnreadable),
  ];
  const notices = new Map((await c.db.tx((q) => recordStates(q, states, c.now()))).map((n) => [n.key, n]));
  const due = states.flatMap((state) => {
    const notice = notices.get(state.key);
    return notice === undefined || (state.passes && c.now() - notice.since < PASSING_MS) ? [] : [{ state, notice }];
  });
  if (webhook !== null) {
    for (const { state, notice } of due)
      if (!notice.hasMessage) await recordMessage(c.db, state.key, await messageOf(state, notice, c), c.now());
  }
  if (c.config.notices.mention !== "off") await mentionFor(due, c);
  if (webhook !== null) await sendDue(webhook, c);
}

/** A deletion whose row cannot be read stands as a frozen one does; of one that is frozen people are called anyway. */
function stateOfUnreadable({ id, path, phase, why }: UnreadableDeletion): readonly State[] {
  if (phase === "frozen") return [];
  const shown = { shownAs: `deletion:${id}`, subject: "deletion", id, about: path } as const;
  return [{ key: `unreadable:${id}`, kind: "frozen", ...shown, reason: why, until: null, passes: false }];
}

/** Mentions people. At night only once: what else is so in the morning is called for then. */
async function mentionFor(due: readonly { readonly state: State; readonly notice: Notice }[], c: NoticeContext): Promise<void> {
  for (const { state, notice } of due) {
    if (notice.mentionedAt !== null) continue;
    const night = nightBegan(c.now(), c.config.notices.quiet);
    if (night !== null && (await wasAnyMentioned(c.db, night))) return;
    if (await c.slack.announcers.notice.mention(state)) await recordMention(c.db, state.key, c.now());
  }
}

/** When the present night began; null: it is day. By the wall clock of a zone, whose change of summer time may move it by an hour. */
export function nightBegan(now: number, quiet: Config["notices"]["quiet"]): number | null {
  if (quiet === null) return null;
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: quiet.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const [hour = 0, minute = 0] = clock.format(now).split(":").map(Number);
  const hours = (hour - quiet.from + 24) % 24;
  return hours < (quiet.to - quiet.from + 24) % 24 ? now - (hours * 60 + minute) * 60_000 - (now % 60_000) : null;
}

/**
 * How much earlier approvers are reminded: from the last hour before the night on, what would be due in the night is due. It is the same
 * all night, so that what was reminded of in the evening does not become due a second time.
 */
function aheadOfNight(now: number, quiet: Config["notices"]["quiet"]): number {
  if (quiet === null) return 0;
  const nightMs = ((quiet.to - quiet.from + 24) % 24) * HOUR_MS;
  const began = nightBegan(now, quiet) ?? nightBegan(now + HOUR_MS, quiet);
  return began === null ? 0 : Math.max(0, began + nightMs - now);
}

/** What the webhook gets; `id` is the same however often it is sent. */
async function messageOf(state: State, { since }: Notice, c: NoticeContext): Promise<object> {
  return {
    version: 1,
    id: c.newId(),
    kind: state.kind,
    environment: c.config.environment,
    since: new Date(since).toISOString(),
    until: state.until === null ? null : new Date(state.until).toISOString(),
    subject: { [state.subject]: state.id },
    about: state.about,
    sentence: noticeSentence(state),
    link: await c.slack.announcers.notice.linkOf(state),
  };
}
