import { counted } from "../core/plural.ts";
import { LogLevel, WebClient } from "@slack/web-api";
import type { ApproverDirectory } from "../core/people.ts";
import type { AdoptionAnnouncer } from "../sync/adoption/context.ts";
import type { Services } from "../commands/services.ts";
import type { Sleep } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { CiUserId, ProjectId } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Database } from "../store/db.ts";
import { createAdoptionAnnouncer } from "./adoption-table.ts";
import { createAnnouncers } from "./announcers.ts";
import { mergedNote, readPersons, recordKnownAccounts } from "../store/known-accounts.ts";
import type { Person } from "./accounts.ts";
import { createConnection, quiet, type Connection, type ConnectionOptions } from "./connection.ts";
import { createHomeTab, type HomeTab, type HomeTabOptions } from "./home/tab.ts";
import { createIdentity, type ApproverList, type Examined, type Identity } from "./identity.ts";
import { listen } from "./listeners.ts";
import { groupMembers, teamMembers } from "./members.ts";
import { createNotices, type NoticeAnnouncer, type NoticeOptions } from "./notices.ts";
import { loggedFetch } from "./outgoing.ts";
import { wayToSlack } from "./way-to-slack.ts";
import { createPosting } from "./posting.ts";
import { findChannel, isAbsent } from "./slack.ts";
import { findWorkspace } from "./workspace.ts";

/** How the bot is connected, and who may use it. */
export interface BotOptions extends ConnectionOptions {
  readonly channel: string;
  /** Who may approve, by the policy in force; null before the first start. */
  readonly approversInForce: () => Promise<ApproverList | null>;
  /** Who may approve by the environment: counts at the first start only. */
  readonly firstApprovers: ApproverList;
  /** With fewer valid approvers than this, the bot does not start. */
  readonly approversMin: number;
  readonly teamGroup: string | null;
  /** Who is called besides being shown a message. */
  readonly mention: NoticeOptions["who"];
  readonly environment: string;
  readonly db: Database;
  readonly sleep: Sleep;
  readonly listPeople: () => Promise<Result<readonly Person[], Failure>>;
  readonly membersOf: (project: ProjectId) => Promise<Result<readonly CiUserId[], Failure>>;
}

/** The bot: announcers and approvers for the services, listeners for people. */
export interface Bot {
  readonly announcers: ReturnType<typeof createAnnouncers> & {
    readonly adoption: AdoptionAnnouncer;
    readonly notice: NoticeAnnouncer;
    readonly home: Pick<HomeTab, "refresh">;
  };
  readonly approvers: ApproverDirectory & Pick<Identity, "resolve">;
  readonly identify: Identity["identify"];
  /** Who may approve from the first start. */
  readonly firstApprovers: ApproverList;
  /** Starts listening; nobody gets an answer before that. `problems` is what does not work, in sentences. */
  start(services: Services, problems: HomeTabOptions["problems"]): Promise<void>;
  /** Why it hears nothing of Slack now, in a sentence; null: it does. */
  problem(): string | null;
  /** Posts what is pending, then stops listening. */
  stop(): Promise<void>;
}

/**
 * Connects to Slack and checks token, channel and approvers. Errors: `rejected` with what to do.
 *
 * Source: facts on Slack §1.5, "Recommended wiring": one receiver with options of its own, the app's client with bounded retries.
 */
export async function createBot(o: BotOptions): Promise<Result<Bot, Failure>> {
  const { client, postingClient, lookUps, patient, homes } = clientsOf(o);
  const here = await findWorkspace(client, o.connection);
  if (!here.ok) return here;
  if (here.value.appId === null)
    o.events.warn("slack.app_unknown", { advice: "the app id of what Slack sends cannot be compared: give the bot users:read" });
  const channel = await findChannel(client, o.channel);
  if (!channel.ok) return channel;

  const inForce = await o.approversInForce();
  const list = inForce === null ? await chooseFirst(client, o) : ok(inForce);
  if (!list.ok) return list;
  const identity = createIdentity({
    client: lookUps,
    patient,
    channel: channel.value,
    here: here.value,
    approvers: async () => (await o.approversInForce()) ?? list.value,
    teamGroup: o.teamGroup,
    listPeople: o.listPeople,
    remember: (known) => recordKnownAccounts(o.db, known, o.now()),
    onLeftOut: (leftOut) => o.events.warn("slack.approvers_left_out", { leftOut: leftOut.join("; ") || "nobody any more" }),
    now: o.now,
    sleep: o.sleep,
  });

  const approvers = await identity.examine(list.value);
  if (!approvers.ok) return approvers;
  if (approvers.value.approvers.length < o.approversMin) return err(tooFewApprovers(approvers.value, o.approversMin));
  // No reason not to start: nobody could stop or restore anything until those who were seen as one person are two again.
  const { count, merged } = await readPersons(o.db, approvers.value.approvers);
  if (merged.length > 0) o.events.warn("slack.approvers_merged", { persons: count, merged: mergedNote(merged) });
  const team = await assessTeam(client, channel.value, o);
  if (!team.ok) return team;

  const posting = createPosting({ client: postingClient, db: o.db, now: o.now, sleep: o.sleep, events: o.events });
  const announcers = createAnnouncers({ ...o, posting, client: patient, identity, channel: channel.value });

  let connection: Connection | null = null;
  let home: HomeTab | null = null;
  return ok({
    announcers: {
      ...announcers,
      adoption: createAdoptionAnnouncer({ ...o, posting, client: patient, channel: channel.value }),
      notice: createNotices({ ...o, posting, client: patient, who: o.mention, approvers: o.approversInForce, identity }),
      home: { refresh: async () => home?.refresh() },
    },
    approvers: identity,
    identify: identity.identify,
    firstApprovers: list.value,
    async start(services, problems) {
      connection = createConnection(o);
      const { db, events, now } = o;
      const common = { db, events, now, identity, services, channel: channel.value };
      home = createHomeTab({ ...common, client: homes, approversNow: identity.approversNow, problems });
      listen(connection.app, { ...common, client, home, here: here.value, sleep: o.sleep });
      await connection.start();
    },
    problem: () => (connection === null ? "The bot is not connected to Slack yet" : connection.problem()),
    async stop() {
      posting.stop();
      await posting.settle();
      await connection?.app.stop();
    },
  });
}

/**
 * The Web API, one client for each kind of work: Slack's "too many requests" holds up a client's whole queue, and neither updates of
 * messages nor look-ups of people may keep a modal from opening in time.
 */
function clientsOf(o: BotOptions) {
  const options = {
    slackApiUrl: o.apiUrl,
    timeout: 10_000,
    retryConfig: { retries: 3, minTimeout: 200, maxTimeout: 3000 },
    logger: quiet(o.events),
    logLevel: LogLevel.WARN,
    fetch: loggedFetch(o.apiUrl, o, wayToSlack(o.apiUrl).web.fetch),
  };
  const [client, postingClient, patient] = [1, 2, 3].map(() => new WebClient(o.botToken, options)) as [WebClient, WebClient, WebClient];
  const impatient = { ...options, rejectRateLimitedCalls: true };
  const [lookUps, homes] = [new WebClient(o.botToken, impatient), new WebClient(o.botToken, impatient)];
  return { client, postingClient, patient, lookUps, homes };
}

/**
 * Who may approve from the first start: the group, or, where user groups cannot be read at all (they need a paid plan and a scope),
 * the list of `SLACK_APPROVERS` when there is one. With a group that cannot be read later, nobody may approve.
 */
async function chooseFirst(client: WebClient, o: BotOptions): Promise<Result<ApproverList, Failure>> {
  const { group, ids } = o.firstApprovers;
  if (group === null) return ok({ group, ids });
  const members = await groupMembers(client, group);
  if (members.ok) return ok({ group, ids });
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

function tooFewApprovers({ approvers, leftOut }: Examined, needed: number): Failure {
  const remedy = [
    "Put full, active members whom the CI database knows into the user group (at the first start: SLACK_APPROVER_GROUP).",
    "Others count only when the policy names their Slack id (at the first start: SLACK_APPROVERS).",
    "Bots, guests and external people do not count, nor two accounts of one person.",
  ].join(" ");
  const others = leftOut.length === 0 ? "" : `. Not counted: ${leftOut.slice(0, 10).join("; ")}`;
  const sentence = `Only ${counted(approvers.length, "valid approver was", "valid approvers were")} found, at least ${needed} are needed${others}`;
  return failure("refused", "slack.too_few_approvers", sentence, { remedy });
}

/**
 * Errors: `refused` where the channel is public and there is no group for the team. A team that cannot be read is logged once: only
 * approvers count as the team then.
 */
async function assessTeam(client: WebClient, channel: string, o: BotOptions): Promise<Result<void, Failure>> {
  const team = await teamMembers(client, channel, o.teamGroup);
  if (!team.ok && team.error.code === "slack.public_channel") return team;
  if (!team.ok) o.events.failed("slack.team_unknown", team.error, { advice: "only approvers count as the CI team; run twokey doctor" });
  return ok(undefined);
}
