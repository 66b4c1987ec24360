import type { WebClient } from "@slack/web-api";
import type { CiUserId } from "../core/ids.ts";
import type { Identity } from "./identity.ts";
import { createDirects, mayPass } from "./members-told.ts";
import type { Posting } from "./posting.ts";
import { renderNudge, type OldMachine } from "./render/nudge.ts";

/** Tells owners how to make templates. Implemented by the bot. */
export interface NudgeAnnouncer {
  /** A direct message, once for each round; false: Slack did not take it, now. Who has no Slack account counts as told. */
  nudge(person: CiUserId, machines: readonly OldMachine[], round: number): Promise<boolean>;
}

/** The key of a person's message of one round. */
export function nudgeKey(person: string, round: number | string): string {
  return `nudge:${person}:${round}`;
}

/** Sends nudges as direct messages, to those whose Slack account is known. */
export function createNudges(o: {
  readonly posting: Posting;
  readonly client: WebClient;
  readonly identity: Pick<Identity, "slackIdOf">;
}): NudgeAnnouncer {
  const directOf = createDirects(o);
  return {
    async nudge(person, machines, round) {
      const direct = await directOf(person);
      if (!direct.ok) return !mayPass(direct.error);
      if (direct.value === null) return true;
      const shown = await o.posting.showNow(nudgeKey(person, round), direct.value, renderNudge(machines, round));
      return !shown.ok || shown.value;
    },
  };
}
