import type { Reply } from "./reply.ts";

/** The list of commands; the team sees more. */
export function helpReply(isTeam: boolean): Reply {
  const everybody = [
    "/ci-status [project]: how a project is doing, and what to do; of a deleted one what is saved",
    "/ci-export-template [project]: download a template, also of a project whose domain was deleted",
    "/ci-export-volume, /ci-export-snapshot [project]: the same for volumes and snapshots, where the policy allows it",
    "/ci-backups [project]: what was saved of a project, and when",
    "/ci-help: this list",
  ];
  const team = [
    "/ci-plan [project]: what a pass would do now, without doing it",
    "/ci-sync [project]: start a pass; with a project it reads only that one and proposes no deletion",
    "/ci-deletions: deletions under way",
    "/ci-export-links: links to exports that can be used now; <project>: those of one; revoke <id or link>: end one",
    "/ci-backup-cost: what backups cost by policy, and what each could have brought back in 2017",
    "/ci-policy: limits, approvers, scope, protected domains; a change takes two people",
    "/ci-adopt: have domains managed that are there already; release: let their first plan restrict; give-back <project>: manage one no longer",
    "/ci-stop [reason]: stop every pass and deletion before its next step",
    "/ci-resume: end the stop; takes two approvers",
  ];
  return {
    title: "Commands",
    parts: [
      { kind: "list", title: "Everybody", lines: everybody },
      ...(isTeam ? [{ kind: "list" as const, title: "The CI team", lines: team }] : []),
      { kind: "note", text: "A deletion always needs at least two approvers, and none of them may have asked for it." },
    ],
  };
}
