import type { Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { refusal, statusOf } from "../api/classify.ts";
import type { CloudStackApi } from "../api/http.ts";
import { listOf, readList } from "../api/paging.ts";
import { RoleRow, RuleRow } from "../api/wire.ts";

/** A role as a key sees it. */
export interface SeenRole {
  readonly id: string;
  readonly type: string;
  /** In the order in which CloudStack applies them; null: this key may not ask. */
  readonly rules: readonly { readonly rule: string; readonly isAllowed: boolean }[] | null;
}

/**
 * The id of the role of that exact name. CloudStack leaves out of the list what may do more than the key, so such a role is not found.
 *
 * Errors: `refused` when there is none that this key could hand out, or more than one. Source: recording 19.
 */
export async function findRole(api: CloudStackApi, name: string): Promise<Result<RoleRow, Failure>> {
  const roles = await readList(api, listOf("listRoles", "role", RoleRow));
  if (!roles.ok) return roles;
  const named = roles.value.filter((role) => role.name === name);
  const [role] = named;
  if (role !== undefined && named.length === 1) return ok(role);
  const none = `CloudStack shows this key no role "${name}": there is none, or it may do something that this key may not`;
  const sentence = role === undefined ? none : `CloudStack has ${named.length} roles "${name}"`;
  const remedy =
    'Name a role in CLOUDSTACK_ROLES that allows a few commands, each of which the writing key may send, and ends in "deny *" ' +
    "(docs/cloudstack.md).";
  return err(refusal("no_role", sentence, { remedy }));
}

/** Reads a role by its name, with its rules in their order: the first that matches a command decides. */
export async function readRole(api: CloudStackApi, name: string): Promise<Result<SeenRole, Failure>> {
  const role = await findRole(api, name);
  if (!role.ok) return role;
  const { id, type } = role.value;
  const query = {
    command: "listRolePermissions",
    params: { roleid: id },
    rows: "rolepermission",
    row: RuleRow,
    keyOf: (r: RuleRow) => r.id,
  };
  const rules = await readList(api, query);
  if (!rules.ok) return statusOf(rules.error) === 432 ? ok({ id, type, rules: null }) : rules;
  return ok({ id, type, rules: rules.value.map((r) => ({ rule: r.rule, isAllowed: r.permission.toLowerCase() === "allow" })) });
}
