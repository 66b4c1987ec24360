import { App, HTTPReceiver, LogLevel, SocketModeReceiver, type Logger } from "@slack/bolt";
import { WebClient } from "@slack/web-api";
import type { ApproverDirectory } from "../core/people.ts";
import type { Services } from "../commands/services.ts";
import type { Clock, Sleep } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { CiUserId, ProjectId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Events } from "../events.ts";
import type { Database } from "../store/db.ts";
import { createAnnouncers } from "./announcers.ts";
import { channelMembers, createIdentity, groupMembers, type ApproverList, type Identity, type Person } from "./identity.ts";
import { listen } from "./listeners.ts";
import { createPosting } from "./posting.ts";
import { callSlack, findChannel, isAbsent, libraryLogger } from "./slack.ts";

/** How the bot is connected, and who may use it. */
export interface BotOptions {
  readonly botToken: string;
  readonly connection:
    | { readonly mode: "socket"; readonly appToken: string }
    | { readonly mode: "http"; readonly signingSecret: string; readonly port: number };
  readonly apiUrl: string;
  readonly channel: string;
  /** Who may approve, by the policy in force; null before the first start. */
  readonly approversInForce: () => Promise<ApproverList | null>;
  /** Who may approve by the environment: counts at the first start only. */
  readonly firstApprovers: ApproverList;
  /** With fewer valid approvers than this, the bot does not start. */
  readonly approversMin: number;
  readonly teamGroup: string | null;
  readonly environment: string;
  readonly db: Database;
  readonly events: Events;
  readonly now: Clock;
  readonly sleep: Sleep;
  readonly listPeople: () => Promise<Result<readonly Person[], Failure>>;
  readonly membersOf: (project: ProjectId) => Promise<readonly CiUserId[]>;
}

/** The bot: announcers and approvers for the services, listeners for people. */
export interface Bot {
  readonly announcers: ReturnType<typeof createAnnouncers>;
  readonly approvers: ApproverDirectory & Pick<Identity, "resolve">;
  /** Who may approve from the first start. */
  readonly firstApprovers: ApproverList;
  /** Starts listening; nobody gets an answer before that. */
  start(services: Services): Promise<void>;
  /** Posts what is pending, then stops listening. */
  stop(): Promise<void>;
}

/**
 * Connects to Slack and checks token, channel and approvers. Errors: `rejected` with what to do.
 *
 * Source: facts on Slack §1.5, "Recommended wiring": one receiver with options of its own, the app's client with bounded retries.
 */
export async function createBot(o: BotOptions): Promise<Result<Bot, Failure>> {
  const clientOptions = {
    slackApiUrl: o.apiUrl,
    timeout: 10_000,
    retryConfig: { retries: 3, minTimeout: 200, maxTimeout: 3000 },
    logger: quiet(o.events),
    logLevel: LogLevel.WARN,
  };

  const client = new WebClient(o.botToken, clientOptions);
  // Slack's "too many requests" holds up a client's whole queue: updates of messages must not keep a modal from opening in time.
  const postingClient = new WebClient(o.botToken, clientOptions);
  const me = await callSlack("auth.test", () => client.auth.test());
  if (!me.ok) return err({ ...me.error, remedy: "Check SLACK_BOT_TOKEN, and SLACK_API_URL when it is set." });
  const channel = await findChannel(client, o.channel);
  if (!channel.ok) return channel;

  const inForce = await o.approversInForce();
  const list = inForce === null ? await chooseFirst(client, o) : ok(inForce);
  if (!list.ok) return list;
  const identity = createIdentity({
    client,
    channel: channel.value,
    teamId: me.value.team_id ?? "",
    botUserId: me.value.user_id ?? "",
    approvers: async () => (await o.approversInForce()) ?? list.value,
    teamGroup: o.teamGroup,
    listPeople: o.listPeople,
    now: o.now,
  });

  const approvers = await identity.approversNow();
  if (!approvers.ok) return approvers;
  if (approvers.value.length < o.approversMin) return err(tooFewApprovers(approvers.value.length, o.approversMin));
  await warnOfUnknownTeam(client, channel.value, o);

  const posting = createPosting({ client: postingClient, db: o.db, now: o.now, sleep: o.sleep, events: o.events });
  const announcers = createAnnouncers({
    posting,
    client: postingClient,
    identity,
    channel: channel.value,
    environment: o.environment,
    events: o.events,
    membersOf: o.membersOf,
  });

  let app: App | null = null;
  return ok({
    announcers,
    approvers: identity,
    firstApprovers: list.value,
    async start(services) {
      app = createApp(o);
      listen(app, { client, identity, services, db: o.db, channel: channel.value, events: o.events, now: o.now });
      await app.init();
      if (o.connection.mode === "http") await app.start(o.connection.port);
      else await app.start();
    },
    async stop() {
      posting.stop();
      await posting.settle();
      await app?.stop();
    },
  });
}

/**
 * Who may approve from the first start: the group, or, where user groups cannot be read at all (they need a paid plan and a scope),
 * the list of `SLACK_APPROVERS` when there is one. With a group that cannot be read later, nobody may approve.
 */
async function chooseFirst(client: WebClient, o: BotOptions): Promise<Result<ApproverList, Failure>> {
  const { group, ids } = o.firstApprovers;
  if (group === null) return ok({ group, ids });
  const members = await groupMembers(client, group);
  if (members.ok) return ok({ group, ids: [] });
  if (isAbsent(members.error) && ids.length > 0) {
    o.events.warn("slack.no_user_groups", { code: members.error.code, advice: "SLACK_APPROVERS is used instead of SLACK_APPROVER_GROUP" });
    return ok({ group: null, ids });
  }
  return err({
    ...members.error,
    remedy: isAbsent(members.error)
      ? "User groups cannot be read here (they need a paid plan and the scope usergroups:read): list the approvers in SLACK_APPROVERS=U1,U2,U3."
      : "Check SLACK_APPROVER_GROUP: a user group's id (S…) or its handle.",
  });
}

function tooFewApprovers(found: number, needed: number): Failure {
  const remedy =
    "Put full, active members into the user group (at the first start: SLACK_APPROVER_GROUP or SLACK_APPROVERS); bots, guests and external people do not count, nor two accounts of one person.";
  return failure("refused", "slack.too_few_approvers", `Only ${found} valid approver(s) were found, at least ${needed} are needed`, {
    remedy,
  });
}

/** Without the members of the channel, or of the team's group, only approvers count as the team: logged once. */
async function warnOfUnknownTeam(client: WebClient, channel: string, o: BotOptions): Promise<void> {
  const team = o.teamGroup === null ? await channelMembers(client, channel) : await groupMembers(client, o.teamGroup);
  if (!team.ok) o.events.failed("slack.team_unknown", team.error, { advice: "only approvers count as the CI team; run twokey doctor" });
}

/**
 * How long a pong may take. Short, since the library also waits that long before it connects again after Slack's refresh every few
 * hours; not shorter, since a busy machine or a slow line must not lose its connection: a click at that moment is lost. Units: ms.
 */
const PONG_MS_MAX = 3000;

function createApp(o: BotOptions): App {
  return new App({
    receiver: createReceiver(o),
    token: o.botToken,
    deferInitialization: true,
    convoStore: false,
    logger: quiet(o.events),
    clientOptions: { slackApiUrl: o.apiUrl, timeout: 10_000, retryConfig: { retries: 2, minTimeout: 200, maxTimeout: 2000 } },
  });
}

function createReceiver(o: BotOptions): SocketModeReceiver | HTTPReceiver {
  const logger = quiet(o.events);
  if (o.connection.mode === "http")
    return new HTTPReceiver({ signingSecret: o.connection.signingSecret, endpoints: ["/slack/events"], logger });
  // Its own client options: Socket Mode writes into them, and a bounded retry there would end the process.
  return new SocketModeReceiver({
    appToken: o.connection.appToken,
    clientPingTimeout: PONG_MS_MAX,
    logger,
    installerOptions: {
      clientOptions: { slackApiUrl: o.apiUrl, retryConfig: { forever: true, minTimeout: 250, maxTimeout: 5000, factor: 1.3 } },
    },
  });
}

/** The warnings and errors of Slack's library become lines of our log. */
function quiet(events: Events): Logger {
  return libraryLogger((level, parts) =>
    events[level]("slack.library", { said: parts.map((p) => (p instanceof Error ? p.message : String(p))).join(" ") }),
  );
}
