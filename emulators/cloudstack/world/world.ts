import type { Base } from "./base.ts";
import type {
  Account,
  Address,
  Annotation,
  Dedication,
  Domain,
  EventRow,
  Job,
  KubernetesCluster,
  Machine,
  Network,
  Project,
  Role,
  RoleRule,
  Row,
  Snapshot,
  Tag,
  Template,
  Thing,
  User,
  Volume,
  Vpc,
} from "./rows.ts";
import { Table } from "./table.ts";

/** How what CloudStack counts follows the world: at once, some time behind, or not at all. */
export interface TotalsPace {
  readonly now: number;
  readonly lagMs: number;
  readonly stale: boolean;
  readonly runningOnly: boolean;
}

/** How many events and jobs are kept; the real server expires them by age. */
const LOG_LIMIT = 20_000;

/**
 * Everything the emulated server knows. Owned things are grouped by domain, accounts by domain, users by account, domains by parent.
 * `version` grows with every change, so that answers computed from the whole world can be remembered.
 */
export class World {
  readonly base: Base;
  version = 0;
  onChange: () => void = () => undefined;
  readonly domains: Table<Domain>;
  readonly accounts: Table<Account>;
  readonly users: Table<User>;
  readonly machines: Table<Machine>;
  readonly volumes: Table<Volume>;
  readonly snapshots: Table<Snapshot>;
  readonly templates: Table<Template>;
  readonly networks: Table<Network>;
  readonly projects: Table<Project>;
  readonly roles: Table<Role>;
  readonly rules: Table<RoleRule>;
  readonly annotations: Table<Annotation>;
  readonly tags: Table<Tag>;
  readonly dedications: Table<Dedication>;
  readonly kubernetesClusters: Table<KubernetesCluster>;
  readonly addresses: Table<Address>;
  readonly vpcs: Table<Vpc>;
  readonly things: Table<Thing>;
  readonly events: Table<EventRow>;
  readonly jobs: Table<Job>;
  readonly #usersByKey = new Map<string, User>();
  /** How fast what is counted follows; set at each request. */
  totalsPace: TotalsPace = { now: 0, lagMs: 0, stale: false, runningOnly: false };
  /** Settings that were changed through the API; they hold after the next start. */
  readonly configuration: Record<string, string> = {};
  /** When each periodic task of the server last ran, by its name. */
  readonly lastRun: Record<string, number> = {};

  constructor(base: Base) {
    this.base = base;
    const changed = (): void => this.touch();
    this.domains = new Table((d) => d.parentId, changed);
    this.accounts = new Table((a) => a.domainId, changed);
    this.users = new Table((u) => u.accountId, changed);
    this.machines = new Table((m) => m.domainId, changed);
    this.volumes = new Table((v) => v.domainId, changed);
    this.snapshots = new Table((s) => s.domainId, changed);
    this.templates = new Table((t) => t.domainId, changed, 201);
    this.networks = new Table((n) => n.domainId, changed, 204);
    this.projects = new Table((p) => p.domainId, changed);
    this.roles = new Table(() => "", changed);
    this.rules = new Table((r) => r.roleId, changed);
    this.annotations = new Table((a) => a.entityId, changed);
    this.tags = new Table((t) => t.resourceId, changed);
    this.dedications = new Table((d) => d.domainId, changed);
    this.kubernetesClusters = new Table((k) => k.domainId, changed);
    this.addresses = new Table((a) => a.domainId, changed);
    this.vpcs = new Table((v) => v.domainId, changed);
    this.things = new Table((t) => t.domainId, changed);
    this.events = new Table(() => "", changed);
    this.jobs = new Table((j) => (j.status === 0 ? "running" : "ended"), changed);
  }

  /** Notes that something changed. */
  touch(): void {
    this.version += 1;
    this.onChange();
  }

  /** The tables by name, for the state file and for resolving references. */
  tables(): Readonly<Record<TableName, Table<Row>>> {
    const { domains, accounts, users, machines, volumes, snapshots, templates, networks, projects, roles, rules, annotations, tags } = this;
    const all = {
      domains,
      accounts,
      users,
      machines,
      volumes,
      snapshots,
      templates,
      networks,
      projects,
      roles,
      rules,
      annotations,
      tags,
      dedications: this.dedications,
      kubernetesClusters: this.kubernetesClusters,
      addresses: this.addresses,
      vpcs: this.vpcs,
      things: this.things,
      events: this.events,
      jobs: this.jobs,
    };
    return all as unknown as Record<TableName, Table<Row>>;
  }

  /** The user with that API key. */
  userByKey(apiKey: string): User | undefined {
    return this.#usersByKey.get(apiKey);
  }

  /** Gives a user a pair of keys; the old pair stops working. */
  setKeys(user: User, apiKey: string, secretKey: string): void {
    if (user.apiKey !== undefined) this.#usersByKey.delete(user.apiKey);
    this.users.update(user, (u) => {
      u.apiKey = apiKey;
      u.secretKey = secretKey;
    });
    this.#usersByKey.set(apiKey, user);
  }

  /** Rebuilds what is derived from the tables, after they were loaded. */
  rebuild(): void {
    this.#usersByKey.clear();
    for (const user of this.users.all()) if (user.apiKey !== undefined) this.#usersByKey.set(user.apiKey, user);
  }

  /** Drops the oldest events and jobs beyond the limit. */
  trimLogs(): void {
    this.events.trim(LOG_LIMIT);
    this.jobs.trim(LOG_LIMIT);
  }
}

/** The names of the world's tables. */
export type TableName =
  | "domains"
  | "accounts"
  | "users"
  | "machines"
  | "volumes"
  | "snapshots"
  | "templates"
  | "networks"
  | "projects"
  | "roles"
  | "rules"
  | "annotations"
  | "tags"
  | "dedications"
  | "kubernetesClusters"
  | "addresses"
  | "vpcs"
  | "things"
  | "events"
  | "jobs";
