import type { State } from "../../store/notices.ts";
import { counted } from "../../core/plural.ts";
import { joined, mrkdwn, type Mrkdwn, safe, time } from "./blocks.ts";

/** Stands where the time belongs; nothing that somebody else wrote keeps it. */
const WHEN = "\uE000";

/** Longest call for people. Units: characters. */
const TEXT_MAX = 1400;

/** What a call for people says, in plain words; everything that somebody else wrote is still to be escaped. */
export function noticeSentence(state: State): string {
  return wordsOf(state).replace(WHEN, new Date(state.until ?? 0).toISOString().slice(0, 16).replace("T", " ").concat(" UTC"));
}

/** The same for Slack, with the time in each reader's zone. */
export function noticeText(state: State): Mrkdwn {
  const [before = "", after] = wordsOf(state).split(WHEN);
  return after === undefined ? safe(before, TEXT_MAX) : mrkdwn`${safe(before, TEXT_MAX)}${time(state.until ?? 0)}${safe(after, TEXT_MAX)}`;
}

function wordsOf({ about: anyAbout, reason: anyReason, ...rest }: State): string {
  const [about, reason] = [anyAbout, anyReason].map((text) => text?.replaceAll(WHEN, "") ?? "");
  const state = { ...rest, about: about ?? "", reason: reason ?? "" };
  const { kind, until } = state;
  const when = until === null ? "" : ` until ${WHEN}`;
  const why = state.reason === "" ? "" : `: ${state.reason}`;
  const words: Record<State["kind"], string> = {
    card: questionSentence(state, when, why),
    expiring: `Last chance to vote: ${questionAbout(state)} waits for approvals${when}; then it expires`,
    frozen: `The deletion of ${state.about} is frozen; a person must decide${why}`,
    stopped: `Everything is stopped${why}`,
    held: `The plan is held${why}`,
  };
  return words[kind];
}

function questionAbout(state: Pick<State, "subject" | "about">): string {
  return state.subject === "deletion" ? `the deletion of ${state.about}` : askedAbout(state);
}

function askedAbout({ subject, about }: Pick<State, "subject" | "about">): string {
  if (subject === "policy") return `the change of ${about}`;
  return subject === "go_on" ? `Go on with the deletion of ${about}` : about;
}

function questionSentence(state: Pick<State, "subject" | "about">, when: string, why: string): string {
  const { subject, about } = state;
  if (subject === "go_on") return `The deletion of ${about} is frozen; two approvers may say Go on${when}${why}`;
  if (subject === "resume") return `One more approver is asked to resume what is stopped; those who agree so far${why}`;
  const what = subject === "deletion" ? "is proposed for deletion and waits for approvals" : "waits for approvals";
  const asked = askedAbout(state);
  return `${asked.charAt(0).toUpperCase()}${asked.slice(1)} ${what}${when}`;
}

/** Most people whom one message mentions: a message of more than 4,000 characters is one that Slack advises against. */
const PEOPLE_MAX = 50;

/** Mentions everybody in the channel; a user group, or people, by ids that Slack gave. Nothing else makes a mention. */
export function mentionOf(target: "channel" | { readonly group: string } | { readonly people: readonly string[] }): Mrkdwn | "" {
  if (target === "channel") return mrkdwn`<!channel>`;
  if ("group" in target) return /^S[A-Z0-9]{2,}$/.test(target.group) ? (`<!subteam^${target.group}>` as Mrkdwn) : "";
  const people = target.people.filter((id) => /^[UW][A-Z0-9]{2,}$/.test(id));
  const mentions = people.slice(0, PEOPLE_MAX).map((id) => `<@${id}>` as Mrkdwn);
  const left = people.length - mentions.length;
  if (mentions.length === 0) return "";
  return mrkdwn`${joined(mentions, " ")}${left > 0 ? mrkdwn` and ${safe(counted(left, "more approver"))}` : ""}`;
}
