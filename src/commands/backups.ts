import { policyNames } from "../core/backup-policy.ts";
import type { Slug } from "../core/ids.ts";
import { sizeText } from "../core/units.ts";
import type { Asker } from "../core/people.ts";
import type { BackupVersion, ProjectBackups } from "../archive/backups/service.ts";
import type { Services } from "./services.ts";
import { minuteText, replyOf, replyOfFailure, shortReply, type Reply } from "./reply.ts";

/** `/ci-backups`: what is saved of one project, from when, and when it was verified. */
export async function answerBackups(asker: Asker, slug: Slug | null, services: Pick<Services, "backups" | "projects">): Promise<Reply> {
  if (slug !== null) return replyOf(await services.backups.list(asker, slug), backupsReply);
  const projects = await services.projects.projectsOf(asker);
  if (!projects.ok) return replyOfFailure(projects.error);
  const [only] = projects.value;
  if (projects.value.length === 1 && only !== undefined) return answerBackups(asker, only.slug, services);
  return only === undefined
    ? shortReply("You have no project here", "/ci-status lists yours.")
    : shortReply("Which project?", "Write /ci-backups and its short name.");
}

function backupsReply(b: ProjectBackups): Reply {
  const good = b.versions.find((v) => v.things.length > 0);
  const plan =
    b.policy === null
      ? "No new backups are made: BACKUP_POLICIES says so, or the project is closed."
      : `What is backed up: ${policyNames[b.policy]}. The next backup ${b.nextAt === null ? "starts in a moment" : `is due ${minuteText(b.nextAt)}`}.`;
  return {
    title: good === undefined ? `${b.project}: no backup yet` : `${b.project}: newest backup ${minuteText(good.askedAt)}`,
    parts: [
      { kind: "text", text: plan },
      { kind: "list", title: "Backups, newest first", lines: b.versions.map(versionLine) },
      {
        kind: "list",
        title: "In the newest one",
        lines: (good?.things ?? []).map(
          (t) => `${t.kind} ${t.name}, ${sizeText(t.bytes)}, saved and read back ${minuteText(t.verifiedAt)}`,
        ),
      },
    ],
  };
}

function versionLine(v: BackupVersion): string {
  const bytes = v.things.reduce((n, t) => n + t.bytes, 0);
  const things = `${v.things.length} thing${v.things.length === 1 ? "" : "s"}, ${sizeText(bytes)}`;
  const state = { waiting: "waiting", saving: "in progress", complete: "complete", partial: "incomplete", failed: "failed" }[v.state];
  return `${minuteText(v.askedAt)}, ${policyNames[v.policy]}: ${state}; ${things}${v.problem === null ? "" : ` (${v.problem})`}`;
}
