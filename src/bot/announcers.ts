import type { WebClient } from "@slack/web-api";
import type { ExportAnnouncer } from "../archive/export-service.ts";
import { digestOf } from "../core/digest.ts";
import type { CiUserId, Digest, ProjectId } from "../core/ids.ts";
import type { Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import type { DeletionAnnouncer } from "../deletion/view.ts";
import type { PolicyAnnouncer } from "../policy/ports.ts";
import type { Events } from "../events.ts";
import type { PlanAnnouncer } from "../sync/execution/record.ts";
import type { StopAnnouncer, StopView } from "../sync/execution/stop-view.ts";
import type { Identity } from "./identity.ts";
import type { Posting } from "./posting.ts";
import { renderCard } from "./render/card.ts";
import { renderExport } from "./render/export.ts";
import { renderKeep } from "./render/keep.ts";
import { renderPlan, type Rendering } from "./render/plan.ts";
import { renderPolicyCard } from "./render/policy-card.ts";
import { renderStop } from "./render/stop-card.ts";
import { openDirect } from "./slack.ts";

/** What the announcers need. */
export interface AnnouncerOptions {
  readonly posting: Posting;
  readonly client: WebClient;
  readonly identity: Identity;
  readonly channel: string;
  readonly environment: string;
  readonly events: Events;
  readonly membersOf: (project: ProjectId) => Promise<Result<readonly CiUserId[], Failure>>;
}

/** Makes what shows plans, deletions, exports and changes of policy in Slack. */
export function createAnnouncers(o: AnnouncerOptions): {
  readonly plan: PlanAnnouncer;
  readonly deletion: DeletionAnnouncer;
  readonly export: ExportAnnouncer;
  readonly policy: PolicyAnnouncer;
  readonly stop: StopAnnouncer;
} {
  // What the members of each deletion were told last: deletions are shown at every wake, and Slack is asked only when there is news.
  const told = new Map<string, Digest>();
  const channels = new Map<string, string>();
  /** Shows one member the message, in the direct messages where it is already, or in new ones; false: it is to be tried again. */
  async function tellMember(deletion: string, member: CiUserId, message: Rendering): Promise<boolean> {
    const slackId = await o.identity.slackIdOf(member);
    if (!slackId.ok || slackId.value === null) return slackId.ok;
    const known = channels.get(slackId.value);
    const opened = known === undefined ? await openDirect(o.client, slackId.value) : ok(known);
    if (!opened.ok || opened.value === undefined) return false;
    channels.set(slackId.value, opened.value);
    await o.posting.show(`keep:${deletion}:${member}`, opened.value, message);
    return true;
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
    plan: { showPlan: (record) => o.posting.show(`plan:${record.id}`, o.channel, renderPlan(record, o.environment)) },
    deletion: {
      showCard: async (view) => {
        await o.posting.show(`deletion:${view.id}`, o.channel, renderCard(view, o.environment));
        await o.posting.note(`deletion:${view.id}`, view.phase, `Now: ${view.phase.replaceAll("_", " ")}.`);
      },
      note: (view, key, sentence) => o.posting.note(`deletion:${view.id}`, key, sentence),
      async tellMembers(view) {
        const message = renderKeep(view);
        const news = digestOf(JSON.parse(JSON.stringify(message)));
        if (told.get(view.id) === news) return;
        const members = await o.membersOf(view.projectId);
        let isDone = members.ok;
        for (const member of members.ok ? members.value : []) isDone = (await tellMember(view.id, member, message)) && isDone;
        // Whom Slack or the CI database could not name just now is looked for again at the next wake.
        if (isDone) told.set(view.id, news);
      },
    },
    policy: { showChange: (view) => o.posting.show(`policy:${view.id}`, o.channel, renderPolicyCard(view, o.environment)) },
    export: {
      async showExport(view, listener) {
        // Never into the channel where it was asked for: the link opens for everybody who has it. A person's id means their direct messages.
        const direct = await openDirect(o.client, listener.user);
        const channel = (direct.ok ? direct.value : undefined) ?? listener.user;
        await o.posting.show(`export:${view.id}`, channel, renderExport(view));
        if (view.state === "ready" || view.state === "failed") await o.posting.settle();
      },
    },
  };
}
