import type { Call, Caller, Command } from "./command.ts";
import { ApiFault, permissionDenied } from "./failure.ts";
import { describedAccount, describedDomain } from "./shapes/owner.ts";
import type { Account, Role, RoleRule, RoleType } from "./world/rows.ts";
import type { World } from "./world/world.ts";

/** From the most to the least. */
const TYPE_ORDER: readonly RoleType[] = ["Admin", "ResourceAdmin", "DomainAdmin", "User"];

/**
 * Whether a role may call a command: root administrators everything; then the role's rules in order, the first that matches decides;
 * then the command's annotation for the role's type.
 * Source: facts/cloudstack.md §9.1, recording 08.
 */
export function isAllowed(world: World, role: Role, command: Command): boolean {
  return reachOf(world, role).allowed.has(command.name);
}

/** Refuses with 432, in the wrapper `errorresponse`, what the caller's role does not allow. */
export function requireAllowed(world: World, caller: Caller, command: Command): void {
  if (isAllowed(world, caller.role, command)) return;
  throw new ApiFault(432, `The API [${command.name}] does not exist or is not available for the account for user id [${caller.user.id}].`);
}

const knownCommands: Command[] = [];

/** Tells the comparison of roles which commands there are; called once with the whole registry. */
export function registerKnownCommands(commands: readonly Command[]): void {
  knownCommands.push(...commands);
}

/** Whether the caller's role allows another command, by its name. */
export function mayCall(call: Call, name: string): boolean {
  return reachOf(call.world, call.caller.role).allowed.has(name);
}

/**
 * Refuses to hand out a role that may do something the caller's role may not: annotations count, so a role without `deny *` at its end
 * may do more than its rules say. A caller of the type Admin is no exception. Source: recordings 19 and 29.
 */
export function refuseEscalation(call: Call, role: Role): void {
  const { world, caller } = call;
  const own = reachOf(world, caller.role).allowed;
  for (const name of reachOf(world, role).allowed) if (!own.has(name)) throw escalation(call);
}

/**
 * Refuses to touch an account, or a user of it, that may do more than the caller. A caller of the type Admin may, whatever its rules.
 * Source: recording 29; CloudStack 4.22, AccountManagerImpl (verifyCallerPrivilegeForUserOrAccountOperations).
 */
export function refuseHigherAccount(call: Call, account: Account): void {
  const { world, caller } = call;
  if (account.projectId !== undefined) return;
  const role = world.roles.need(account.roleId);
  if (TYPE_ORDER.indexOf(caller.role.type) > TYPE_ORDER.indexOf(role.type)) {
    throw permissionDenied(
      `The calling account [${caller.account.name}, ${caller.account.id}] has a lower role type than the user account [${account.name}, ` +
        `${account.id}]`,
    );
  }
  if (caller.reach !== "all") refuseEscalation(call, role);
}

/** Whether a list of roles shows one: not where its rules allow what the caller's do not. Annotations do not count here (recording 19). */
export function seesRole(call: Call, role: Role): boolean {
  const { world, caller } = call;
  if (caller.role.id === world.base.rootAdminRole) return true;
  const own = reachOf(world, caller.role).byRules;
  return [...reachOf(world, role).byRules].every((name) => own.has(name));
}

function escalation(call: Call): ApiFault {
  const { account } = call.caller;
  const who = `User of Account Account ${describedAccount(account)} and domain ${describedDomain(call.world.domains.need(account.domainId))}`;
  return permissionDenied(`${who} can not create an account with access to more privileges they have themself.`);
}

/** The commands that a role allows: by its rules alone, and with the annotations. */
interface Reach {
  readonly byRules: ReadonlySet<string>;
  readonly allowed: ReadonlySet<string>;
}

const remembered = new WeakMap<World, { readonly version: number; readonly reaches: Map<string, Reach> }>();

function reachOf(world: World, role: Role): Reach {
  const kept = remembered.get(world);
  const version = world.rules.version + world.roles.version;
  const memory = kept?.version === version ? kept : { version, reaches: new Map<string, Reach>() };
  remembered.set(world, memory);
  const found = memory.reaches.get(role.id) ?? workOut(world, role);
  memory.reaches.set(role.id, found);
  return found;
}

function workOut(world: World, role: Role): Reach {
  const all = role.id === world.base.rootAdminRole;
  const inOrder = world.rules.group(role.id);
  // A rule that was added after `deny *` works at once (recording 18): what matches everything comes last.
  const place = ({ rule, isFirst }: RoleRule): number => (isFirst === true ? 0 : rule === "*" ? 2 : 1);
  const rules = [...inOrder].sort((a, b) => place(a) - place(b)).map((rule) => ({ rule, pattern: patternOf(rule) }));
  const byRules = new Set<string>();
  const allowed = new Set<string>();
  for (const { name, annotated } of knownCommands) {
    const first = rules.find(({ pattern }) => pattern.test(name))?.rule.permission;
    if (all || first === "allow") byRules.add(name);
    if (byRules.has(name) || (first === undefined && annotated?.includes(role.type) === true)) allowed.add(name);
  }
  return { byRules, allowed };
}

function patternOf(rule: RoleRule): RegExp {
  return new RegExp(`^${rule.rule.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`, "i");
}
