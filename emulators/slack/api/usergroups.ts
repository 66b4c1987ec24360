import type { Json, JsonObject } from "../control-api.ts";
import { compact } from "../json.ts";
import { refuse } from "../refusal.ts";
import type { SeedUsergroup } from "../seed.ts";
import type { Workspace } from "../workspace.ts";
import type { Args } from "./args.ts";
import type { ApiMethods, ApiWorld } from "./method.ts";

const scopes = ["usergroups:read"];

/** The methods of `usergroups.*`. */
export const usergroups: ApiMethods = {
  "usergroups.list": { scopes, run: list },
  "usergroups.users.list": { scopes, run: usersOf },
};

function list({ ws }: ApiWorld, args: Args): JsonObject {
  const users = args.flag("include_users");
  const count = users || args.flag("include_count");
  return { usergroups: ws.state.usergroups.map((group): Json => wireUsergroup(ws, group, { users, count })) };
}

function usersOf({ ws }: ApiWorld, args: Args): JsonObject {
  const group = ws.usergroup(args.string("usergroup")) ?? refuse("no_such_subteam");
  return { users: group.users };
}

function wireUsergroup(ws: Workspace, group: SeedUsergroup, include: { readonly users: boolean; readonly count: boolean }): JsonObject {
  const creator = ws.state.users[0]?.id ?? "";
  return compact({
    id: group.id,
    team_id: ws.seed.team.id,
    is_usergroup: true,
    is_subteam: true,
    name: group.name,
    description: "",
    handle: group.handle,
    is_external: false,
    date_create: 0,
    date_update: 0,
    date_delete: 0,
    auto_type: null,
    auto_provision: false,
    enterprise_subteam_id: "",
    created_by: creator,
    updated_by: creator,
    deleted_by: null,
    prefs: { channels: [], groups: [] },
    users: include.users ? group.users : undefined,
    user_count: include.count ? group.users.length : undefined,
  });
}
