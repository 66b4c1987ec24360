/** All that the page shows beside Slack: plain data, asked for about once a second. */
export interface DemoState {
  /** True where only Slack is shown: the stand-alone emulators know neither the CI database nor the bot. */
  readonly isSlackOnly?: boolean;
  readonly ciDatabase: {
    readonly projects: readonly {
      readonly slug: string;
      readonly name: string;
      readonly state: string;
      readonly closedBy: string | null;
      readonly members: readonly { readonly username: string; readonly role: string }[];
    }[];
  };
  readonly cloudstack: {
    readonly domains: readonly {
      readonly name: string;
      readonly state: string;
      readonly managed: boolean;
      readonly accounts: readonly { readonly name: string; readonly state: string }[];
      readonly machines: readonly { readonly name: string; readonly state: string }[];
      readonly volumes: number;
      readonly snapshots: number;
      readonly templates: readonly string[];
    }[];
  };
  readonly faults: { readonly down: boolean; readonly cut: boolean };
  readonly times: { readonly coolOffSeconds: number; readonly graceSeconds: number; readonly expungeSeconds: number };
  /** How far the path for a first visit was walked; left out where there is none. */
  readonly guide?: {
    readonly isClosed: boolean;
    /** First names of those who approved a deletion. */
    readonly approvedBy: readonly string[];
    readonly isQuarantined: boolean;
    readonly isRestoredOrExported: boolean;
    /** The project to close first; null when none is left. */
    readonly suggestedProject: string | null;
    readonly teamChannel: string;
    readonly usersChannel: string;
  };
  readonly people: readonly { readonly id: string; readonly label: string; readonly hint: string }[];
}
