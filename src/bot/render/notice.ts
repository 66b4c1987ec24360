import type { State } from "../../store/notices.ts";
import { mrkdwn, type Mrkdwn } from "./blocks.ts";

/** What a call for people says, in plain words; everything that somebody else wrote is still to be escaped. */
export function noticeSentence(state: State): string {
  const { kind, about, until } = state;
  const when = until === null ? "" : ` until ${new Date(until).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const why = state.reason === null || state.reason === "" ? "" : `: ${state.reason}`;
  const words: Record<State["kind"], string> = {
    card: questionSentence(state, when, why),
    expiring: `${askedAbout(state)} still waits for approvals, and expires soon: it waits${when}`,
    frozen: `The deletion of ${about} is frozen; a person must decide${why}`,
    stopped: `Everything is stopped${why}`,
    held: `The plan is held${why}`,
  };
  return words[kind];
}

function askedAbout({ subject, about }: State): string {
  if (subject === "policy") return `The change of ${about}`;
  return subject === "go_on" ? `Go on with the deletion of ${about}` : about;
}

function questionSentence(state: State, when: string, why: string): string {
  const { subject, about } = state;
  if (subject === "go_on") return `The deletion of ${about} is frozen; two approvers may say Go on${when}${why}`;
  if (subject === "resume") return `One more approver is asked to resume what is stopped; those who agree so far${why}`;
  const what = subject === "policy" ? "waits for approvals" : "is proposed for deletion and waits for approvals";
  return `${askedAbout(state)} ${what}${when}`;
}

/** Mentions everybody in the channel; a user group, by an id that Slack gave. Nothing else makes a mention. */
export function mentionOf(target: "channel" | { readonly group: string }): Mrkdwn | "" {
  if (target === "channel") return mrkdwn`<!channel>`;
  return /^S[A-Z0-9]{2,}$/.test(target.group) ? (`<!subteam^${target.group}>` as Mrkdwn) : "";
}
