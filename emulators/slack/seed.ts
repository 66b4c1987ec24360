/** One person or bot of the workspace. */
export interface SeedUser {
  readonly id: string;
  readonly name: string;
  readonly realName: string;
  readonly email: string | null;
  readonly title?: string;
  readonly isBot?: boolean;
  readonly isGuest?: boolean;
  /** From another organisation, through a shared channel. */
  readonly isExternal?: boolean;
  /** The Enterprise Grid organisation they belong to, when it is not that of the workspace. */
  readonly enterpriseId?: string;
  readonly deleted?: boolean;
  readonly isAdmin?: boolean;
  readonly locale?: string;
  readonly tz?: string;
}

/** One user group of the workspace. */
export interface SeedUsergroup {
  readonly id: string;
  readonly handle: string;
  readonly name: string;
  readonly users: readonly string[];
}

/** One channel of the workspace; the bot is in it only when it is one of `members`. */
export interface SeedChannel {
  readonly id: string;
  readonly name: string;
  readonly members: readonly string[];
  readonly isPrivate?: boolean;
  readonly isExtShared?: boolean;
  readonly isArchived?: boolean;
}

/** One slash command, as the app's manifest has it. `shouldEscape` (true) turns @name and #name into ids. */
export interface SeedCommand {
  readonly command: string;
  readonly description: string;
  readonly usageHint: string;
  readonly shouldEscape?: boolean;
}

/** What a workspace starts with. */
export interface SlackSeed {
  /** `enterpriseId`: the workspace belongs to this organisation on Enterprise Grid; `isOrgWide`: the app is installed for all of it. */
  readonly team: {
    readonly id: string;
    readonly name: string;
    readonly domain: string;
    readonly enterpriseId?: string;
    readonly isOrgWide?: boolean;
  };
  readonly users: readonly SeedUser[];
  readonly channels: readonly SeedChannel[];
  readonly usergroups: readonly SeedUsergroup[];
  readonly app: {
    readonly id: string;
    readonly name: string;
    readonly botUserId: string;
    readonly botId: string;
    readonly botToken: string;
    readonly appToken: string;
    readonly signingSecret: string;
    readonly scopes: readonly string[];
    readonly commands: readonly SeedCommand[];
    /** Where interactions go in HTTP mode; without it they go through Socket Mode. */
    readonly requestUrl?: string;
  };
}
