import { mkdirSync } from "node:fs";
import path from "node:path";
import { demoApproverGroup, demoChannel, demoTokens, slackSeed } from "../../demo/cast.ts";
import { setUpKeys } from "../../demo/keys.ts";
import { startPageServer } from "../../demo/page-server.ts";
import { startCloudStackEmulator, type CloudStackEmulator, type Keys } from "../cloudstack/server.ts";
import { startSlackEmulator, type SlackSeed } from "../slack/server.ts";
import type { RehearsalSeed } from "./seed-file.ts";

/** Where the servers listen, and by what name others reach them. */
export interface Places {
  readonly host: string;
  readonly publicHost: string;
  readonly cloudstackPort: number;
  readonly slackPort: number;
  readonly pagePort: number;
}

/** What is started, and how. */
export interface RehearsalOptions extends Places {
  readonly seed: RehearsalSeed;
  /** A folder in which both worlds survive a restart; null: they start again from nothing. */
  readonly stateFolder: string | null;
  /** False leaves the bot's roles and accounts out, so that making them can be rehearsed too. */
  readonly makesAccounts: boolean;
}

/** Both emulators, running. */
export interface Rehearsal {
  readonly places: Places;
  readonly pageUrl: string;
  readonly domains: number;
  close(): Promise<void>;
}

/** The domain below ROOT that the bot manages. */
const MANAGED = "ci";
const USES = { read: "CLOUDSTACK", write: "CLOUDSTACK_WRITE", export: "CLOUDSTACK_EXPORT", delete: "CLOUDSTACK_DELETE" } as const;

/** Keys that are the same at each start, so that the environment can be written down; they open nothing but the emulator. */
export function rehearsalKeys(use: keyof typeof USES | "admin"): Keys {
  return { apiKey: `rehearsal-${use}-key`, secretKey: `rehearsal-${use}-secret` };
}

/** The bot's environment, except for its two databases. */
export function rehearsalEnvironment({ publicHost, cloudstackPort, slackPort }: Places): Readonly<Record<string, string>> {
  const keys = Object.entries(USES).map(([use, prefix]) => {
    const { apiKey, secretKey } = rehearsalKeys(use as keyof typeof USES);
    return { [`${prefix}_API_KEY`]: apiKey, [`${prefix}_SECRET_KEY`]: secretKey };
  });
  return {
    TWOKEY_ENVIRONMENT: "rehearsal",
    SLACK_API_URL: `http://${publicHost}:${slackPort}/api/`,
    SLACK_BOT_TOKEN: demoTokens.botToken,
    SLACK_APP_TOKEN: demoTokens.appToken,
    SLACK_CHANNEL: demoChannel,
    SLACK_APPROVER_GROUP: demoApproverGroup,
    CLOUDSTACK_API_URL: `http://${publicHost}:${cloudstackPort}/client/api`,
    CLOUDSTACK_ROOT_DOMAIN: `ROOT/${MANAGED}`,
    ...Object.assign({}, ...keys),
  };
}

/**
 * Starts both emulators and the page on which people are played. What stands in the state folder goes on; a seed fills a new world only.
 *
 * Errors: rejects with what could not be started, such as a port that is taken; nothing is left running then.
 */
export async function startRehearsal(o: RehearsalOptions): Promise<Rehearsal> {
  if (o.stateFolder !== null) mkdirSync(o.stateFolder, { recursive: true, mode: 0o700 });
  const at = (port: number, file: string): object => ({
    port,
    host: o.host,
    publicHost: o.publicHost,
    ...(o.stateFolder === null ? {} : { stateFile: path.join(o.stateFolder, file) }),
  });
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => void (await Promise.all(closing.map((one) => one())));
  try {
    const cloud = await startCloudStackEmulator({ ...at(o.cloudstackPort, "cloudstack.json"), jobMs: 200, expungeDelayMs: 60_000 });
    closing.push(() => cloud.close());
    if (cloud.tree().children.length === 0) fill(cloud, o);
    const slack = await startSlackEmulator({ ...at(o.slackPort, "slack.json"), seed: workspaceOf(o.seed) });
    closing.push(() => slack.close());
    const portOf = (url: string): number => Number(new URL(url).port);
    const places = { ...o, slackPort: portOf(slack.url), cloudstackPort: portOf(cloud.url) };
    const page = await startPageServer({
      ...pageOf(o.seed),
      slackUrl: `http://127.0.0.1:${places.slackPort}`,
      port: o.pagePort,
      host: o.host,
    });
    closing.push(() => page.close());
    return { places: { ...places, pagePort: portOf(page.url) }, pageUrl: page.url, domains: domainsIn(cloud), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function domainsIn(cloud: CloudStackEmulator): number {
  return cloud.tree().children.find((d) => d.name === MANAGED)?.children.length ?? 0;
}

function fill(cloud: CloudStackEmulator, { seed, makesAccounts }: RehearsalOptions): void {
  const root = cloud.addDomain({ name: MANAGED });
  cloud.setKeys("admin", rehearsalKeys("admin"));
  if (makesAccounts) {
    setUpKeys(cloud, root);
    for (const use of Object.keys(USES)) cloud.setKeys(`twokey-${use}`, rehearsalKeys(use as keyof typeof USES));
  }
  for (const { name, accounts } of seed.domains) {
    const domain = cloud.addDomain({ name, parent: root });
    for (const { name: account, machines, templates, email, firstName, lastName } of accounts) {
      const more = { ...(email === undefined ? {} : { email }), ...(firstName === undefined ? {} : { firstname: firstName }) };
      const made = cloud.addAccount({ domain, name: account, ...more, ...(lastName === undefined ? {} : { lastname: lastName }) });
      for (const machine of machines) cloud.addMachine({ account: made.accountId, name: machine });
      for (const template of templates) cloud.addTemplate({ account: made.accountId, ...template });
    }
  }
}

type Inhabitant = RehearsalSeed["people"][number] & { readonly slackId: string };

function inSlack(seed: RehearsalSeed): readonly Inhabitant[] {
  return seed.people.filter((p): p is Inhabitant => p.slackId !== undefined);
}

/** The demo's workspace with its app, but with these people. */
function workspaceOf(seed: RehearsalSeed): SlackSeed {
  const base = slackSeed();
  const bots = base.users.filter((u) => u.isBot === true);
  const people = inSlack(seed);
  const approvers = people.filter((p) => p.isApprover).map((p) => p.slackId);
  const everybody = [...people.map((p) => p.slackId), ...bots.map((b) => b.id)];
  return {
    ...base,
    users: [...people.map((p) => ({ id: p.slackId, name: p.username, realName: `${p.firstName} ${p.lastName}`, email: p.email })), ...bots],
    channels: base.channels.map((c) => ({ ...c, members: c.id === demoChannel ? [...approvers, ...bots.map((b) => b.id)] : everybody })),
    usergroups: base.usergroups.map((g) => ({ ...g, users: approvers })),
  };
}

function pageOf(seed: RehearsalSeed): Pick<Parameters<typeof startPageServer>[0], "act" | "state"> {
  const people = inSlack(seed).map((p) => ({ id: p.slackId, label: p.firstName, hint: p.isApprover ? "approver" : "CI user" }));
  const times = { coolOffSeconds: 0, graceSeconds: 0, expungeSeconds: 0 };
  return {
    act: async () => "There is no such button.",
    state: async () => ({
      isSlackOnly: true,
      ciDatabase: { projects: [] },
      cloudstack: { domains: [] },
      faults: { down: false, cut: false },
      times,
      people,
    }),
  };
}
