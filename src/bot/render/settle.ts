import type { ClosedBecause } from "../../core/phases.ts";
import type { DeletionView } from "../../deletion/view.ts";
import { code, context, header, mrkdwn, safe, section, time } from "./blocks.ts";
import type { Rendering } from "./plan.ts";

/** Renders what who closed a project is asked once people did not want its domain deleted. Pure. */
export function renderSettle(v: DeletionView): Rendering {
  const title = `Please settle the project ${v.slug} in the CI database`;
  const again = v.askedAgainAt === null ? mrkdwn`later` : mrkdwn`from ${time(v.askedAgainAt)} on`;
  const said = mrkdwn`You closed the project ${code(v.slug)}. Its domain ${code(v.path)} was not deleted: ${safe(whoSaidNo(v), 300)}. The project is still closed in the CI database.`;
  return {
    text: `${title}: ${whoSaidNo(v)}, but it is still closed there. Open it again if it is needed; if not, people are asked again.`,
    blocks: [
      header(title),
      section(said),
      section(
        mrkdwn`*If it is still needed:* open it again in the CI database.\n*If not:* leave it closed. People are asked again ${again} whether to delete its domain.`,
      ),
      context(mrkdwn`You are asked this once.`),
    ],
  };
}

/** The same for the team, in the card's thread. */
export function settleSentence(v: DeletionView, why: string): string {
  return `The project ${v.slug} is still closed in the CI database, and ${why}. If it is still needed, have it opened again there; if not, people are asked again a day after this.`;
}

/** Who said no, and how, as half a sentence. */
export function whoSaidNo({ closedBecause, closedBy }: Pick<DeletionView, "closedBecause" | "closedBy">): string {
  const verbs: Partial<Record<ClosedBecause, string>> = {
    rejected: "rejected it",
    cancelled: "cancelled it",
    restored: "brought it back",
    kept: "asked to keep it",
  };
  return `${closedBy ?? "somebody"} ${verbs[closedBecause ?? "rejected"] ?? "ended it"}`;
}
