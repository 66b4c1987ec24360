import type { Asker } from "../core/people.ts";
import type { DeletionService } from "../deletion/service.ts";
import { replyOfFailure, type Reply } from "./reply.ts";

/** `/ci-deletions`: those under way. */
export async function answerDeletions(asker: Asker, deletions: DeletionService): Promise<Reply> {
  if (!asker.isTeam)
    return {
      title: "Only members of the CI team may see deletions",
      parts: [{ kind: "text", text: "/ci-status tells about your own project." }],
    };
  const list = await deletions.list();
  if (!list.ok) return replyOfFailure(list.error);
  const lines = list.value.map(
    (d) =>
      `${d.path}: ${d.phase.replaceAll("_", " ")}, ${d.approvals.length} of ${d.quorum} approvals${d.activity === null ? "" : `, ${d.activity}`}`,
  );
  return {
    title: lines.length === 0 ? "No deletion is under way" : `${lines.length} deletion(s) under way`,
    parts: lines.length === 0 ? [] : [{ kind: "list", title: "Each has a card in the team's channel", lines }],
  };
}
