import { policyNames } from "../core/backup-policy.ts";
import type { Slug } from "../core/ids.ts";
import { sizeText } from "../core/units.ts";
import type { Asker } from "../core/people.ts";
import type { BackupVersion, ProjectBackups } from "../archive/backups/service.ts";
import type { Services } from "./services.ts";
import { replyOfFailure, type Reply } from "./reply.ts";

/** `/ci-backups`: what there is of one project, from when, and when it was verified. */
export async function answerBackups(asker: Asker, slug: Slug | null, services: Pick<Services, "backups" | "projects">): Promise<Reply> {
  if (slug !== null) {
    const found = await services.backups.list(asker, slug);
    return found.ok ? backupsReply(found.value) : replyOfFailure(found.error);
  }
  const projects = await services.projects.projectsOf(asker);
  if (!projects.ok) return replyOfFailure(projects.error);
  const [only] = projects.value;
  if (projects.value.length === 1 && only !== undefined) return answerBackups(asker, only.slug, services);
  return {
    title: only === undefined ? "You have no project here" : "Which project?",
    parts: [{ kind: "text", text: only === undefined ? "/ci-status lists yours." : "Say /ci-backups and its short name." }],
  };
}

function backupsReply(b: ProjectBackups): Reply {
  const good = b.versions.find((v) => v.things.length > 0);
  const plan =
    b.policy === null
      ? "None are made (any more): BACKUP_POLICIES says so, or the project is closed."
      : `Of ${policyNames[b.policy]}; the next ${b.nextAt === null ? "in a moment" : `is due ${timeText(b.nextAt)}`}.`;
  return {
    title: good === undefined ? `${b.project}: no backup yet` : `${b.project}: the newest backup is of ${timeText(good.askedAt)}`,
    parts: [
      { kind: "text", text: plan },
      { kind: "list", title: "Backups, the newest first", lines: b.versions.map(versionLine) },
      {
        kind: "list",
        title: "In the newest",
        lines: (good?.things ?? []).map((t) => `${t.kind} ${t.name}, ${sizeText(t.bytes)}, saved and read back ${timeText(t.verifiedAt)}`),
      },
    ],
  };
}

function versionLine(v: BackupVersion): string {
  const bytes = v.things.reduce((n, t) => n + t.bytes, 0);
  const things = `${v.things.length} thing${v.things.length === 1 ? "" : "s"}, ${sizeText(bytes)}`;
  const state = { waiting: "waits", saving: "is being made", complete: "complete", partial: "not complete", failed: "failed" }[v.state];
  return `${timeText(v.askedAt)}, ${policyNames[v.policy]}: ${state}; ${things}${v.problem === null ? "" : ` (${v.problem})`}`;
}

function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
