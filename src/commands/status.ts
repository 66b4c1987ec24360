import type { Slug } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import type { ProjectStatus } from "./projects.ts";
import { replyOf, replyOfFailure, shortReply, type Reply } from "./reply.ts";
import type { Services } from "./services.ts";

/** `/ci-status`: one project, or a list of the asker's. */
export async function answerStatus(asker: Asker, slug: Slug | null, services: Services): Promise<Reply> {
  if (slug !== null) return replyOf(await services.projects.status(asker, slug), statusReply);
  const projects = await services.projects.projectsOf(asker);
  if (!projects.ok) return replyOfFailure(projects.error);

  const [only] = projects.value;
  if (only === undefined)
    return shortReply(
      "You have no project here",
      "If you should have one, ask the CI team: your Slack e-mail must be the one in the CI database.",
    );
  if (projects.value.length === 1) return answerStatus(asker, only.slug, services);
  const lines = projects.value.map((p) => `${p.slug}: ${p.name}, ${p.state}, ${p.members.length} member(s)`);
  return {
    title: `${projects.value.length} projects`,
    parts: [
      { kind: "list", title: asker.isTeam ? "All projects" : "Your projects", lines },
      { kind: "note", text: "/ci-status and a short name shows more." },
    ],
  };
}

function statusReply(status: ProjectStatus): Reply {
  const { project, domain, items, nextChanges, leftAlone, held, deletion, trouble, isUnadopted } = status;
  const known = (tell: (of: (kind: string) => NonNullable<typeof items>) => string): string =>
    items === null ? "unknown" : tell((kind) => items.filter((i) => i.kind === kind));
  const running = (machines: NonNullable<typeof items>): number => machines.filter((i) => i.state === "Running").length;
  return {
    title: `${project.slug}: ${domain !== null ? project.state : isUnadopted ? "its domain is not adopted" : "no domain yet"}`,
    parts: [
      {
        kind: "fields",
        rows: [
          ["Project", `${project.name} (${project.slug}), ${project.state}`],
          ["Domain", domain?.path ?? (isUnadopted ? "there, but Twokey does not manage it: /ci-adopt" : "not there yet")],
          ["Machines", known((of) => `${running(of("machine"))} running, ${of("machine").length - running(of("machine"))} not`)],
          [
            "Templates",
            known(
              (of) =>
                of("template")
                  .map((i) => i.name)
                  .join(", ") || "none",
            ),
          ],
          ["Volumes, snapshots", known((of) => `${of("volume").length}, ${of("snapshot").length}`)],
        ],
      },
      { kind: "list", title: "The next plan would", lines: nextChanges.length === 0 ? ["change nothing"] : nextChanges },
      { kind: "list", title: "Held", lines: held },
      { kind: "list", title: "Different, but left alone", lines: leftAlone },
      {
        kind: "note",
        text:
          deletion === null
            ? "No deletion is under way."
            : `A deletion is under way: ${deletion.phase.replaceAll("_", " ")}. Tell the CI team if the domain is still needed.`,
      },
      ...(trouble === null ? [] : [{ kind: "note" as const, text: `Not everything could be read: ${trouble}` }]),
    ],
  };
}
