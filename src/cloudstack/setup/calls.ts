import { destructiveCommands, neverForMembers } from "../api/needs.ts";
import {
  memberCommands,
  wantedAccounts,
  wantedKeyRole,
  wantedMemberRole,
  type WantedAccount,
  type WantedRole,
} from "../api/wanted-roles.ts";
import { listed } from "../../core/shown-text.ts";
import type { Found, FoundRole } from "./found.ts";

/** A value of a parameter: a text, or what is known only when the calls are made. */
export type CallValue = string | { readonly of: Unknown; readonly name: string };
/** What is known only when the calls are made. */
export type Unknown = "role" | "rule" | "user" | "domain" | "password";

/** One call of CloudStack's API. */
export interface SetupCall {
  readonly command:
    "createRole" | "createRolePermission" | "deleteRolePermission" | "updateRolePermission" | "createAccount" | "registerUserKeys";
  /** A list becomes one value, with commas. */
  readonly params: Readonly<Record<string, CallValue | readonly CallValue[]>>;
  /** What later calls take from its answer. */
  readonly makes: Exclude<CallValue, string> | null;
}

/** The calls that make what is not there, and what is there otherwise than it is wanted. */
export interface Setup {
  readonly calls: readonly SetupCall[];
  /** Each is left as it is. */
  readonly differences: readonly string[];
  /** What to know of roles that are the team's own. */
  readonly notes: readonly string[];
}

/** What is asked for: which roles members get, and which roles with other rules may be changed. */
export interface Asked {
  readonly memberRoles: readonly string[];
  readonly mayChange: (role: string) => boolean;
}

/** Every role that is made or compared, by name. */
export function rolesAsked({ memberRoles }: Pick<Asked, "memberRoles">): readonly string[] {
  return [...memberRoles, ...wantedAccounts.map((account) => account.role)];
}

/** Works out the calls. `found` null: nothing is there, and ids of domains are given later. */
export function planSetup(found: Found | null, asked: Asked): Setup {
  const members = asked.memberRoles.map((name) => ({ name, role: found?.roles.get(name) }));
  const kept = members.flatMap(({ name, role }) => (role !== undefined && !asked.mayChange(name) && isSound(role) ? [role] : []));
  // A role of the team's own may do more than the one that is proposed: the writing key must be able to hand it out.
  const allowed = [...kept.flatMap(allowedBy), ...(kept.length < members.length ? memberCommands : [])];
  const roles = [...asked.memberRoles.map(wantedMemberRole), ...wantedAccounts.map(({ use }) => wantedKeyRole(use, [...new Set(allowed)]))];
  const planned = roles.map((role) => planRole(role, found?.roles.get(role.name), asked.mayChange(role.name)));
  const accounts = wantedAccounts.map((account) => planAccount(account, found));
  return {
    calls: [...planned, ...accounts].flatMap((plan) => plan.calls),
    differences: [
      ...(found?.doubled ?? []).map((name) => `there are several roles ${name}: rename all but one`),
      ...[...planned, ...accounts].flatMap((plan) => plan.differences),
    ],
    notes: kept.flatMap(noteOf),
  };
}

type Planned = Omit<Setup, "notes">;
const nothing: Planned = { calls: [], differences: [] };

function planRole(wanted: WantedRole, found: FoundRole | undefined, mayChange: boolean): Planned {
  const role = { of: "role", name: wanted.name } as const;
  if (found === undefined)
    return {
      calls: [
        { command: "createRole", params: { name: wanted.name, type: wanted.type }, makes: role },
        ...wanted.commands.map((command) => ruleCall(role, wanted.name, command, "allow")),
        ruleCall(role, wanted.name, "*", "deny"),
      ],
      differences: [],
    };
  if (found.type !== wanted.type)
    return { calls: [], differences: [`the role ${wanted.name} is of the type ${found.type}, not ${wanted.type}: delete or rename it`] };
  const own = new Set(allowedBy(found));
  const missing = wanted.commands.filter((command) => !own.has(command));
  const more = found.rules.filter((r) => !(r.isAllowed ? wanted.commands.includes(r.rule) : r.rule === "*"));
  const hasEnd = endsInDeny(found);
  if (missing.length + more.length === 0 && hasEnd) return nothing;
  if (mayChange) return { calls: changesOf(wanted, found, { missing, more, hasEnd }), differences: [] };
  const parts = [
    ...(missing.length === 0 ? [] : [`does not allow ${listed(missing)}`]),
    ...(more.length === 0 ? [] : [`has also the rules ${listed(more.map((r) => `${r.isAllowed ? "allow" : "deny"} ${r.rule}`))}`]),
    ...(hasEnd ? [] : ['does not end in "deny *"']),
  ];
  return { calls: [], differences: [`the role ${wanted.name} ${parts.join(", and ")}`] };
}

/** More rights come last: until then the role allows less than it will, or as much as before. */
function changesOf(
  wanted: WantedRole,
  found: FoundRole,
  { missing, more, hasEnd }: { readonly missing: readonly string[]; readonly more: FoundRole["rules"]; readonly hasEnd: boolean },
): readonly SetupCall[] {
  const id = found.id;
  const end = found.rules.find((r) => !r.isAllowed && r.rule === "*");
  const kept = found.rules.filter((r) => !more.includes(r) && r !== end);
  const added = missing.map((command) => ruleCall(id, wanted.name, command, "allow"));
  const endCall = end === undefined ? [ruleCall(id, wanted.name, "*", "deny")] : [];
  const endId: CallValue = end?.id ?? { of: "rule", name: `${wanted.name} *` };
  const order = [...kept.map((r) => r.id), ...missing.map((c): CallValue => ({ of: "rule", name: `${wanted.name} ${c}` })), endId];
  const needsOrder = missing.length > 0 || !hasEnd;
  return [
    ...endCall,
    ...more.map((r): SetupCall => ({ command: "deleteRolePermission", params: { id: r.id }, makes: null })),
    ...added,
    ...(needsOrder ? [{ command: "updateRolePermission", params: { roleid: id, ruleorder: order }, makes: null } as const] : []),
  ];
}

function ruleCall(role: CallValue, roleName: string, rule: string, permission: "allow" | "deny"): SetupCall {
  return {
    command: "createRolePermission",
    params: { roleid: role, rule, permission },
    makes: { of: "rule", name: `${roleName} ${rule}` },
  };
}

function planAccount(wanted: WantedAccount, found: Found | null): Planned {
  const { name, use, role, place } = wanted;
  const known = found?.accounts.get(use);
  const user = { of: "user", name } as const;
  const register = (id: CallValue): SetupCall => ({ command: "registerUserKeys", params: { id }, makes: null });
  if (known !== undefined) {
    const differences = [
      ...(known.roleName === role
        ? []
        : [`the account ${name} has the role ${known.roleName}, not ${role}: give it that role (updateAccount)`]),
      ...(known.state === "enabled" ? [] : [`the account ${name} is ${known.state}: enable it`]),
    ];
    return { calls: known.hasKeys ? [] : [register(known.userId)], differences };
  }
  if (found?.doubled.includes(role) === true) return nothing;
  const create: SetupCall = {
    command: "createAccount",
    params: {
      account: name,
      username: name,
      email: "twokey@example.org",
      firstname: "Twokey",
      lastname: use,
      password: { of: "password", name },
      roleid: found?.roles.get(role)?.id ?? { of: "role", name: role },
      domainid: found?.domains[place] ?? { of: "domain", name: place },
    },
    makes: user,
  };
  return { calls: [create, register(user)], differences: [] };
}

/** Whether members can be given a role, and the writing key its rights: few commands by name, and `deny *`. */
function isSound(role: FoundRole): boolean {
  const patterns = role.rules.some((r) => r.isAllowed && r.rule.includes("*"));
  return role.type !== "Admin" && endsInDeny(role) && !patterns && !allowedBy(role).some((command) => neverForMembers.has(command));
}

function noteOf(role: FoundRole): readonly string[] {
  const destructive = allowedBy(role).filter((command) => (destructiveCommands as readonly string[]).includes(command));
  if (destructive.length === 0) return [];
  return [
    `the role ${role.name} allows ${listed(destructive)}, and so must Twokey write: take it from ${role.name} if members can do without`,
  ];
}

/** In which order CloudStack lists rules of one age is not known: only whether there is such a rule is. Source: recording 18. */
function endsInDeny({ rules }: FoundRole): boolean {
  return rules.some((r) => !r.isAllowed && r.rule === "*");
}

function allowedBy({ rules }: FoundRole): readonly string[] {
  return rules.filter((r) => r.isAllowed && !r.rule.includes("*")).map((r) => r.rule);
}
