import { actionOf, situations } from "../core/adoption.ts";
import { counted } from "../core/plural.ts";
import type { Asker } from "../core/people.ts";
import { countRows } from "../sync/adoption/survey.ts";
import type { Proposed } from "../sync/adoption/propose.ts";
import type { AdoptionService } from "../sync/adoption/service.ts";
import { replyOf, shortReply, type Reply } from "./reply.ts";

/** What `/ci-adopt` is asked to do. */
export type AdoptWish = { readonly what: "adopt" | "release" } | { readonly what: "give_back"; readonly projects: readonly string[] };

/** `/ci-adopt`: makes the table and its card; with `release`, or `give-back` and projects, the other two questions. */
export async function answerAdopt(asker: Asker, wish: AdoptWish, adoption: AdoptionService): Promise<Reply> {
  if (wish.what === "release")
    return replyOf(await adoption.release(asker), (p) => proposedReply(p, "Nothing of an adopted domain waits for a release"));
  if (wish.what === "give_back")
    return replyOf(await adoption.giveBack(asker, wish.projects), (p) => proposedReply(p, "There is nothing to give back"));
  return replyOf(await adoption.propose(asker, ""), adoptReply);
}

function adoptReply(p: Proposed): Reply {
  const counts = countRows(p.rows);
  const lines = situations.filter((s) => counts[s] > 0).map((s) => `${counts[s]} ${s.replace("_", " ")}: ${actionOf[s]}`);
  const open = p.rows.filter((r) => r.situation === "ambiguous").map((r) => `${r.place}: ${r.reason}`);
  const reply = proposedReply(p, "There is nothing to adopt");
  return {
    ...reply,
    parts: [
      ...reply.parts,
      { kind: "list", title: "All that is there", lines },
      { kind: "list", title: "Ambiguous: people must say which", lines: open },
    ],
  };
}

function proposedReply({ id, wasOpen, quorum, rest }: Proposed, nothing: string): Reply {
  if (id === null) return shortReply(nothing);
  const title = wasOpen ? "The same table is open already" : "The table is made";
  const later =
    rest === undefined
      ? ""
      : ` It is as much as the limits let through; ${rest.changes} more in ${counted(rest.domains, "further domain")} ${rest.changes === 1 ? "waits" : "wait"}: /ci-adopt release again, once this is made.`;
  return shortReply(title, `Its card is in the team's channel. ${quorum} approvers besides you must agree.${later}`);
}
