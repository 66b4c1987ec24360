import { unreachable } from "../core/result.ts";
import { answerAdopt } from "./adopt.ts";
import { answerBackupCost } from "./backup-cost.ts";
import { answerBackups } from "./backups.ts";
import type { Command } from "./command.ts";
import { answerDeletions } from "./deletions.ts";
import { answerExportLinks } from "./export-links.ts";
import { answerExport } from "./export-template.ts";
import { answerGreeting } from "./greeting.ts";
import { helpReply } from "./help.ts";
import { answerPlan, answerSync } from "./passes.ts";
import { answerPolicy } from "./policy.ts";
import type { Asker } from "../core/people.ts";
import type { Services } from "./services.ts";
import type { Reply } from "./reply.ts";
import { answerStatus } from "./status.ts";
import { answerResume, answerStop, withStop } from "./stop.ts";

/** Where an export may show its progress. */
interface Place {
  readonly channel: string;
  readonly user: string;
}

/** Answers one command of one person; while everything is stopped, each answer says so. */
export async function runCommand(command: Command, asker: Asker, services: Services, where: Place): Promise<Reply> {
  const reply = await answer(command, asker, services, where);
  if (command.kind === "stop" || command.kind === "resume") return reply;
  // Without the database nothing is sent either; the answer itself must not be lost.
  const stop = await services.sync.presentStop().catch(() => null);
  return withStop(reply, stop, asker.isTeam);
}

async function answer(command: Command, asker: Asker, services: Services, where: Place): Promise<Reply> {
  switch (command.kind) {
    case "help":
      return helpReply(asker.isTeam);
    case "greeting":
      return answerGreeting(command.greeting);
    case "status":
      return answerStatus(asker, command.slug, services);
    case "export_template":
      return answerExport(asker, command.slug, command.template, services, where, command.thing);
    case "export_links":
      return answerExportLinks(asker, command.wish, services.exports, where.user);
    case "plan":
      return answerPlan(asker, command.slug, services.sync);
    case "sync":
      return answerSync(asker, command.slug, services.sync);
    case "deletions":
      return answerDeletions(asker, services.deletions);
    case "backups":
      return answerBackups(asker, command.slug, services);
    case "backup_cost":
      return answerBackupCost(asker, services.backups);
    case "adopt":
      return answerAdopt(asker, command.wish, services.adoption);
    case "policy":
      return answerPolicy(asker, command.wish, services.policy);
    case "stop":
      return answerStop(asker, command.reason, services.sync);
    case "resume":
      return answerResume(asker, services.sync);
    default:
      return unreachable(command);
  }
}
