import type { ExportAnnouncer, ExportListener, ExportView } from "../archive/export-view.ts";
import type { DeletionAnnouncer, DeletionView } from "../deletion/view.ts";
import { readDeletionEvents } from "../store/deletions.ts";
import type { PolicyAnnouncer } from "../policy/ports.ts";
import type { TemplateAnnouncer } from "../archive/from-machines/view.ts";
import { inTime } from "../core/in-time.ts";
import type { Events } from "../events.ts";
import { planLines } from "../sync/execution/plan-text.ts";
import type { PlanAnnouncer, PlanRecord } from "../sync/execution/record.ts";
import type { StopAnnouncer, StopView } from "../sync/execution/stop-view.ts";
import { createMembersTold, type MembersToldOptions } from "./members-told.ts";
import { createTemplateAnnouncer } from "./made-templates.ts";
import { createNudges, type NudgeAnnouncer } from "./nudges.ts";
import { renderCard } from "./render/card.ts";
import { renderExport, renderExportEnd } from "./render/export.ts";
import { renderHere, type HereView } from "./render/here.ts";
import { isCut, renderPlan, type WholePlan } from "./render/plan.ts";
import { renderPolicyCard } from "./render/policy-card.ts";
import { storyFile, storyLine } from "./render/story.ts";
import { renderStop } from "./render/stop-card.ts";
import { createSettleAsked } from "./settle-asked.ts";
import { openDirect } from "./slack.ts";

/** What the announcers need. */
export interface AnnouncerOptions extends MembersToldOptions {
  readonly channel: string;
  readonly environment: string;
  readonly events: Events;
  /** How long a step or a click waits until Slack shows what it did: it is shown later, too. Units: milliseconds. */
  readonly showMs?: number;
}

const SHOW_MS = 3000;

/** Says in the channel that the bot is there. */
export interface HereAnnouncer {
  /** Posts the message under this key, or updates it in place. */
  showHere(key: string, view: HereView): Promise<void>;
}

/** Makes what shows plans, deletions, exports and changes of policy in Slack. */
export function createAnnouncers(o: AnnouncerOptions): {
  readonly plan: PlanAnnouncer;
  readonly deletion: DeletionAnnouncer;
  readonly export: ExportAnnouncer;
  readonly policy: PolicyAnnouncer;
  readonly stop: StopAnnouncer;
  readonly here: HereAnnouncer;
  readonly nudge: NudgeAnnouncer;
  readonly template: TemplateAnnouncer;
} {
  const soon = async (shown: Promise<void>): Promise<void> => void (await inTime(shown, o.showMs ?? SHOW_MS));
  const tellMembers = createMembersTold(o);
  const askToSettle = createSettleAsked(o);
  async function showCard(view: DeletionView): Promise<void> {
    await o.posting.show(`deletion:${view.id}`, o.channel, renderCard(view, o.environment));
    await o.posting.say(`deletion:${view.id}`, view.phase, storyLine(view));
    const isOver = view.phase === "deleted" || view.phase === "closed";
    if (isOver && view.approvals.length > 0)
      await o.posting.file(`deletion:${view.id}`, "story", storyFile(view, await readDeletionEvents(o.db, view.id)));
  }
  /** While a plan works, its message alone is updated; every line of a long one follows once it has ended. */
  async function showPlan(record: PlanRecord): Promise<void> {
    const key = `plan:${record.id}`;
    const show = (place?: WholePlan): Promise<void> => o.posting.show(key, o.channel, renderPlan(record, o.environment, place));
    if (!isCut(record)) return show();
    if (record.endedAt === null) return show("terminal");
    await show("file");
    const text = `${planLines(record, o.environment).join("\n")}\n`;
    const name = `plan-${record.plan.digest.slice(0, 8)}.txt`;
    const put = await o.posting.file(key, "lines", { name, title: `Every line of the plan ${record.plan.digest.slice(0, 8)}`, text });
    if (!put.ok) await show("terminal");
  }
  async function tellStop(view: StopView): Promise<void> {
    const key = `stop:${view.id}`;
    await o.posting.show(key, o.channel, renderStop(view, o.environment));
    // Slack notifies nobody of an update in place.
    const [, ...further] = view.stops;
    for (const [i, { name, reason }] of further.entries()) await o.posting.note(key, `stop ${i + 2}`, `${name} stopped it too: ${reason}`);
    if (view.resumed !== null) await o.posting.note(key, "resumed", `Resumed by ${view.resumed.names}.`);
  }
  return {
    stop: { showStop: (view) => void tellStop(view).catch((thrown: unknown) => o.events.bug("slack.stop_not_told", thrown)) },
    plan: {
      showPlan,
      correctPlan: (record) =>
        o.posting.correct(`plan:${record.id}`, o.channel, renderPlan(record, o.environment, isCut(record) ? "terminal" : "none")),
    },
    nudge: createNudges(o),
    template: createTemplateAnnouncer(o),
    here: { showHere: (key, view) => o.posting.show(key, o.channel, renderHere(view)) },
    deletion: {
      // A Restore and a stop wait for the run of a deletion.
      showCard: (view) => soon(showCard(view)),
      note: (view, key, sentence) => soon(o.posting.note(`deletion:${view.id}`, key, sentence)),
      tellMembers: (view) => soon(tellMembers(view)),
      askToSettle,
    },
    // Nothing refers to it: a click does not wait for it at all.
    policy: { showChange: async (view) => void o.posting.show(`policy:${view.id}`, o.channel, renderPolicyCard(view, o.environment)) },
    export: createExportAnnouncer(o),
  };
}

/** Shows exports to who asked for them. */
function createExportAnnouncer(o: Pick<AnnouncerOptions, "client" | "posting">): ExportAnnouncer {
  /** The direct messages with each person who is shown an export: progress comes every few seconds, and Slack is asked once. */
  const directs = new Map<string, string>();
  async function directOf(user: string): Promise<string> {
    const known = directs.get(user);
    if (known !== undefined) return known;
    const opened = await openDirect(o.client, user);
    if (!opened.ok || opened.value === undefined) return user;
    directs.set(user, opened.value);
    return opened.value;
  }
  /**
   * Never into the channel where it was asked for: the link opens for everybody who has it. A person's id means their direct messages.
   * Progress is one message, its end another: Slack notifies nobody of an update in place.
   */
  async function showExport(view: ExportView, listener: ExportListener): Promise<boolean> {
    const channel = await directOf(listener.user);
    const isEnd = view.state === "ready" || view.state === "failed";
    const [progress, end] = [`export-progress:${view.id}`, `export:${view.id}`];
    if (!isEnd) {
      await o.posting.show(view.state === "revoked" ? end : progress, channel, renderExport(view));
      return true;
    }
    await o.posting.correct(progress, channel, renderExportEnd(view));
    // Whoever tells it later makes another link, which ends this one: shown afterwards, it would lead nowhere.
    const shown = await o.posting.tryNow(end, channel, renderExport(view));
    // What Slack refuses for good is not tried again.
    return !shown.ok || shown.value;
  }
  return { showExport };
}
