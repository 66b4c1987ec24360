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
import { callSlack } from "./slack.ts";

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

/** Makes what shows plans, deletions, exports and changes of policy in Slack; all of them pure renderings put in place. */
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
        await o.posting.note(`deletion:${view.id}`, view.phase, phaseNote(view.phase));
      },
      note: (view, key, sentence) => o.posting.note(`deletion:${view.id}`, key, sentence),
      async tellMembers(view) {
        for (const member of await o.membersOf(view.projectId)) {
          const slackId = await o.identity.slackIdOf(member);
          if (slackId === null) continue;
          const opened = await callSlack("conversations.open", () => o.client.conversations.open({ users: slackId }));
          const channel = opened.ok ? opened.value.channel?.id : undefined;
          if (channel === undefined) continue;
          await o.posting.show(`keep:${view.id}:${member}`, channel, renderKeep(view));
        }
      },
    },
    policy: { showChange: (view) => o.posting.show(`policy:${view.id}`, o.channel, renderPolicyCard(view, o.environment)) },
    export: {
      async showExport(view, listener) {
        const opened = await callSlack("conversations.open", () => o.client.conversations.open({ users: listener.user }));
        // Never into the channel where it was asked for: the link opens for whoever has it. A person's id means their direct messages.
        const channel = (opened.ok ? opened.value.channel?.id : undefined) ?? listener.user;
        await o.posting.show(`export:${view.id}`, channel, renderExport(view));
        if (view.state === "ready" || view.state === "failed") await o.posting.settle();
      },
    },
  };
}

function phaseNote(phase: string): string {
  return `Now: ${phase.replaceAll("_", " ")}.`;
}
