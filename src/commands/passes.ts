import { counted } from "../core/plural.ts";
import type { Slug } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import type { SyncService } from "../sync/execution/service.ts";
import { describeChange } from "../sync/planning/describe.ts";
import { heldLines } from "../sync/planning/held-lines.ts";
import { replyOf, teamOnlyReply, type Reply } from "./reply.ts";

/** Above how many alike holds are one line: an answer has room for a few. */
const ALIKE = 3;

/** `/ci-sync`: starts a pass. */
export async function answerSync(asker: Asker, slug: Slug | null, sync: SyncService): Promise<Reply> {
  return replyOf(await sync.startPass(asker, slug), (started) => ({
    title: started.sentence,
    parts: [{ kind: "note", text: "A plan is posted in the team's channel when there is something to show." }],
  }));
}

/** `/ci-plan`: what a pass would do now. */
export async function answerPlan(asker: Asker, slug: Slug | null, sync: SyncService): Promise<Reply> {
  if (!asker.isTeam) return teamOnlyReply("plans");
  return replyOf(await sync.previewPlan(slug), ({ plan, reported, notAsked = [] }) => {
    const asked = plan.proposals.filter((p) => !notAsked.some((n) => n.path === p.path));
    const changes = [...plan.additive, ...plan.restrictive];
    return {
      title: `A pass now would make ${counted(changes.length, "change")} and ask about ${counted(asked.length, "deletion")}`,
      parts: [
        ...(reported === undefined ? [] : [{ kind: "text", text: `It makes none: ${reported}.` } as const]),
        { kind: "list", title: "Changes", lines: changes.map(describeChange) },
        {
          kind: "list",
          title: "Would be proposed for deletion; each needs at least two approvals",
          lines: asked.map((p) => p.path),
        },
        { kind: "list", title: "Could be deleted, but nobody is asked now", lines: notAsked.map((n) => `${n.path}: ${n.reason}`) },
        { kind: "list", title: "Held", lines: heldLines(plan, plan.holds, ALIKE) },
        { kind: "list", title: "Different, but left alone", lines: plan.drift.map((d) => d.sentence) },
      ],
    };
  });
}
