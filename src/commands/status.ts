import type { Slug } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import { counted } from "../core/plural.ts";
import { phaseText } from "../deletion/phase-words.ts";
import { attentionTitles, kindsIn, ofKind, type Overview } from "./attention.ts";
import { isLive, partsAfterwards, partsUnderWay, standingWords, tookDomain } from "./deletion-parts.ts";
import type { ProjectStatus } from "./projects.ts";
import { replyOf, replyOfFailure, shortReply, type Moment, type Part, type Reply, type Words } from "./reply.ts";
import type { Services } from "./services.ts";
import { contentParts, headParts, limitParts, stepParts } from "./status-parts.ts";

/** `/ci-status`: one project, or all of the asker's at a glance. */
export async function answerStatus(asker: Asker, slug: Slug | null, services: Pick<Services, "projects">): Promise<Reply> {
  if (slug !== null) return replyOf(await services.projects.status(asker, slug), statusReply);
  const overview = await services.projects.overview(asker);
  if (!overview.ok) return replyOfFailure(overview.error);
  if (asker.isTeam && overview.value.projects.length !== 1) return teamReply(overview.value);

  const slugs = [...overview.value.projects.map((p) => p.slug), ...overview.value.former.map((f) => f.view.slug as Slug)];
  const [only] = slugs;
  if (only === undefined)
    return shortReply(
      "You have no project here",
      "If you should have one, ask the CI team: your Slack e-mail must be the one in the CI database.",
    );
  return slugs.length === 1 ? answerStatus(asker, only, services) : memberReply(overview.value);
}

/** One project: first how it stands and what the reader can do, then what there is. */
function statusReply(s: ProjectStatus): Reply {
  const { deletion, domain } = s;
  const isOver = deletion !== null && tookDomain(deletion.view) && domain === null;
  const isUnderWay = deletion !== null && isLive(deletion.view);
  const told = isUnderWay
    ? partsUnderWay(deletion, { isMember: s.isMember, canKeep: s.isMember && s.project !== null })
    : isOver
      ? partsAfterwards(deletion)
      : [{ kind: "text", text: advice(s) } as const];
  // Of what is gone, only what was saved is left to show.
  if (isOver && s.project?.state !== "active") return { title: titleOf(s), parts: told };
  return {
    title: titleOf(s),
    parts: [
      ...told,
      ...headParts(s),
      ...contentParts(s),
      ...limitParts(s),
      ...(isUnderWay ? stepParts({ ...s, nextChanges: ["change nothing while the deletion is under way"] }) : stepParts(s)),
      ...(isUnderWay ? [] : earlierParts(s)),
    ],
  };
}

function titleOf(s: ProjectStatus): string {
  const { deletion, domain, project } = s;
  const say = (words: string): string => `${s.slug}: ${words}`;
  if (deletion !== null && isLive(deletion.view)) return say(lowerFirst(phaseText(deletion.view)));
  if (deletion !== null && tookDomain(deletion.view) && domain === null) return say("deleted");
  if (project === null) return say("not in the CI database, its domain is still there");
  if (domain === null) {
    if (project.state === "closed") return say(s.isUnadopted ? "closed, its domain is not adopted" : "closed, without a domain");
    return say(s.isUnadopted ? "its domain is not adopted" : "no domain yet");
  }
  if (project.state === "closed") return say("closed, its domain is still there");
  if (s.troubles.length > 0) return say("not everything could be read");
  if (s.isLockedOut) return say("you are locked out");
  if (s.held.length > 0) return say("held");
  return say(s.lockedOut.length === 0 ? "all right" : `${counted(s.lockedOut.length, "user")} locked out`);
}

/** Whether the reader must do something, and what. */
function advice(s: ProjectStatus): string {
  if (s.project === null)
    return "The CI database does not list the project, or its row cannot be used. Nothing is deleted unless two people approve it.";
  if (s.isUnadopted && s.project.state === "closed")
    return "The project is closed, and Twokey does not manage its domain: nobody is asked about it. To have it deleted after approvals, open the project again, have the CI team adopt the domain, and close it.";
  if (s.isUnadopted) return "The domain is in CloudStack, but Twokey does not manage it. The CI team can adopt it.";
  if (s.project.state === "closed")
    return s.domain === null
      ? "The project is closed in the CI database, and has no domain."
      : "The project is closed in the CI database. Nothing is deleted: two people of the CI team are asked first, and you are told. If you still need it, ask them to open the project again.";
  if (s.domain === null)
    return s.held.length > 0
      ? "It has no domain: see below what keeps it."
      : "It has no domain yet. The next pass creates it; that takes a few minutes.";
  if (s.isLockedOut) return "Your own account cannot log in to CloudStack: ask the CI team to unlock it. No deletion is under way.";
  if (s.troubles.length > 0) return "What could be read is below. Ask again in a few minutes.";
  if (s.held.length > 0) return "The machines are as they were, but changes of members and limits wait: see below what keeps them.";
  if (s.lockedOut.length > 0) return "No deletion is under way. Some users cannot log in to CloudStack: the CI team can unlock them.";
  return "No deletion is under way, and there is nothing to do.";
}

/** How the deletion before ended, where there was one. */
function earlierParts({ deletion }: ProjectStatus): readonly Part[] {
  if (deletion === null) return [];
  const { view, enteredAt } = deletion;
  const when: readonly (string | Moment)[] = enteredAt === null ? [] : [", ", { at: enteredAt, as: "day" }];
  const text: Words = [`The last deletion: ${lowerFirst(phaseText(view))}`, ...when, "."];
  return [{ kind: "note", text }];
}

function lowerFirst(words: string): string {
  return words.slice(0, 1).toLowerCase() + words.slice(1);
}

/** All projects for the team: how many, and those that need attention. */
function teamReply(o: Overview): Reply {
  const lists = kindsIn(o).map((kind): Part => ({
    kind: "list",
    title: attentionTitles[kind],
    lines: ofKind(o, kind).map((a) => lineOf(a.slug, a.words)),
  }));
  const n = o.projects.length;
  const domains =
    n === 0 && o.attention.length > 0 ? `${counted(o.attention.length, "domain")} of no listed project` : attentionText(o.attention.length);
  const healthy: Part[] =
    n === 0
      ? []
      : [
          {
            kind: "text",
            text: `${o.healthy} of ${counted(n, "project")} ${o.healthy === 1 ? "is" : "are"} all right${o.gone === 0 ? "" : `, ${o.gone} closed and gone`}.`,
          },
        ];
  return {
    title: `${n === 0 ? "No project in the CI database" : counted(n, "project")}: ${o.allHeld.length > 0 ? "held, " : ""}${domains}`,
    parts: [
      { kind: "list", title: "Held for all of them", lines: o.allHeld },
      ...healthy,
      ...lists,
      { kind: "list", title: "Rows of the CI database to correct, of no project that they name", lines: o.namelessRows },
      { kind: "note", text: "/ci-status and a short name shows one project." },
    ],
  };
}

/** The projects of somebody who has several. */
function memberReply(o: Overview): Reply {
  const attention = new Map(o.attention.map((a) => [a.slug, a.words]));
  const own = o.projects.map((p) => lineOf(p.slug, attention.get(p.slug) ?? (p.state === "closed" ? "closed and gone" : "all right"), p));
  const former = o.former.map(({ view, enteredAt }) =>
    isLive(view) || enteredAt === null
      ? lineOf(view.slug, standingWords(view))
      : lineOf(view.slug, ["deleted ", { at: enteredAt, as: "day" }]),
  );
  return {
    title: `${o.projects.length + o.former.length} projects: ${attentionText(o.attention.length)}`,
    parts: [
      { kind: "list", title: "Your projects", lines: own },
      { kind: "list", title: "No longer in the CI database", lines: former },
      { kind: "note", text: "/ci-status and a short name shows more." },
    ],
  };
}

function attentionText(n: number): string {
  return n === 0 ? "none needs attention" : `${n.toLocaleString("en")} need${n === 1 ? "s" : ""} attention`;
}

function lineOf(slug: string, words: Words, project: { readonly name: string; readonly slug: string } = { name: slug, slug }): Words {
  const name = project.name === slug ? [] : [`, ${project.name}`];
  return [{ code: slug }, ...name, ": ", ...(typeof words === "string" ? [words] : words)];
}
