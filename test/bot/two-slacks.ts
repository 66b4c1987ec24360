/** The emulator and the second Slack, behind one face: hostile cases are tried on both, which share no code. */
import { LogLevel, WebClient } from "@slack/web-api";
import { startSlackEmulator } from "../../emulators/slack/server.ts";
import { createIdentity, type ApproverList, type Identity } from "../../src/bot/identity.ts";
import { findWorkspace } from "../../src/bot/workspace.ts";
import type { Person, Workspace } from "../../src/bot/accounts.ts";
import type { Instant } from "../../src/core/ids.ts";
import { ok, type Result } from "../../src/core/result.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { Sleep } from "../../src/core/clock.ts";
import type { Database } from "../../src/store/db.ts";
import { recordKnownAccounts } from "../../src/store/known-accounts.ts";
import { SecondSlack } from "./second-slack.ts";

/** What a Slack says of an account. `outside`: it belongs to another workspace; `enterprise`: to this organisation. */
export interface Account {
  readonly id: string;
  readonly name?: string;
  readonly email?: string;
  readonly outside?: boolean;
  readonly enterprise?: string;
  readonly deleted?: boolean;
  readonly tz?: string;
}

/** One of the two Slacks, with what a test changes in it. */
export interface OneSlack {
  readonly apiUrl: string;
  readonly channel: string;
  /** The user group of approvers. */
  readonly group: string;
  /** From now on Slack says this of an account. */
  set(account: Account): void;
  /** Slack does not know this account any more; lists still name it. */
  forget(id: string): void;
  setGroup(ids: readonly string[]): void;
  setMembers(ids: readonly string[]): void;
  setPublic(isPublic: boolean): void;
  setEnterprise(id: string | null): void;
  /** Every call of this method fails with this error; null: no longer. */
  fail(method: string, error: string | null): void;
  calls(method: string): number;
  close(): Promise<void>;
}

/** Both, each started by `start`. */
export const twoSlacks: readonly (readonly [string, () => Promise<OneSlack>])[] = [
  ["the emulator", startFirst],
  ["the second Slack", startSecond],
];

async function startFirst(): Promise<OneSlack> {
  const [channel, group] = ["C0CITEAM1", "S0APPROVE"];
  const slack = await startSlackEmulator({
    seed: {
      team: { id: "T1", name: "Team", domain: "team" },
      users: [{ id: "U0BOT", name: "twokey", realName: "Twokey", email: null, isBot: true }],
      channels: [{ id: channel, name: "ci-team", members: ["U0BOT"], isPrivate: true }],
      usergroups: [{ id: group, handle: "approvers", name: "Approvers", users: [] }],
      app: {
        ...{
          id: "A1",
          name: "Twokey",
          botUserId: "U0BOT",
          botId: "B1",
          botToken: "xoxb-1",
          appToken: "xapp-1",
          signingSecret: "s",
          commands: [],
        },
        scopes: ["users:read", "users:read.email", "usergroups:read", "channels:read", "groups:read", "im:write", "chat:write"],
      },
    },
  });
  const { state, seed } = slack.workspace;
  const room = slack.workspace.channel(channel);
  if (room === undefined) throw new Error("no channel");
  return {
    apiUrl: slack.apiUrl,
    channel,
    group,
    set({ id, name = id, email, outside = false, enterprise, deleted = false, tz }) {
      const user = { id, name, realName: name, email: email ?? null, isExternal: outside, deleted };
      state.users = [
        ...state.users.filter((u) => u.id !== id),
        { ...user, ...(enterprise === undefined ? {} : { enterpriseId: enterprise }), ...(tz === undefined ? {} : { tz }) },
      ];
    },
    forget: (id) => void (state.users = state.users.filter((u) => u.id !== id)),
    setGroup: (users) => void (state.usergroups = [{ id: group, handle: "approvers", name: "Approvers", users }]),
    setMembers: (ids) => void (room.members = [...ids, "U0BOT"]),
    setPublic: (isPublic) => void Object.assign(room, { isPrivate: !isPublic }),
    setEnterprise: (id) => void Object.assign(seed.team, { enterpriseId: id ?? undefined }),
    fail: (method, error) =>
      slack.setFaults(
        error === null ? {} : error === "ratelimited" ? { rateLimit: [{ method, retryAfterSeconds: 30 }] } : { fail: [{ method, error }] },
      ),
    calls: (method) => slack.sent().filter((call) => call.method === method).length,
    close: () => slack.close(),
  };
}

async function startSecond(): Promise<OneSlack> {
  const slack = new SecondSlack();
  const apiUrl = await slack.start();
  slack.people.splice(0);
  slack.groups = { S0APPROVE: [] };
  return {
    apiUrl,
    channel: "C0CI77777",
    group: "S0APPROVE",
    set({ id, name = id, email, outside = false, enterprise, deleted = false, tz }) {
      slack.profiles.set(id, {
        ...(tz === undefined ? {} : { tz }),
        ...{ real_name: name, deleted, team_id: outside ? "T0ELSEWHERE" : "T12345678" },
        ...(enterprise === undefined ? {} : { enterprise_user: { id, enterprise_id: enterprise, teams: [] } }),
        profile: { real_name: name, ...(email === undefined ? {} : { email }) },
      });
    },
    forget: (id) => void slack.profiles.set(id, null),
    setGroup: (ids) => void (slack.groups = { S0APPROVE: ids }),
    setMembers: (ids) => void slack.people.splice(0, slack.people.length, ...ids),
    setPublic: (isPublic) => void (slack.isPublic = isPublic),
    setEnterprise: (id) => void (slack.enterprise = id),
    fail(method, error) {
      slack.moods.splice(0);
      const mood = error === "ratelimited" ? { method, retryAfter: 30 } : { method, error: error ?? "" };
      if (error !== null) for (let n = 0; n < 1000; n++) slack.moods.push(mood);
    },
    calls: (method) => slack.calls.filter((call) => call.method === method).length,
    close: () => slack.close(),
  };
}

/** A CI user of the tests. */
export function ciPerson(id: string, more: Partial<Person> = {}): Person {
  return { id: id as Person["id"], name: id, email: `${id}@example.org`, slackId: null, enabled: true, ...more };
}

/** What an identity of the tests is made of; `people` and `list` are read at every use. */
export interface IdentityWorld {
  readonly slack: OneSlack;
  readonly db: Database;
  now: number;
  people: readonly Person[];
  list: ApproverList;
  teamGroup: string | null;
  leftOut: readonly string[];
  here: Workspace;
  /** While set, the CI database answers this. */
  ciAway: (() => Promise<Result<never, Failure>>) | null;
  sleep: Sleep;
  identity: Identity;
}

/** The real identity service on one of the two Slacks; a new one knows nothing of before, as after a restart. */
export async function identityOn(
  slack: OneSlack,
  db: Database,
  more: Partial<Pick<IdentityWorld, "people" | "list" | "teamGroup" | "now" | "sleep" | "ciAway">> = {},
) {
  const options = { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 }, logLevel: LogLevel.ERROR };
  const client = new WebClient("xoxb-1", { ...options, rejectRateLimitedCalls: true });
  const here = await findWorkspace(client, { mode: "http" });
  if (!here.ok) throw new Error(here.error.message);
  const w: IdentityWorld = {
    ...{ slack, db, now: 20, people: [], list: { group: slack.group, ids: [] }, teamGroup: null, leftOut: [], here: here.value },
    ...{ ciAway: null, sleep: () => new Promise(() => undefined), ...more },
    identity: undefined as never,
  };
  w.identity = createIdentity({
    client,
    patient: new WebClient("xoxb-1", options),
    channel: slack.channel,
    here: here.value,
    approvers: async () => w.list,
    teamGroup: w.teamGroup,
    listPeople: async () => (w.ciAway !== null ? w.ciAway() : ok(w.people)),
    remember: (known) => recordKnownAccounts(db, known, w.now),
    onLeftOut: (leftOut) => void (w.leftOut = leftOut),
    now: () => w.now as Instant,
    sleep: w.sleep,
  });
  return w;
}
