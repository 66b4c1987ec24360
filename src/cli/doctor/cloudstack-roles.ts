import { destructiveCommands, neverForMembers } from "../../cloudstack/api/needs.ts";
import type { KeyInspector } from "../../cloudstack/read/key-inspector.ts";
import type { SeenRole } from "../../cloudstack/read/roles.ts";
import type { Config } from "../../config/config.ts";
import { checksOf, type Check } from "./check.ts";
import { listed } from "../../core/shown-text.ts";

const { ok, warning, failed, refused } = checksOf("cloudstack");

/** The checks of the roles in `CLOUDSTACK_ROLES`, and the commands that they allow. */
export interface RoleFindings {
  readonly checks: readonly Check[];
  /** Null: not known, since a role could not be read. */
  readonly members: readonly string[] | null;
}

/**
 * Checks each role that accounts get, as the writing key sees it: whether that key can hand it out, which CloudStack allows only for a role
 * that may do no more than the key. A role without "deny *" at its end may do what CloudStack allows its type by default.
 *
 * Source: recordings 19 and 29.
 */
export async function examineRoles(key: KeyInspector, config: Pick<Config, "cloudstack">): Promise<RoleFindings> {
  const allowed = await key.readAllowed();
  const may = allowed.ok ? allowed.value : null;
  const checks: Check[] = [];
  const members: string[] = [];
  let isWhole = true;
  for (const name of new Set(Object.values(config.cloudstack.roles))) {
    const role = await key.readRole(name);
    if (role.ok) {
      checks.push(...judgeRole(name, role.value, may));
      members.push(...singleRules(role.value));
    } else {
      checks.push(refused({ ...role.error, message: `write key: ${role.error.message}` }, "Try again."));
      isWhole = false;
    }
  }
  return { checks, members: isWhole ? members : null };
}

/** Whether members can be given a role, and what follows for the writing key. */
function judgeRole(name: string, role: SeenRole, may: ReadonlySet<string> | null): readonly Check[] {
  const who = `the role ${name} of CLOUDSTACK_ROLES`;
  const remedy = `Change the rules of ${name}, or make another role (docs/cloudstack.md).`;
  if (role.type === "Admin") return [failed(`${who} is of the type Admin: its accounts could reach every domain`, remedy)];
  if (role.rules === null || may === null) {
    const allow = "Allow listRolePermissions and listApis in the role of the writing key: they only read.";
    return [warning(`${who}: whether the writing key can hand it out is not known, since it may not compare the rules`, allow)];
  }
  // In which order CloudStack lists rules of one age is not known: only whether there is such a rule is.
  if (!role.rules.some((r) => r.rule === "*" && !r.isAllowed)) {
    const sentence = `${who} does not end in "deny *", so it allows what CloudStack allows the type ${role.type} by default as well`;
    return [failed(`${sentence}; the writing key cannot hand it out`, remedy)];
  }
  const patterns = role.rules.filter((r) => r.isAllowed && r.rule.includes("*")).map((r) => r.rule);
  const singles = singleRules(role);
  const beyond = singles.filter((rule) => !may.has(rule));
  const never = singles.filter((rule) => neverForMembers.has(rule));
  const destructive = singles.filter((rule) => !neverForMembers.has(rule) && (destructiveCommands as readonly string[]).includes(rule));
  const found = [
    ...(beyond.length === 0
      ? []
      : [failed(`${who} allows ${listed(beyond)}, which the writing key may not send: it cannot hand it out`, remedy)]),
    ...(never.length === 0
      ? []
      : [failed(`${who} allows ${listed(never)}: the writing key would have to be allowed to send that, too`, remedy)]),
    ...(patterns.length === 0 ? [] : [warning(`${who} allows ${listed(patterns)}: patterns cannot be compared`, "Name each command.")]),
    ...(destructive.length === 0
      ? []
      : [
          warning(
            `${who} allows ${listed(destructive)}, and so the writing key can send that, too`,
            `Take it from ${name} if members can do without.`,
          ),
        ]),
  ];
  return found.length > 0 ? found : [ok(`${who} allows ${singles.length} commands, ends in "deny *", and the writing key can hand it out`)];
}

function singleRules({ rules }: SeenRole): readonly string[] {
  return (rules ?? []).filter((r) => r.isAllowed && !r.rule.includes("*")).map((r) => r.rule);
}
