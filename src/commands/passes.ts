import type { Slug } from "../core/ids.ts";
import { describeChange } from "../sync/planning/describe.ts";
import type { Asker } from "../core/people.ts";
import type { SyncService } from "../sync/execution/service.ts";
import { replyOfFailure, type Reply } from "./reply.ts";

/** `/ci-sync`: starts a pass. */
export async function answerSync(asker: Asker, slug: Slug | null, sync: SyncService): Promise<Reply> {
  const started = await sync.startPass(asker, slug);
  return started.ok
    ? {
        title: started.value.sentence,
        parts: [{ kind: "note", text: "A plan is posted in the team's channel when there is something to see." }],
      }
    : replyOfFailure(started.error);
}

/** `/ci-plan`: what a pass would do now. */
export async function answerPlan(asker: Asker, slug: Slug | null, sync: SyncService): Promise<Reply> {
  if (!asker.isTeam)
    return {
      title: "Only members of the CI team may see plans",
      parts: [{ kind: "text", text: "/ci-status tells about your own project." }],
    };
  const preview = await sync.previewPlan(slug);
  if (!preview.ok) return replyOfFailure(preview.error);
  const { plan } = preview.value;
  const changes = [...plan.additive, ...plan.restrictive];
  return {
    title: `A pass now would make ${changes.length} change(s) and ask about ${plan.proposals.length} deletion(s)`,
    parts: [
      { kind: "list", title: "Changes", lines: changes.map(describeChange) },
      { kind: "list", title: "Could be deleted, if two people approve", lines: plan.proposals.map((p) => p.path) },
      { kind: "list", title: "Held", lines: plan.holds.map((h) => `${h.sentence}. Lifted by: ${h.liftedBy}`) },
      { kind: "list", title: "Left alone", lines: plan.drift.map((d) => d.sentence) },
    ],
  };
}
