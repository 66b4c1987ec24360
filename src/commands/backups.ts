import { policyNames } from "../core/backup-policy.ts";
import type { Slug } from "../core/ids.ts";
import { counted } from "../core/plural.ts";
import { sizeText } from "../core/units.ts";
import type { Asker } from "../core/people.ts";
import type { BackupVersion, ProjectBackups } from "../archive/backups/service.ts";
import type { Services } from "./services.ts";
import { replyOf, replyOfFailure, shortReply, type Reply, type Words } from "./reply.ts";

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
  const plan: Words =
    b.policy === null
      ? "No new backups are made: BACKUP_POLICIES says so, or the project is closed."
      : [
          `What is backed up: ${policyNames[b.policy]}. The next backup `,
          ...(b.nextAt === null ? ["starts in a moment."] : ["is due ", { at: b.nextAt }, "."]),
        ];
  const newest: Words = good === undefined ? [] : ["The newest backup is of ", { at: good.askedAt }, ". "];
  return {
    title: `${b.project}: ${good === undefined ? "no backup yet" : counted(b.versions.length, "backup")}`,
    parts: [
      { kind: "text", text: [...newest, ...(typeof plan === "string" ? [plan] : plan)] },
      { kind: "list", title: "Backups, newest first", lines: b.versions.map(versionLine) },
      {
        kind: "list",
        title: "In the newest one",
        lines: (good?.things ?? []).map((t): Words => [
          `${t.kind} `,
          { code: t.name },
          `, ${sizeText(t.bytes)}, saved and read back `,
          { at: t.verifiedAt },
        ]),
      },
    ],
  };
}

function versionLine(v: BackupVersion): Words {
  const bytes = v.things.reduce((n, t) => n + t.bytes, 0);
  const things = `${counted(v.things.length, "thing")}, ${sizeText(bytes)}`;
  const state = { waiting: "waiting", saving: "in progress", complete: "complete", partial: "incomplete", failed: "failed" }[v.state];
  return [{ at: v.askedAt }, `, ${policyNames[v.policy]}: ${state}; ${things}${v.problem === null ? "" : ` (${v.problem})`}`];
}
