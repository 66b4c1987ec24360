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
  readonly deleted?: boolean;
  readonly isAdmin?: boolean;
}

/** What a workspace starts with. */
export interface SlackSeed {
  readonly team: { readonly id: string; readonly name: string; readonly domain: string };
  readonly users: readonly SeedUser[];
  readonly channels: readonly {
    readonly id: string;
    readonly name: string;
    readonly members: readonly string[];
    readonly isPrivate?: boolean;
    readonly isExtShared?: boolean;
    readonly isArchived?: boolean;
  }[];
  readonly usergroups: readonly {
    readonly id: string;
    readonly handle: string;
    readonly name: string;
    readonly users: readonly string[];
  }[];
  readonly app: {
    readonly id: string;
    readonly name: string;
    readonly botUserId: string;
    readonly botId: string;
    readonly botToken: string;
    readonly appToken: string;
    readonly signingSecret: string;
    readonly scopes: readonly string[];
    readonly commands: readonly { readonly command: string; readonly description: string; readonly usageHint: string }[];
    /** Where interactions go in HTTP mode; without it they go through Socket Mode. */
    readonly requestUrl?: string;
  };
}
