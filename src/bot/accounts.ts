/** What Slack says of one account: whether it may act here, which account it is, and which person. Pure. */
import { createHash } from "node:crypto";
import type { Operator } from "../core/people.ts";
import { CiUserId, OperatorId } from "../core/ids.ts";

/** A person of the CI database, as identity needs it. */
export interface Person {
  /** Null: the row has no id that can be used. */
  readonly id: CiUserId | null;
  readonly name: string;
  readonly email: string | null;
  readonly slackId: string | null;
  /** A disabled person is still who they are, but has no rights here. */
  readonly enabled: boolean;
}

/** Where the bot is installed, by `auth.test`. Source: docs.slack.dev, auth.test: `enterprise_id` is there within an Enterprise organisation. */
export interface Workspace {
  readonly teamId: string;
  /** Null outside of Enterprise Grid. */
  readonly enterpriseId: string | null;
  /** Null when Slack does not say. */
  readonly appId: string | null;
  readonly botUserId: string;
}

/** The fields of `users.info` that are read. */
export interface SlackUser {
  readonly id?: string;
  readonly team_id?: string;
  readonly deleted?: boolean;
  readonly is_bot?: boolean;
  readonly is_restricted?: boolean;
  readonly is_ultra_restricted?: boolean;
  readonly is_stranger?: boolean;
  readonly is_invited_user?: boolean;
  readonly is_email_confirmed?: boolean;
  readonly real_name?: string;
  readonly name?: string;
  readonly tz?: string;
  readonly enterprise_user?: { readonly id?: string; readonly enterprise_id?: string };
  readonly profile?: { readonly email?: string; readonly real_name?: string };
}

/** Why an account may not act, or null. USLACKBOT says of itself that it is no bot. */
export function problemOf(u: SlackUser, here: Workspace): string | null {
  if (u.deleted === true) return "is deactivated";
  if (u.is_bot === true || u.id === "USLACKBOT" || u.id === here.botUserId) return "is a bot";
  if (u.is_restricted === true || u.is_ultra_restricted === true) return "is a guest's";
  if (u.is_stranger === true || !isOurs(u, here)) return "belongs to another organisation";
  return u.is_invited_user === true ? "has not joined yet" : null;
}

/**
 * Whether an account is of our organisation: its enterprise is ours, or, where one of the two has none, its workspace is ours.
 *
 * `is_stranger` alone does not tell: Slack sets it in some cases of external people only. An enterprise by itself means nothing: people of
 * other organisations have one too. Invariant: INV-2.
 */
function isOurs(u: SlackUser, here: Workspace): boolean {
  const theirs = u.enterprise_user?.enterprise_id;
  return theirs !== undefined && here.enterpriseId !== null ? theirs === here.enterpriseId : u.team_id === here.teamId;
}

/**
 * Whether an account of our workspace was read without the organisation's, although we are in one: under the workspace's name it would be
 * taken for another account. Not where it may not act anyway.
 */
export function isHalfAnAnswer(u: SlackUser, here: Workspace): boolean {
  return here.enterpriseId !== null && u.enterprise_user?.id === undefined && problemOf(u, here) === null;
}

/** The Slack account as votes keep it: on Enterprise Grid that of the organisation, which is one over all its workspaces. */
export function accountOf(u: SlackUser): string {
  const enterprise = u.enterprise_user;
  return enterprise?.id === undefined ? `${u.team_id ?? ""}/${u.id ?? ""}` : `${enterprise.enterprise_id ?? ""}/${enterprise.id}`;
}

/** The ids by which lists of Slack may name an account. */
export function idsOf(u: SlackUser): readonly string[] {
  return [u.id, u.enterprise_user?.id].filter((id) => id !== undefined);
}

/**
 * Maps a Slack account to one person: by stored Slack id, else by confirmed e-mail with exactly one match, else by the account itself.
 * A disabled person is found when no enabled one is: who asked stays who asked. One whose row has no usable id is nobody of the CI
 * database, and changes nothing for the others. Invariant: INV-2.
 */
export function mapPerson(u: SlackUser, people: readonly Person[]): Operator {
  const slackId = u.enterprise_user?.id ?? u.id ?? "";
  const name = u.profile?.real_name || u.real_name || u.name || slackId;
  const email = u.is_email_confirmed === false ? undefined : u.profile?.email?.trim().toLowerCase();
  const found =
    matchOf(u, slackId, email, people.filter(isEnabled)) ??
    matchOf(
      u,
      slackId,
      email,
      people.filter((p) => !isEnabled(p)),
    );
  const accounts = [accountOf(u)];
  const ciUserId = CiUserId.safeParse(found?.id);
  if (found !== null && ciUserId.success) {
    const id = OperatorId.parse(`ci:${ciUserId.data}`);
    return isEnabled(found)
      ? { id, name, ciUserId: ciUserId.data, accounts }
      : { id, name: `${name} (disabled in the CI database)`, ciUserId: null, accounts };
  }
  // Two accounts with one address are one person, known to the CI database or not.
  const key = email === undefined ? slackId : createHash("sha256").update(email).digest("hex").slice(0, 16);
  return {
    id: OperatorId.parse(`slack:${key}`),
    name: `${name} (${found === null ? "not in the CI database" : "its id in the CI database cannot be used"})`,
    ciUserId: null,
    accounts,
  };
}

function isEnabled(p: Person): boolean {
  return p.enabled;
}

/** The one person whose Slack id, or else whose e-mail, it is; null for nobody, and for several. */
function matchOf(u: SlackUser, slackId: string, email: string | undefined, people: readonly Person[]): Person | null {
  const byId = people.filter((p) => p.slackId !== null && (p.slackId === u.id || p.slackId === slackId));
  const byEmail = email === undefined ? [] : people.filter((p) => p.email?.trim().toLowerCase() === email);
  const [one, ...more] = byId.length > 0 ? byId : byEmail;
  return one === undefined || more.length > 0 ? null : one;
}
