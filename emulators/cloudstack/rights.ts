import type { Call, Caller, Command } from "./command.ts";
import { ApiFault, permissionDenied } from "./failure.ts";
import type { Role, RoleRule } from "./world/rows.ts";
import type { World } from "./world/world.ts";

/**
 * Whether a role may call a command: root administrators everything; then the role's rules in order, the first that matches decides;
 * then the command's annotation for the role's type.
 * Source: facts/cloudstack.md §9.1, recording 08.
 */
export function isAllowed(world: World, role: Role, command: Command): boolean {
  if (role.id === world.base.rootAdminRole) return true;
  const rule = world.rules.group(role.id).find((r) => ruleMatches(r, command.name));
  if (rule !== undefined) return rule.permission === "allow";
  return command.annotated?.includes(role.type) ?? false;
}

/** Refuses with 432, in the wrapper `errorresponse`, what the caller's role does not allow. */
export function requireAllowed(world: World, caller: Caller, command: Command): void {
  if (isAllowed(world, caller.role, command)) return;
  throw new ApiFault(432, `The API [${command.name}] does not exist or is not available for the account for user id [${caller.user.id}].`);
}

const knownCommands: Command[] = [];

/** Tells the check for escalation which commands there are; called once with the whole registry. */
export function registerKnownCommands(commands: readonly Command[]): void {
  knownCommands.push(...commands);
}

/** Whether the caller's role allows another command, by its name. */
export function mayCall(call: Call, name: string): boolean {
  const command = knownCommands.find((known) => known.name === name);
  return command !== undefined && isAllowed(call.world, call.caller.role, command);
}

/** Refuses to hand out a role that may do something the caller's role may not. */
export function refuseEscalation(call: Call, role: Role): void {
  if (call.caller.reach === "all") return;
  const higher = knownCommands.find((c) => isAllowed(call.world, role, c) && !isAllowed(call.world, call.caller.role, c));
  if (higher === undefined) return;
  const { name } = call.caller.account;
  throw permissionDenied(`User of Account ${name} can not create an account with access to more privileges they have: ${higher.name}`);
}

function ruleMatches(rule: RoleRule, command: string): boolean {
  const pattern = rule.rule.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${pattern}$`, "i").test(command);
}
