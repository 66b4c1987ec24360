import type { HomeView } from "@slack/types";
import type { DeletionView } from "../../deletion/view.ts";
import type { DesiredProject } from "../../sync/planning/desired.ts";
import { context, header, list, mrkdwn, section } from "./blocks.ts";

/** Renders the App Home: open deletions for the team, and one's own projects. */
export function homeView(projects: readonly DesiredProject[], deletions: readonly DeletionView[]): HomeView {
  const open = deletions.map((d) => `${d.path}: ${d.phase.replaceAll("_", " ")}, ${d.approvals.length} of ${d.quorum} approvals`);
  const own = projects.map((p) => `${p.slug}: ${p.name}, ${p.state}`);
  const none = section(mrkdwn`You have none. If you should have one, your Slack e-mail must be the one in the CI database.`);
  return {
    type: "home",
    blocks: [
      ...(open.length === 0 ? [] : [header("Deletions under way"), ...list("Each has a card in the team's channel", open)]),
      header("Projects"),
      ...(own.length === 0 ? [none] : list("In the CI database", own, 30)),
      context(mrkdwn`/ci-help lists all commands.`),
    ],
  };
}
