import { createHash } from "node:crypto";
import type { WebClient } from "@slack/web-api";
import type { ApproverDirectory, Operator, Asker } from "../core/people.ts";
import type { Clock } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import { OperatorId, type CiUserId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { allPages, callSlack } from "./slack.ts";

/** A person of the CI database, as identity needs it. */
export interface Person {
  readonly id: CiUserId;
  readonly name: string;
  readonly email: string | null;
  readonly slackId: string | null;
}

/** A user group, or people by Slack id. */
export interface ApproverList {
  readonly group: string | null;
  readonly ids: readonly string[];
}

/** Where people are looked up. */
export interface IdentityOptions {
  readonly client: WebClient;
  readonly channel: string;
  readonly teamId: string;
  readonly botUserId: string;
  /** Who may approve, by the policy in force. */
  readonly approvers: () => Promise<ApproverList>;
  readonly teamGroup: string | null;
  readonly listPeople: () => Promise<Result<readonly Person[], Failure>>;
  readonly now: Clock;
}

/** Maps Slack users to persons, and knows who may approve at this moment. */
export interface Identity extends ApproverDirectory {
  /** Errors: `refused` for bots, guests, external and deactivated people; `unavailable`. */
  identify(slackUser: string): Promise<Result<Asker, Failure>>;
  /** The valid approvers of a list, each person once. Errors: `unavailable`, `rejected`. */
  resolve(list: ApproverList): Promise<Result<readonly Operator[], Failure>>;
  /** The Slack user of a CI user, when there is one. */
  slackIdOf(person: CiUserId): Promise<string | null>;
}

/** Short enough that a removed approver is noticed before the next step, long enough for Slack's rate limits. Units: milliseconds. */
const CACHE_MS = 15_000;

/** Makes the identity service. Source: facts on Slack §4 "Who clicked". Invariant: INV-2 (distinct persons, approvers now). */
export function createIdentity(o: IdentityOptions): Identity {
  const users = cached(o.now, async (id: string) =>
    callSlack("users.info", async () => (await o.client.users.info({ user: id })).user as SlackUser | undefined),
  );
  const groups = cached(o.now, (group: string) => groupMembers(o.client, group));
  const members = cached(o.now, (channel: string) => channelMembers(o.client, channel));
  const people = cached(o.now, (_all: string) => o.listPeople());

  async function memberOf(slackUser: string): Promise<Result<{ readonly operator: Operator; readonly account: string }, Failure>> {
    const user = await users(slackUser);
    if (!user.ok) return user;
    const problem = user.value === undefined ? "is not known to Slack" : problemOf(user.value, o);
    if (user.value === undefined || problem !== null) {
      const remedy = "Use the account of a full member of this workspace.";
      return err(failure("refused", "identity.not_a_member", `This Slack account ${problem ?? ""} and may not be used here`, { remedy }));
    }
    const listed = await people("all");
    return listed.ok ? ok({ operator: mapPerson(user.value, listed.value), account: accountOf(user.value, o.teamId) }) : listed;
  }

  const idsOf = async ({ group, ids }: ApproverList): Promise<Result<readonly string[], Failure>> =>
    group === null ? ok(ids) : groups(group);
  const resolve: Identity["resolve"] = async (list) => {
    const ids = await idsOf(list);
    if (!ids.ok) return ids;
    const found = await Promise.all(ids.value.map(memberOf));
    const broken = found.find((f) => !f.ok && f.error.kind !== "refused");
    if (broken !== undefined && !broken.ok) return broken;
    const byId = new Map(found.flatMap((f) => (f.ok ? [[f.value.operator.id, f.value.operator] as const] : [])));
    return ok([...byId.values()]);
  };
  return {
    resolve,
    approversNow: async () => resolve(await o.approvers()),
    async identify(slackUser) {
      const since = o.now();
      const member = await memberOf(slackUser);
      if (!member.ok) return member;
      const team = o.teamGroup === null ? await members(o.channel) : await groups(o.teamGroup);
      const approvers = await idsOf(await o.approvers());
      const isTeam = (team.ok && team.value.includes(slackUser)) || (approvers.ok && approvers.value.includes(slackUser));
      return ok({ ...member.value, isTeam, since });
    },
    async slackIdOf(person) {
      const listed = await people("all");
      const { slackId = null, email = null } = (listed.ok ? listed.value.find((p) => p.id === person) : undefined) ?? {};
      if (slackId !== null || email === null) return slackId;
      const found = await callSlack("users.lookupByEmail", () => o.client.users.lookupByEmail({ email }));
      return found.ok ? (found.value.user?.id ?? null) : null;
    },
  };
}

/** The Slack account as votes keep it: on Enterprise Grid that of the organisation, which is one over all its workspaces. */
function accountOf(u: SlackUser, teamId: string): string {
  const enterprise = u.enterprise_user;
  return enterprise?.id === undefined ? `${u.team_id ?? teamId}/${u.id ?? ""}` : `${enterprise.enterprise_id ?? ""}/${enterprise.id}`;
}

interface SlackUser {
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
  readonly enterprise_user?: { readonly id?: string; readonly enterprise_id?: string };
  readonly profile?: { readonly email?: string; readonly real_name?: string };
}

/** Why an account may not act, or null. USLACKBOT says of itself that it is no bot. */
function problemOf(u: SlackUser, o: { readonly teamId: string; readonly botUserId: string }): string | null {
  if (u.deleted === true) return "is deactivated";
  if (u.is_bot === true || u.id === "USLACKBOT" || u.id === o.botUserId) return "is a bot";
  if (u.is_restricted === true || u.is_ultra_restricted === true) return "is a guest's";
  // Only where the server names its own team; Slack always does.
  const elsewhere = o.teamId !== "" && u.team_id !== undefined && u.team_id !== o.teamId && u.enterprise_user?.id === undefined;
  if (u.is_stranger === true || elsewhere) return "belongs to another organisation";
  return u.is_invited_user === true ? "has not joined yet" : null;
}

/** Maps a Slack account to one person: by stored Slack id, else by confirmed e-mail with exactly one match, else by the account itself. */
function mapPerson(u: SlackUser, people: readonly Person[]): Operator {
  const slackId = u.enterprise_user?.id ?? u.id ?? "";
  const name = u.profile?.real_name || u.real_name || u.name || slackId;
  const byId = people.filter((p) => p.slackId !== null && (p.slackId === u.id || p.slackId === slackId));
  const email = u.is_email_confirmed === false ? undefined : u.profile?.email?.trim().toLowerCase();
  const byEmail = email === undefined ? [] : people.filter((p) => p.email?.trim().toLowerCase() === email);
  const [person] = byId.length > 0 ? byId : byEmail;
  if (person !== undefined && (byId.length === 1 || (byId.length === 0 && byEmail.length === 1)))
    return { id: OperatorId.parse(`ci:${person.id}`), name, ciUserId: person.id };
  // Two accounts with one address are one person, known to the CI database or not.
  const key = email === undefined ? slackId : createHash("sha256").update(email).digest("hex").slice(0, 16);
  return { id: OperatorId.parse(`slack:${key}`), name, ciUserId: null };
}

/** The Slack users of a group, given by id, handle or name. */
export async function groupMembers(client: WebClient, group: string): Promise<Result<readonly string[], Failure>> {
  return callSlack("usergroups.users.list", async () => {
    let id = group;
    if (!/^S[A-Z0-9]{2,}$/.test(group)) {
      const handle = group.replace(/^@/, "");
      const all = (await client.usergroups.list({})).usergroups ?? [];
      id = all.find((g) => g.handle === handle || g.name === group)?.id ?? group;
    }
    return (await client.usergroups.users.list({ usergroup: id })).users ?? [];
  });
}

/** The Slack users in a channel. */
export async function channelMembers(client: WebClient, channel: string): Promise<Result<readonly string[], Failure>> {
  return callSlack("conversations.members", () =>
    allPages(async (cursor) => {
      const page = await client.conversations.members({ channel, limit: 200, ...(cursor === undefined ? {} : { cursor }) });
      return { items: page.members ?? [], next: page.response_metadata?.next_cursor };
    }),
  );
}

/** Keeps good answers for a short while; failures are never kept. */
function cached<T>(now: Clock, read: (key: string) => Promise<Result<T, Failure>>): (key: string) => Promise<Result<T, Failure>> {
  const kept = new Map<string, { readonly at: number; readonly value: Promise<Result<T, Failure>> }>();
  return async (key) => {
    const old = kept.get(key);
    if (old !== undefined && now() - old.at < CACHE_MS) return old.value;
    const value = read(key);
    kept.set(key, { at: now(), value });
    const got = await value;
    if (!got.ok) kept.delete(key);
    return got;
  };
}
