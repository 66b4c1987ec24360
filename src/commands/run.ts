import { unreachable } from "../core/result.ts";
import { answerBackupCost } from "./backup-cost.ts";
import { answerBackups } from "./backups.ts";
import type { Command } from "./command.ts";
import { answerDeletions } from "./deletions.ts";
import { answerExport } from "./export-template.ts";
import { helpReply } from "./help.ts";
import { answerPlan, answerSync } from "./passes.ts";
import { answerPolicy } from "./policy.ts";
import type { Asker, Desks } from "./ports.ts";
import type { Reply } from "./reply.ts";
import { answerStatus } from "./status.ts";
import { answerResume, answerStop } from "./stop.ts";

/** Answers one command of one person. `where` is where an export may show its progress. */
export async function runCommand(
  command: Command,
  asker: Asker,
  desks: Desks,
  where: { readonly channel: string; readonly user: string },
): Promise<Reply> {
  switch (command.kind) {
    case "help":
      return helpReply(asker.isTeam);
    case "status":
      return answerStatus(asker, command.slug, desks);
    case "export_template":
      return answerExport(asker, command.slug, command.template, desks, where);
    case "plan":
      return answerPlan(asker, command.slug, desks.sync);
    case "sync":
      return answerSync(asker, command.slug, desks.sync);
    case "deletions":
      return answerDeletions(asker, desks.deletions);
    case "backups":
      return answerBackups(asker, command.slug, desks);
    case "backup_cost":
      return answerBackupCost(asker, desks.backups);
    case "policy":
      return answerPolicy(asker, command.wish, desks.policy);
    case "stop":
      return answerStop(asker, command.reason, desks.sync);
    case "resume":
      return answerResume(asker, desks.sync);
    default:
      return unreachable(command);
  }
}
