import type { State } from "../../store/notices.ts";
import { mrkdwn, type Mrkdwn } from "./blocks.ts";

/** What a call for people says, in plain words; everything that somebody else wrote is still to be escaped. */
export function noticeSentence({ kind, subject, about, reason, until }: State): string {
  const what = subject === "policy" ? `The change of ${about}` : about;
  const when = until === null ? "" : ` until ${new Date(until).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const why = reason === null || reason === "" ? "" : `: ${reason}`;
  const words: Record<State["kind"], string> = {
    card: subject === "policy" ? `${what} waits for approvals${when}` : `${what} is proposed for deletion and waits for approvals${when}`,
    expiring: `${what} still waits for approvals, and expires soon: it waits${when}`,
    frozen: `The deletion of ${what} is frozen; a person must decide${why}`,
    stopped: `Everything is stopped${why}`,
    held: `The plan is held${why}`,
  };
  return words[kind];
}

/** Mentions everybody in the channel; a user group, by an id that Slack gave. Nothing else makes a mention. */
export function mentionOf(target: "channel" | { readonly group: string }): Mrkdwn | "" {
  if (target === "channel") return mrkdwn`<!channel>`;
  return /^S[A-Z0-9]{2,}$/.test(target.group) ? (`<!subteam^${target.group}>` as Mrkdwn) : "";
}
