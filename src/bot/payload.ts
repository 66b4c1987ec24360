import { fail, type Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import type { Workspace } from "./accounts.ts";

/** What every payload says of its origin; which of it is there depends on the kind of payload and of installation. */
interface Origin {
  readonly api_app_id?: string | null;
  readonly team_id?: string | null;
  readonly enterprise_id?: string | null;
  readonly team?: { readonly id?: string | null; readonly enterprise_id?: string | null } | string | null;
  readonly enterprise?: { readonly id?: string | null } | null;
}

/**
 * Whether a payload was made for this app, in this workspace or organisation: a signature alone does not say so.
 *
 * An installation for a whole organisation has no `team`, and a click in another workspace of our organisation names that one.
 * Errors: `refused` `slack.other_origin`. Source: docs.slack.dev, block_actions payload, Events API wrapper, slash commands, "Apps for
 * organisations". Invariant: INV-2.
 */
export function assessOrigin(payload: unknown, here: Workspace): Result<void, Failure> {
  const p = (payload ?? {}) as Origin;
  const team = typeof p.team === "string" ? { id: p.team, enterprise_id: null } : p.team;
  const teams = [p.team_id, team?.id].filter(isNamed);
  const enterprises = [p.enterprise_id, p.enterprise?.id, team?.enterprise_id].filter(isNamed);
  // A team id can be the organisation's: E… instead of T….
  const isOurs = (id: string): boolean => id === here.teamId || id === here.enterpriseId;
  const isOurOrganisations = enterprises.length > 0 && enterprises.every((id) => id === here.enterpriseId);
  const isOurTeams = teams.length > 0 && teams.every(isOurs) && enterprises.every(isOurs);
  if (!isOurOrganisations && !isOurTeams) return other("another workspace or organisation");
  return isNamed(p.api_app_id) && here.appId !== null && p.api_app_id !== here.appId ? other("another app") : ok(undefined);
}

/** The text at a place of a payload, where one is; "" for anything else: Slack's own payloads have one there. */
export function textAt(payload: unknown, ...keys: readonly string[]): string {
  let found: unknown = payload;
  for (const key of keys)
    found = typeof found === "object" && found !== null && Object.hasOwn(found, key) ? (found as Fields)[key] : undefined;
  return typeof found === "string" ? found : "";
}

type Fields = Readonly<Record<string, unknown>>;

function isNamed(id: string | null | undefined): id is string {
  return typeof id === "string" && id !== "";
}

function other(whose: string): Result<never, Failure> {
  return fail("refused", "slack.other_origin", `This came from ${whose} than the one that Twokey is installed in; nothing was done`, {
    remedy: "Use Twokey in its own workspace.",
  });
}
