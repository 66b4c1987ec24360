import { randomUUID } from "node:crypto";
import { NAMED } from "./world/base.ts";

/** How an emulator is started. Every time is in milliseconds. */
export interface CloudStackEmulatorOptions {
  /** 0 takes any free port. */
  readonly port?: number;
  /** The address to listen on; 127.0.0.1 by default, since nobody is asked for a password. */
  readonly host?: string;
  /** The name of this machine in the addresses that are given out, where others know it by another name. */
  readonly publicHost?: string;
  /** False opens no port: only `serve` answers. */
  readonly listens?: boolean;
  /** The clock. Jobs, expunging and clean-up tasks are worked out from it at each request, so a simulated clock works. */
  readonly now?: () => number;
  readonly newId?: () => string;
  /** How long a job stays at `jobstatus` 0. */
  readonly jobMs?: number;
  readonly expungeDelayMs?: number;
  readonly expungeIntervalMs?: number;
  readonly accountCleanupIntervalMs?: number;
  readonly extractUrlExpirationMs?: number;
  readonly extractUrlCleanupIntervalMs?: number;
  /** `default.page.size`: the default and the maximum number of rows of a list. */
  readonly pageSizeMax?: number;
  /** The world is loaded from this file at the start and written to it after changes. */
  readonly stateFile?: string;
  /** What a template's extract URL serves unless the template says otherwise. Units: bytes. */
  readonly templateBytes?: number;
  /** `enforce.post.requests.and.timestamps`. */
  readonly enforcePost?: boolean;
  /** How long a registered template takes until it is ready; the recorded server takes no time. */
  readonly registerMs?: number;
  /** Hypervisors that the zone has hosts of: templates for other ones are in no list. */
  readonly zoneHypervisors?: readonly string[];
  /** How far what `listAccounts` and `listDomains` count may lag behind; the recorded server's counts follow at once. */
  readonly totalsLagMs?: number;
  /** `resource.count.running.vms.only`: stopped machines are not counted in `vmtotal`. */
  readonly countRunningOnly?: boolean;
  /** Commands that this server does not know, because the plug-in for them is not there. */
  readonly lacks?: readonly string[];
  /** How long jobs of some commands take, where it is another time than `jobMs`. */
  readonly jobMsOf?: Readonly<Record<string, number>>;
  /** Makes registered templates fetch their bytes, as a real server does; the recorded one fetched nothing. */
  readonly downloads?: DownloadOptions;
}

/** How registered templates are fetched: `hosts` says where a host name leads to (`name` → `127.0.0.1:PORT`), `folder` keeps the bytes. */
export interface DownloadOptions {
  readonly hosts: Readonly<Record<string, string>>;
  readonly folder: string;
}

/** The options with every default filled in. */
export type Settings = Required<Omit<CloudStackEmulatorOptions, "stateFile" | "downloads">> & {
  readonly stateFile: string | undefined;
  readonly downloads: DownloadOptions | undefined;
};

/** Fills in the defaults, short enough for tests. */
export function settingsOf(options: CloudStackEmulatorOptions): Settings {
  return {
    port: options.port ?? 0,
    host: options.host ?? "127.0.0.1",
    publicHost: options.publicHost ?? "127.0.0.1",
    listens: options.listens ?? true,
    now: options.now ?? Date.now,
    newId: options.newId ?? randomUUID,
    jobMs: options.jobMs ?? 50,
    expungeDelayMs: options.expungeDelayMs ?? 2_000,
    expungeIntervalMs: options.expungeIntervalMs ?? 1_000,
    accountCleanupIntervalMs: options.accountCleanupIntervalMs ?? 2_000,
    extractUrlExpirationMs: options.extractUrlExpirationMs ?? 120_000,
    extractUrlCleanupIntervalMs: options.extractUrlCleanupIntervalMs ?? 60_000,
    pageSizeMax: options.pageSizeMax ?? 500,
    stateFile: options.stateFile,
    templateBytes: options.templateBytes ?? 262_144,
    enforcePost: options.enforcePost ?? false,
    registerMs: options.registerMs ?? 0,
    zoneHypervisors: options.zoneHypervisors ?? [NAMED.hypervisor],
    totalsLagMs: options.totalsLagMs ?? 0,
    countRunningOnly: options.countRunningOnly ?? false,
    lacks: options.lacks ?? [],
    jobMsOf: options.jobMsOf ?? {},
    downloads: options.downloads,
  };
}
