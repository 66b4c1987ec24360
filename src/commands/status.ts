import type { Slug } from "../core/ids.ts";
import type { Asker } from "../core/people.ts";
import type { Services } from "./services.ts";
import type { ProjectStatus } from "./projects.ts";
import { replyOfFailure, type Part, type Reply } from "./reply.ts";

/** `/ci-status`: one project, or a list of the asker's. */
export async function answerStatus(asker: Asker, slug: Slug | null, services: Services): Promise<Reply> {
  if (slug !== null) {
    const status = await services.projects.status(asker, slug);
    return status.ok ? statusReply(status.value) : replyOfFailure(status.error);
  }
  const projects = await services.projects.projectsOf(asker);
  if (!projects.ok) return replyOfFailure(projects.error);
  if (projects.value.length === 0)
    return {
      title: "You have no project here",
      parts: [{ kind: "text", text: "If you should have one, ask the CI team: your Slack e-mail must be the one in the CI database." }],
    };
  const [only] = projects.value;
  if (projects.value.length === 1 && only !== undefined) return answerStatus(asker, only.slug, services);
  const lines = projects.value.map((p) => `${p.slug}: ${p.name}, ${p.state}, ${p.members.length} member(s)`);
  return {
    title: `${projects.value.length} projects`,
    parts: [
      { kind: "list", title: asker.isTeam ? "All projects" : "Your projects", lines },
      { kind: "note", text: "/ci-status and a name tells more." },
    ],
  };
}

function statusReply(s: ProjectStatus): Reply {
  const count = (kind: string, state?: string): number =>
    s.items?.filter((i) => i.kind === kind && (state === undefined || i.state === state)).length ?? 0;
  const rows: (readonly [string, string])[] = [
    ["Project", `${s.project.name} (${s.project.slug}), ${s.project.state}`],
    ["Domain", s.domain?.path ?? "not there yet"],
    [
      "Machines",
      s.items === null ? "unknown" : `${count("machine", "Running")} running, ${count("machine") - count("machine", "Running")} not`,
    ],
    [
      "Templates",
      s.items === null
        ? "unknown"
        : s.items
            .filter((i) => i.kind === "template")
            .map((i) => i.name)
            .join(", ") || "none",
    ],
    ["Volumes, snapshots", s.items === null ? "unknown" : `${count("volume")}, ${count("snapshot")}`],
  ];
  const parts: Part[] = [{ kind: "fields", rows }];
  parts.push({ kind: "list", title: "The next plan would", lines: s.nextChanges.length === 0 ? ["change nothing"] : s.nextChanges });
  parts.push({
    kind: "note",
    text:
      s.deletion === null
        ? "No deletion is under way."
        : `A deletion is under way: ${s.deletion.phase.replaceAll("_", " ")}. Ask the CI team if the domain is still needed.`,
  });
  if (s.trouble !== null) parts.push({ kind: "note", text: `Not all could be read: ${s.trouble}` });
  return { title: `${s.project.slug}: ${s.domain === null ? "no domain yet" : s.project.state}`, parts };
}
