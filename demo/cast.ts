import type { SlackSeed } from "../emulators/slack/server.ts";

/** One person of the demo: in Slack and, as `id`, in the CI database. */
export interface CastMember {
  readonly id: string;
  readonly slackId: string;
  readonly username: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly title: string;
  readonly hint: string;
  readonly isTeam: boolean;
}

/** The people one can play: two approvers, a third team member who closes projects, and a CI user. */
export const cast = {
  ada: {
    id: "u-1001",
    slackId: "U0ADA0001",
    username: "ada",
    firstName: "Ada",
    lastName: "Novak",
    title: "CI team, approver",
    hint: "may approve deletions",
    isTeam: true,
  },
  ben: {
    id: "u-1002",
    slackId: "U0BEN0002",
    username: "ben",
    firstName: "Ben",
    lastName: "Okafor",
    title: "CI team, approver",
    hint: "may approve deletions",
    isTeam: true,
  },
  chen: {
    id: "u-1003",
    slackId: "U0CHEN003",
    username: "chen",
    firstName: "Chen",
    lastName: "Li",
    title: "CI team",
    hint: "closes projects in this demo, so may not approve their deletion",
    isTeam: true,
  },
  mia: {
    id: "u-1004",
    slackId: "U0MIA0004",
    username: "mia",
    firstName: "Mia",
    lastName: "Torres",
    title: "CI user, project aurora",
    hint: "sees only her own projects",
    isTeam: false,
  },
} as const satisfies Record<string, CastMember>;

/** People who are only in the CI database: they fill the projects. */
export const extras = [
  { id: "u-2001", username: "noor", firstName: "Noor", lastName: "Haddad" },
  { id: "u-2002", username: "ivan", firstName: "Ivan", lastName: "Petrov" },
  { id: "u-2003", username: "lena", firstName: "Lena", lastName: "Fischer" },
  { id: "u-2004", username: "omar", firstName: "Omar", lastName: "Diallo" },
  { id: "u-2005", username: "yuki", firstName: "Yuki", lastName: "Sato" },
] as const;

/** Slack's tokens of the demo's app: they open nothing but the emulator. */
export const demoTokens = {
  botToken: "xoxb-demo-0000000000-emulator-only",
  appToken: "xapp-demo-0000000000-emulator-only",
  signingSecret: "demo-signing-secret-emulator-only",
} as const;

/** The demo's channel, as the bot is configured with it. */
export const demoChannel = "C0CITEAM1";
/** The channel in which everybody is. */
export const usersChannel = "C0CIUSERS";
/** The user group whose members may approve. */
export const demoApproverGroup = "S0APPROVE";

/** The Slack workspace of the demo. */
export function slackSeed(): SlackSeed {
  const people = Object.values(cast).map((p) => ({
    id: p.slackId,
    name: p.username,
    realName: `${p.firstName} ${p.lastName}`,
    email: `${p.username}@example.org`,
    title: p.title,
  }));
  const team = Object.values(cast)
    .filter((p) => p.isTeam)
    .map((p) => p.slackId);
  return {
    team: { id: "T0DEMO001", name: "Example Foundation", domain: "example" },
    users: [...people, { id: "U0TWOKEY1", name: "twokey", realName: "Twokey", email: null, isBot: true }],
    channels: [
      { id: demoChannel, name: "ci-team", members: [...team, "U0TWOKEY1"], isPrivate: true },
      { id: usersChannel, name: "ci-users", members: [...people.map((p) => p.id), "U0TWOKEY1"] },
    ],
    usergroups: [{ id: demoApproverGroup, handle: "ci-approvers", name: "CI approvers", users: team }],
    app: {
      id: "A0TWOKEY1",
      name: "Twokey",
      botUserId: "U0TWOKEY1",
      botId: "B0TWOKEY1",
      ...demoTokens,
      scopes: [
        "app_mentions:read",
        "chat:write",
        "commands",
        "im:history",
        "im:write",
        "users:read",
        "users:read.email",
        "usergroups:read",
        "channels:read",
        "groups:read",
        "files:write",
      ],
      commands: [
        { command: "/ci-status", description: "How a project's domain is doing", usageHint: "[project]" },
        { command: "/ci-export-template", description: "Download a template of your project", usageHint: "[project] [template]" },
        { command: "/ci-export-volume", description: "Download a volume of your project", usageHint: "[project] [volume]" },
        { command: "/ci-export-snapshot", description: "Download a snapshot of your project", usageHint: "[project] [snapshot]" },
        { command: "/ci-plan", description: "What a pass would do now", usageHint: "[project]" },
        { command: "/ci-sync", description: "Start a pass now", usageHint: "[project]" },
        { command: "/ci-deletions", description: "Deletions under way", usageHint: "" },
        {
          command: "/ci-export-links",
          description: "Links to exports that can be used now; end one",
          usageHint: "[revoke <number or link>]",
        },
        { command: "/ci-backups", description: "What was saved of your project", usageHint: "[project]" },
        { command: "/ci-backup-cost", description: "What backups cost by policy", usageHint: "" },
        {
          command: "/ci-policy",
          description: "Limits and approvers; a change takes two people",
          usageHint: "[set <setting> <value> because <reason>]",
        },
        { command: "/ci-stop", description: "Stop every pass and deletion", usageHint: "[reason]" },
        {
          command: "/ci-adopt",
          description: "Have domains managed that are there already; takes two people",
          usageHint: "[release | give-back <project>]",
        },
        { command: "/ci-resume", description: "End the stop; takes two approvers", usageHint: "" },
        { command: "/ci-help", description: "What Twokey can do", usageHint: "" },
      ],
    },
  };
}
