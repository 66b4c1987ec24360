import { counted } from "../core/plural.ts";
import type { Asker } from "../core/people.ts";
import type { DeletionService } from "../deletion/service.ts";
import { standingWords } from "./deletion-parts.ts";
import { replyOf, teamOnlyReply, type Reply, type Words } from "./reply.ts";

/** `/ci-deletions`: those under way. */
export async function answerDeletions(asker: Asker, deletions: DeletionService): Promise<Reply> {
  if (!asker.isTeam) return teamOnlyReply("deletions");
  const unreadable = await deletions.unreadable();
  return replyOf(await deletions.list(), (list) => {
    const lines = [
      ...list.map((d): Words => [
        { code: d.path },
        ": ",
        ...standingWords(d),
        `, ${d.approvals.length} of ${d.quorum} approvals${d.activity === null ? "" : `, ${d.activity}`}`,
      ]),
      ...unreadable.map((d): Words => [{ code: d.path }, `: ${d.why}`]),
    ];
    return {
      title: lines.length === 0 ? "No deletion is under way" : `${counted(lines.length, "deletion")} under way`,
      parts: lines.length === 0 ? [] : [{ kind: "list", title: "Each has a card in the team's channel", lines }],
    };
  });
}
