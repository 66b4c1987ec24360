import { unreachable } from "../../core/result.ts";
import type { Change } from "./plan.ts";

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

function personChanges(from: { email: string; firstName: string; lastName: string }, to: typeof from): string {
  const parts = [];
  if (from.email !== to.email) parts.push(`e-mail ${to.email}`);
  if (from.firstName !== to.firstName || from.lastName !== to.lastName) parts.push(`name ${to.firstName} ${to.lastName}`);
  return parts.join(", ");
}

function limitText(n: number): string {
  return n === -1 ? "unlimited" : String(n);
}
