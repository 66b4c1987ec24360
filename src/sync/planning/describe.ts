import { unreachable } from "../../core/result.ts";
import type { Change, Plan } from "./plan.ts";

/** One change as a sentence for a person. */
export function describeChange(c: Change): string {
  switch (c.kind) {
    case "create_domain":
      return `create domain ${c.path}`;
    case "create_account":
      return `create account ${c.person.username} (${c.role}) in ${c.slug}`;
    case "create_user":
      return `create user ${c.person.username} in ${c.slug}`;
    case "update_user":
      return `update ${c.from.username} in ${c.slug}: ${personChanges(c.from, c.to)}`;
    case "set_role":
      return `give ${c.username} in ${c.slug} the role ${c.to} (now ${c.from})`;
    case "unlock_account":
      return `unlock ${c.username} in ${c.slug}`;
    case "raise_limit":
      return `set the limit ${c.type} of ${c.slug} to ${limitText(c.to)}`;
    case "lock_account":
      return `lock ${c.username} in ${c.slug}: no longer a member`;
    case "lower_limit":
      return `lower the limit ${c.type} of ${c.slug} from ${limitText(c.from)} to ${limitText(c.to)}`;
    default:
      return unreachable(c);
  }
}

/** The whole plan as text: for the log, the command line and replay. */
export function describePlan(plan: Plan): string {
  const scope =
    plan.scope.kind === "fleet" ? `everything below ${plan.scope.root}` : `project ${plan.scope.projectId} below ${plan.scope.root}`;
  const section = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ["", `${title} (${lines.length})`, ...lines.map((l) => `  ${l}`)];
  return [
    `plan ${plan.digest.slice(0, 12)} over ${scope}: ${plan.counts.projects} projects, ${plan.counts.domains} domains, ${plan.counts.accounts} accounts`,
    ...section("additive", plan.additive.map(describeChange)),
    ...section("restrictive", plan.restrictive.map(describeChange)),
    ...section(
      "could be deleted, if two people approve",
      plan.proposals.map(
        (p) => `${p.path}: ${p.evidence.kind === "closed" ? "closed in the CI database" : `absent in ${p.evidence.reads} reads`}`,
      ),
    ),
    ...section(
      "held",
      plan.holds.map((h) => `${h.sentence}. Blocks ${h.blocks}; lifted by: ${h.liftedBy}`),
    ),
    ...section(
      "drift, left alone",
      plan.drift.map((d) => d.sentence),
    ),
    "",
  ].join("\n");
}

function personChanges(from: { email: string; firstName: string; lastName: string }, to: typeof from): string {
  const parts = [];
  if (from.email !== to.email) parts.push(`e-mail ${to.email}`);
  if (from.firstName !== to.firstName || from.lastName !== to.lastName) parts.push(`name ${to.firstName} ${to.lastName}`);
  return parts.join(", ");
}

function limitText(n: number): string {
  return n === -1 ? "unlimited" : String(n);
}
