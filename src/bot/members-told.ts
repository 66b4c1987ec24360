import type { WebClient } from "@slack/web-api";
import type { Clock } from "../core/clock.ts";
import { digestOf } from "../core/digest.ts";
import type { Failure } from "../core/failure.ts";
import type { CiUserId, Digest, ProjectId } from "../core/ids.ts";
import type { MemberStage } from "../core/member-stages.ts";
import { ok, type Result } from "../core/result.ts";
import type { DeletionView, MembersView } from "../deletion/view.ts";
import type { Database } from "../store/db.ts";
import { readTelling, readTold, recordTelling, recordTold, type ToldRow } from "../store/member-told.ts";
import type { Identity } from "./identity.ts";
import type { Posting } from "./posting.ts";
import { untoldSentence } from "./render/card.ts";
import { renderKeep, renderOvertaken } from "./render/keep.ts";
import { isOfToken, isPassing, openDirect } from "./slack.ts";

/** What telling members needs. */
export interface MembersToldOptions {
  readonly posting: Posting;
  readonly client: WebClient;
  readonly db: Database;
  readonly now: Clock;
  readonly identity: Pick<Identity, "slackIdOf" | "nameOf">;
  readonly membersOf: (project: ProjectId) => Promise<Result<readonly CiUserId[], Failure>>;
}

type Told = DeletionView & { readonly members: MembersView };

/** What this process did about one deletion. It is shown at every wake; each failed try doubles the wakes to the next. */
interface Round {
  readonly stage: MemberStage;
  /** What the messages of this stage were changed to last. */
  news: Digest | null;
  wakes: number;
  next: number;
}

const PAUSE_WAKES_MAX = 32;

/** The key of a member's message of one stage. */
export function memberKey(deletion: string, stage: MemberStage, member: string): string {
  return stage === "asked" ? `keep:${deletion}:${member}` : `keep:${deletion}:${member}:${stage}`;
}

/**
 * Tells the members of a deletion's project: a new message at each stage, once, whatever restarts or runs beside; within a stage its
 * message is changed in place. A failure that passes is tried again, more and more seldom; after one that stays, that member is not tried
 * again at this stage, and is named on the card.
 */
export function createMembersTold(o: MembersToldOptions): (view: DeletionView) => Promise<void> {
  const rounds = new Map<string, Round>();
  const directOf = createDirects(o);

  /** Tells those who are not told yet; false: one of them is to be tried again. */
  async function tellRest(view: Told, told: readonly ToldRow[]): Promise<boolean> {
    const { id, members } = view;
    const settle = (member: string, problem: string | null) => recordTold(o.db, id, { stage: members.stage, member, problem }, o.now());
    const listed = await o.membersOf(view.projectId);
    if (!listed.ok) {
      await settle("", `who the members are could not be read, and is tried again: ${listed.error.message}`);
      return false;
    }
    if (listed.value.length === 0) await settle("", "the CI database names no member of this project");
    else if (told.some((t) => t.stage === members.stage && t.member === "")) await settle("", null);
    const settled = new Set(told.filter((t) => t.stage === members.stage).map((t) => t.member));
    let isDone = true;
    for (const member of listed.value.filter((m) => !settled.has(m))) {
      const why = await tellOne(view, member);
      if (why === null || typeof why === "string") await settle(member, why);
      else {
        isDone = false;
        // The next one would fail as well, and then wait even longer.
        if (/rate_?limited$|unreachable$/.test(why.code) || isOfToken(codeOf(why))) break;
      }
    }
    return isDone;
  }

  /** Null: they are told; a sentence: why they never will be at this stage; a failure: one that may pass. */
  async function tellOne(view: Told, member: CiUserId): Promise<string | null | Failure> {
    const direct = await directOf(member);
    if (!direct.ok) return mayPass(direct.error) ? direct.error : direct.error.message;
    if (direct.value === null) return "no Slack account is known";
    const key = memberKey(view.id, view.members.stage, member);
    const shown = await o.posting.showNow(key, direct.value, renderKeep(view));
    if (!shown.ok) return mayPass(shown.error) ? shown.error : shown.error.message;
    // What Slack did not take just now is tried again by this process alone: only a message that is there counts.
    if (!shown.value) return { kind: "unavailable", code: "slack.not_yet", message: "not yet" };
    return null;
  }

  return async (view) => {
    if (view.members === null) return;
    const v: Told = { ...view, members: view.members };
    const { stage, isNews } = v.members;
    const last = rounds.get(v.id);
    const round: Round = last?.stage === stage ? last : { stage, news: null, wakes: 0, next: 1 };
    rounds.set(v.id, round);
    const told = await readTold(o.db, v.id);
    await changeInPlace(v, round, told, o);
    if ((await readTelling(o.db, v.id, stage)) !== "open") return;
    if (!isNews) return recordTelling(o.db, v.id, stage, o.now());
    round.wakes += 1;
    if (round.wakes < round.next) return;
    round.next = round.wakes + Math.min(round.wakes, PAUSE_WAKES_MAX);
    const isDone = await tellRest(v, told);
    const now = await readTold(o.db, v.id);
    await changeInPlace(v, round, now, o);
    if (!isDone) return;
    await recordTelling(o.db, v.id, stage, o.now());
    const missing = now.flatMap((t) => (t.stage === stage && t.problem !== null ? [{ member: t.member, problem: t.problem }] : []));
    const shownName = async (member: string) => (member === "" ? "" : ((await o.identity.nameOf(member as CiUserId)) ?? member));
    const untold = untoldSentence(await Promise.all(missing.map(async (m) => ({ ...m, member: await shownName(m.member) }))));
    // Said once, and again only when it is about others or for another reason.
    if (untold !== null) await o.posting.note(`deletion:${v.id}`, `untold ${digestOf({ untold }).slice(0, 12)}`, untold);
  };
}

/** Changes what was sent before: this stage's message to how it is now, and older ones to point to it. */
async function changeInPlace(v: Told, round: Round, told: readonly ToldRow[], o: MembersToldOptions): Promise<void> {
  const { stage, isNews } = v.members;
  const message = renderKeep(v);
  const has = (at: MemberStage) => told.filter((t) => t.stage === at && t.problem === null && t.member !== "").map((t) => t.member);
  const here = has(stage);
  const news = digestOf(JSON.parse(JSON.stringify({ message, here })));
  if (round.news === news) return;
  round.news = news;
  const change = (at: MemberStage, member: string, rendering: ReturnType<typeof renderKeep>) =>
    o.posting.correct(memberKey(v.id, at, member), "", rendering);
  if (!isNews) for (const t of told) if (t.problem === null && t.member !== "") await change(t.stage, t.member, message);
  for (const member of here) await change(stage, member, message);
  for (const t of told)
    if (t.stage !== stage && t.problem === null && here.includes(t.member)) await change(t.stage, t.member, renderOvertaken(v, t.stage));
}

/** Finds the direct messages with somebody of the CI database; null: no Slack account is known. */
export function createDirects(o: {
  readonly client: WebClient;
  readonly identity: Pick<Identity, "slackIdOf">;
}): (member: CiUserId) => Promise<Result<string | null, Failure>> {
  const channels = new Map<string, string>();
  return async (member) => {
    const slackId = await o.identity.slackIdOf(member);
    if (!slackId.ok || slackId.value === null) return slackId;
    const known = channels.get(slackId.value);
    const opened = known === undefined ? await openDirect(o.client, slackId.value) : ok(known);
    if (!opened.ok || opened.value === undefined) return opened.ok ? ok(null) : opened;
    channels.set(slackId.value, opened.value);
    return ok(opened.value);
  };
}

/**
 * Whether it may be otherwise at the next try: what is not Slack's answer is the CI database's, which people repair, as they do the bot's
 * token.
 */
export function mayPass(f: Failure): boolean {
  return !f.code.startsWith("slack.") || isPassing(codeOf(f)) || isOfToken(codeOf(f));
}

/** Slack's own code. */
function codeOf({ code }: Failure): string {
  return code.slice("slack.".length);
}
