import type { WebClient } from "@slack/web-api";
import type { ExportAnnouncer } from "../archive/export-service.ts";
import type { CiUserId, ProjectId } from "../core/ids.ts";
import type { DeletionAnnouncer } from "../deletion/view.ts";
import type { PolicyAnnouncer } from "../policy/ports.ts";
import type { Events } from "../events.ts";
import type { PlanAnnouncer } from "../sync/execution/record.ts";
import type { Identity } from "./identity.ts";
import type { Posting } from "./posting.ts";
import { renderCard } from "./render/card.ts";
import { renderExport } from "./render/export.ts";
import { renderKeep } from "./render/keep.ts";
import { renderPlan } from "./render/plan.ts";
import { renderPolicyCard } from "./render/policy-card.ts";
import { openDirect } from "./slack.ts";

/** What the announcers need. */
export interface AnnouncerOptions {
  readonly posting: Posting;
  readonly client: WebClient;
  readonly identity: Identity;
  readonly channel: string;
  readonly environment: string;
  readonly events: Events;
  readonly membersOf: (project: ProjectId) => Promise<readonly CiUserId[]>;
}

/** Makes what shows plans, deletions, exports and changes of policy in Slack. */
export function createAnnouncers(o: AnnouncerOptions): {
  readonly plan: PlanAnnouncer;
  readonly deletion: DeletionAnnouncer;
  readonly export: ExportAnnouncer;
  readonly policy: PolicyAnnouncer;
} {
  return {
    plan: { showPlan: (record) => o.posting.show(`plan:${record.id}`, o.channel, renderPlan(record, o.environment)) },
    deletion: {
      showCard: async (view) => {
        await o.posting.show(`deletion:${view.id}`, o.channel, renderCard(view, o.environment));
        await o.posting.note(`deletion:${view.id}`, view.phase, `Now: ${view.phase.replaceAll("_", " ")}.`);
      },
      note: (view, key, sentence) => o.posting.note(`deletion:${view.id}`, key, sentence),
      async tellMembers(view) {
        for (const member of await o.membersOf(view.projectId)) {
          const slackId = await o.identity.slackIdOf(member);
          if (slackId === null) continue;
          const channel = await openDirect(o.client, slackId);
          if (channel.ok && channel.value !== undefined) await o.posting.show(`keep:${view.id}:${member}`, channel.value, renderKeep(view));
        }
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
