import { once } from "node:events";
import { LogLevel, type Logger, type WebClient } from "@slack/web-api";
import { type Failure, failure } from "../core/failure.ts";
import { PROXY_REMEDY, refusedByProxy } from "../core/proxies.ts";
import { err, ok, type Result } from "../core/result.ts";

/** Calls the Web API; a failure names Slack's own error code and nothing secret. Errors: `unavailable`, `rejected`. */
export async function callSlack<T>(what: string, call: () => Promise<T>): Promise<Result<T, Failure>> {
  try {
    return ok(await call());
  } catch (thrown) {
    const byProxy = refusedByProxy(thrown);
    if (byProxy !== null) {
      const sentence = `Slack cannot be reached for ${what}: ${byProxy}`;
      return err(failure("unavailable", "slack.unreachable", sentence, { remedy: PROXY_REMEDY, details: { code: "unreachable" } }));
    }
    const code = errorCode(thrown);
    const kind = code === "unreachable" ? "unavailable" : "rejected";
    return err(failure(kind, `slack.${code}`, `Slack refused ${what}: ${code}`, { details: { code } }));
  }
}

/** Calls as `callSlack` does, and waits no longer than `ms` for the answer. */
export function callInTime<T>(what: string, ms: number, call: () => Promise<T>): Promise<Result<T, Failure>> {
  const late = () => once(AbortSignal.timeout(ms), "abort").then(() => Promise.reject(new Error("there was no answer in time")));
  return callSlack(what, () => Promise.race([call(), late()]));
}

/** Slack's own error code in what was thrown, or `unreachable`. */
export function errorCode(thrown: unknown): string {
  const data = (thrown as { data?: { error?: unknown } }).data;
  return typeof data?.error === "string" ? data.error : "unreachable";
}

/** Codes after which the same call may succeed later. Source: docs.slack.dev, errors of each method. */
const PASSING = new Set([
  "unreachable",
  "ratelimited",
  "rate_limited",
  "internal_error",
  "fatal_error",
  "service_unavailable",
  "request_timeout",
  "team_added_to_org",
  "org_login_required",
  "external_channel_migrating",
  "update_failed",
  "fetch_members_failed",
]);

/** Whether the same call may succeed later. */
export function isPassing(code: string): boolean {
  return PASSING.has(code);
}

/** Codes that say nothing of whom or what a call is about: Slack takes nothing of the bot's until its token is good again. */
const OF_TOKEN = new Set(["invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "ekm_access_denied"]);

/** Whether Slack refuses the bot's token, whatever it asks. */
export function isOfToken(code: string): boolean {
  return OF_TOKEN.has(code);
}

/** Codes of a method that this workspace's plan or this token does not allow. */
const ABSENT = new Set([
  "plan_upgrade_required",
  "paid_teams_only",
  "missing_scope",
  "not_allowed_token_type",
  "unknown_method",
  "no_permission",
]);

/** Whether Slack refuses this until the plan, the token or its scopes change. */
export function isAbsent(f: Failure): boolean {
  return ABSENT.has(f.code.replace(/^slack\./, ""));
}

/** Follows cursors to the end of a list. */
export async function allPages<T>(
  read: (cursor: string | undefined) => Promise<{ readonly items: readonly T[]; readonly next: string | undefined }>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 100; page++) {
    const got = await read(cursor);
    items.push(...got.items);
    if (got.next === undefined || got.next === "") return items;
    cursor = got.next;
  }
  return items;
}

/** The direct messages with a person, as a channel's id. */
export async function openDirect(client: WebClient, user: string): Promise<Result<string | undefined, Failure>> {
  const opened = await callSlack("conversations.open", () => client.conversations.open({ users: user }));
  return opened.ok ? ok(opened.value.channel?.id) : opened;
}

/** A logger for Slack's library: its warnings and errors go to `say`, the rest is left out. */
export function libraryLogger(say: (level: "warn" | "error", parts: readonly unknown[]) => void): Logger {
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (...parts) => say("warn", parts),
    error: (...parts) => say("error", parts),
    setLevel: () => undefined,
    getLevel: () => LogLevel.WARN,
    setName: () => undefined,
  };
}

/** Finds a channel's id by its id or name. Errors: `rejected` with what to do. */
export async function findChannel(client: WebClient, channel: string): Promise<Result<string, Failure>> {
  if (/^[CGD][A-Z0-9]{2,}$/.test(channel)) return ok(channel);
  const name = channel.replace(/^#/, "");
  const all = await listChannels(client, "public_channel,private_channel");
  // Without groups:read, or with it alone, Slack refuses to list both kinds: each is then listed by itself.
  const listed = all.ok || all.error.code !== "slack.missing_scope" ? all : await listEachKind(client);
  if (!listed.ok)
    return err({ ...listed.error, remedy: listed.error.remedy ?? "Set SLACK_CHANNEL to the channel's id (C…): an id needs no list." });

  const found = listed.value.find((c) => c.name === name)?.id;
  if (found !== undefined) return ok(found);
  const remedy = "Set SLACK_CHANNEL to the channel's id, and invite the bot into it.";
  return err(failure("rejected", "slack.no_channel", `There is no channel ${name} that the bot can see`, { remedy }));
}

type Channels = readonly { readonly id?: string; readonly name?: string }[];

async function listChannels(client: WebClient, types: string): Promise<Result<Channels, Failure>> {
  return callSlack("conversations.list", () =>
    allPages(async (cursor) => {
      const page = await client.conversations.list({
        exclude_archived: true,
        limit: 200,
        types,
        ...(cursor === undefined ? {} : { cursor }),
      });
      return { items: page.channels ?? [], next: page.response_metadata?.next_cursor };
    }),
  );
}

/** All that could be listed; a failure only when nothing could. */
async function listEachKind(client: WebClient): Promise<Result<Channels, Failure>> {
  const answers = await Promise.all(["public_channel", "private_channel"].map((kind) => listChannels(client, kind)));
  const good = answers.flatMap((a) => (a.ok ? [a.value] : []));
  return good.length > 0 ? ok(good.flat()) : (answers[0] ?? ok([]));
}
