import type { WebClient } from "@slack/web-api";
import { digestOf } from "../core/digest.ts";
import type { Failure } from "../core/failure.ts";
import type { CiUserId, Digest, ProjectId } from "../core/ids.ts";
import { ok, type Result } from "../core/result.ts";
import { listed } from "../core/shown-text.ts";
import type { DeletionView } from "../deletion/view.ts";
import type { Identity } from "./identity.ts";
import type { Posting } from "./posting.ts";
import { renderKeep } from "./render/keep.ts";
import { isPassing, openDirect } from "./slack.ts";

/** What telling members needs. */
export interface MembersToldOptions {
  readonly posting: Posting;
  readonly client: WebClient;
  readonly identity: Pick<Identity, "slackIdOf">;
  readonly membersOf: (project: ProjectId) => Promise<Result<readonly CiUserId[], Failure>>;
}

/** The members of one deletion and the news for them. A deletion is shown at every wake; each failed try doubles the wakes to the next. */
interface Round {
  readonly news: Digest;
  /** Who needs no further try: null for who was told, else why not. */
  readonly settled: Map<CiUserId, string | null>;
  wakes: number;
  next: number;
}

const PAUSE_WAKES_MAX = 32;
const NAMED_MAX = 10;

/**
 * Tells the members of a deletion's project, once for each change of the message. A failure that passes is tried again, more and more
 * seldom; after one that stays, that member is not tried again until there is news. Who was not told is named in the card's thread.
 */
export function createMembersTold(o: MembersToldOptions): (view: DeletionView) => Promise<void> {
  const rounds = new Map<string, Round>();
  const channels = new Map<string, string>();

  /** The direct messages with a member; null: no Slack account is known. */
  async function directOf(member: CiUserId): Promise<Result<string | null, Failure>> {
    const slackId = await o.identity.slackIdOf(member);
    if (!slackId.ok || slackId.value === null) return slackId;
    const known = channels.get(slackId.value);
    const opened = known === undefined ? await openDirect(o.client, slackId.value) : ok(known);
    if (!opened.ok || opened.value === undefined) return opened.ok ? ok(null) : opened;
    channels.set(slackId.value, opened.value);
    return ok(opened.value);
  }

  return async (view) => {
    const message = renderKeep(view);
    const news = digestOf(JSON.parse(JSON.stringify(message)));
    const last = rounds.get(view.id);
    const round: Round = last?.news === news ? last : { news, settled: new Map(), wakes: 0, next: 1 };
    rounds.set(view.id, round);
    round.wakes += 1;
    if (round.wakes < round.next) return;
    round.next = round.wakes + Math.min(round.wakes, PAUSE_WAKES_MAX);

    const members = await o.membersOf(view.projectId);
    if (!members.ok) return;
    let isDone = true;
    for (const member of members.value.filter((m) => !round.settled.has(m))) {
      const direct = await directOf(member);
      if (direct.ok) {
        const shown = direct.value === null ? null : await o.posting.showNow(`keep:${view.id}:${member}`, direct.value, message);
        round.settled.set(member, shown === null ? "no Slack account is known" : shown.ok ? null : shown.error.message);
      } else if (!mayPass(direct.error)) round.settled.set(member, direct.error.message);
      else {
        isDone = false;
        // The next one would be asked for in vain, and later all the longer.
        if (/rate_?limited$|unreachable$/.test(direct.error.code)) break;
      }
    }
    if (!isDone) return;
    round.next = Number.POSITIVE_INFINITY;
    const untold = untoldOf(members.value, round);
    if (untold !== null) await o.posting.note(`deletion:${view.id}`, `untold ${view.phase}`, untold);
  };
}

/** Whether it may be otherwise at the next try: what is not Slack's answer is the CI database's, which people repair. */
function mayPass({ code }: Failure): boolean {
  return !code.startsWith("slack.") || isPassing(code.slice("slack.".length));
}

function untoldOf(members: readonly CiUserId[], { settled }: Round): string | null {
  if (members.length === 0) return "Nobody was told: the CI database names no member of this project.";
  const untold = members.flatMap((m) => {
    const why = settled.get(m) ?? null;
    return why === null ? [] : [`${m} (${why})`];
  });
  if (untold.length === 0) return null;
  return `Not told, of ${members.length} members of the project: ${listed(untold, NAMED_MAX)}.`;
}
