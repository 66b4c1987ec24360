import { App, HTTPReceiver, LogLevel, SocketModeReceiver, type Logger } from "@slack/bolt";
import { WebClient } from "@slack/web-api";
import type { ApproverDirectory } from "../approvals/ports.ts";
import type { ExportAnnouncer } from "../commands/ports.ts";
import type { Desks } from "../commands/ports.ts";
import type { Clock, Sleep } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { CiUserId, ProjectId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { DeletionAnnouncer } from "../deletion/view.ts";
import type { Events } from "../events.ts";
import type { Database } from "../store/db.ts";
import type { PlanAnnouncer } from "../sync/execution/record.ts";
import { createAnnouncers } from "./announcers.ts";
import { channelMembers, createIdentity, groupMembers, type Person } from "./identity.ts";
import { listen } from "./listeners.ts";
import { createPosting } from "./posting.ts";
import { callSlack, findChannel, isAbsent } from "./slack.ts";

/** How the bot is connected and whom it serves. */
export interface BotOptions {
  readonly botToken: string;
  readonly connection:
    | { readonly mode: "socket"; readonly appToken: string }
    | { readonly mode: "http"; readonly signingSecret: string; readonly port: number };
  readonly apiUrl: string;
  readonly channel: string;
  readonly approverGroup: string | null;
  readonly approverIds: readonly string[];
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
  readonly announcers: { readonly plan: PlanAnnouncer; readonly deletion: DeletionAnnouncer; readonly export: ExportAnnouncer };
  readonly approvers: ApproverDirectory;
  /** Begins to listen; before it, nobody is answered. */
  start(desks: Desks): Promise<void>;
  /** Shows what is still to be shown, then stops listening. */
  stop(): Promise<void>;
}

/** Fewer approvers than this, and one absence stops all: refused at start. */
const APPROVERS_MIN = 3;

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
  // Slack's "too many requests" holds a client's whole queue: what updates messages must not keep a window from opening in time.
  const postingClient = new WebClient(o.botToken, clientOptions);
  const me = await callSlack("auth.test", () => client.auth.test());
  if (!me.ok) return err({ ...me.error, mending: "Look at SLACK_BOT_TOKEN, and at SLACK_API_URL when it is set." });
  const channel = await findChannel(client, o.channel);
  if (!channel.ok) return channel;
  const source = await chooseSource(client, o);
  if (!source.ok) return source;
  const identity = createIdentity({
    client,
    channel: channel.value,
    teamId: me.value.team_id ?? "",
    botUserId: me.value.user_id ?? "",
    approverGroup: source.value,
    approverIds: o.approverIds,
    teamGroup: o.teamGroup,
    listPeople: o.listPeople,
    now: o.now,
  });
  const approvers = await identity.approversNow();
  if (!approvers.ok) return approvers;
  if (approvers.value.length < APPROVERS_MIN) {
    return err(
      failure(
        "refused",
        "slack.too_few_approvers",
        `Only ${approvers.value.length} valid approver(s) were found, at least ${APPROVERS_MIN} are needed`,
        {
          mending:
            "Put full, active members into SLACK_APPROVER_GROUP or SLACK_APPROVERS; bots, guests and external people do not count, nor two accounts of one person.",
        },
      ),
    );
  }
  await sayWhetherTeamIsKnown(client, channel.value, o);
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
    async start(desks) {
      const receiver = makeReceiver(o);
      app = new App({
        receiver,
        token: o.botToken,
        deferInitialization: true,
        convoStore: false,
        logger: quiet(o.events),
        clientOptions: { slackApiUrl: o.apiUrl, timeout: 10_000, retryConfig: { retries: 2, minTimeout: 200, maxTimeout: 2000 } },
      });
      listen(app, { client, identity, desks, db: o.db, channel: channel.value, events: o.events, now: o.now, approverIds: o.approverIds });
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
 * The group that tells who may approve; null: the list. Chosen once, at the start: where user groups cannot be read at all (they are of
 * paid plans, and need a scope), the list of `SLACK_APPROVERS` counts when there is one. A group that fails later lets nobody approve.
 */
async function chooseSource(client: WebClient, o: BotOptions): Promise<Result<string | null, Failure>> {
  if (o.approverGroup === null) return ok(null);
  const members = await groupMembers(client, o.approverGroup);
  if (members.ok) return ok(o.approverGroup);
  if (isAbsent(members.error) && o.approverIds.length > 0) {
    o.events.warn("slack.no_user_groups", { code: members.error.code, advice: "SLACK_APPROVERS counts instead of SLACK_APPROVER_GROUP" });
    return ok(null);
  }
  return err({
    ...members.error,
    mending: isAbsent(members.error)
      ? "User groups cannot be read here (they need a paid plan and the scope usergroups:read): list the approvers in SLACK_APPROVERS=U1,U2,U3."
      : "Look at SLACK_APPROVER_GROUP: a user group's id (S…) or its handle.",
  });
}

/** Without the members of the channel, or of the team's group, only approvers count as the team: said once, aloud. */
async function sayWhetherTeamIsKnown(client: WebClient, channel: string, o: BotOptions): Promise<void> {
  const team = o.teamGroup === null ? await channelMembers(client, channel) : await groupMembers(client, o.teamGroup);
  if (!team.ok) o.events.failed("slack.team_unknown", team.error, { advice: "only approvers count as the CI team; run twokey doctor" });
}

/**
 * How long a pong may take. The library also waits that long before it connects again after Slack's refresh every few hours, so it is
 * short; but a busy machine, or a slow line, must not lose its connection: a click that comes meanwhile is lost. Units: ms.
 */
const PONG_MS_MAX = 3000;

function makeReceiver(o: BotOptions): SocketModeReceiver | HTTPReceiver {
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

/** Bolt's log lines become ours; below warnings they are left out. */
function quiet(events: Events): Logger {
  const text = (parts: readonly unknown[]): string => parts.map((p) => (p instanceof Error ? p.message : String(p))).join(" ");
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (...p: unknown[]) => events.warn("slack.library", { said: text(p) }),
    error: (...p: unknown[]) => events.error("slack.library", { said: text(p) }),
    setLevel: () => undefined,
    getLevel: () => LogLevel.WARN,
    setName: () => undefined,
  };
}
