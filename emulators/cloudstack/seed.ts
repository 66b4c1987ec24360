import type { Settings } from "./options.ts";
import { seedMoreOf, type SeedMore } from "./seed-more.ts";
import {
  attachDisk,
  giveKeys,
  insertAccount,
  insertDomain,
  insertMachine,
  insertNetwork,
  insertProject,
  insertSnapshot,
  insertTemplate,
  insertUser,
  insertVolume,
  putKeyPair,
  startMachine,
  type Making,
} from "./world/create.ts";
import { removeDomain, showMachine } from "./world/remove.ts";
import type { Account, Dedication, Machine, RoleType, ZoneCopy } from "./world/rows.ts";
import type { World } from "./world/world.ts";

/** A pair of keys. */
export interface Keys {
  readonly apiKey: string;
  readonly secretKey: string;
}

/** What `addAccount` takes; only the domain and the name are needed. */
export interface SeedAccount {
  readonly domain: string;
  readonly name: string;
  readonly id?: string;
  readonly userId?: string;
  readonly username?: string;
  readonly email?: string;
  readonly firstname?: string;
  readonly lastname?: string;
  readonly role?: string;
  readonly details?: Record<string, string>;
  readonly state?: "enabled" | "disabled" | "locked";
  /** True gives the user keys, which are returned. */
  readonly keys?: boolean;
}

/** What `addMachine` takes; only the account and the name are needed. */
export interface SeedMachine {
  readonly account: string;
  readonly name: string;
  readonly template?: string;
  readonly network?: string;
  readonly stopped?: boolean;
  readonly deleteProtection?: boolean;
  /** The name of a key pair that it was deployed with. */
  readonly keyPair?: string;
  /** True: its deployment failed, it is in the state Error. */
  readonly failed?: boolean;
  /** True: not for display. */
  readonly hidden?: boolean;
  /** The name of the autoscale group that it is in. */
  readonly autoscaleGroup?: string;
  /** True: it serves a shared file system. */
  readonly servesFiles?: boolean;
}

/** What `addVolume` takes; only the account and the name are needed. */
export interface SeedVolume {
  readonly account: string;
  readonly name: string;
  readonly machine?: string;
  readonly size?: number;
  readonly deleteProtection?: boolean;
  readonly hidden?: boolean;
  /** True: it was attached once and has bytes; a disk that never was has none and cannot be extracted (recording 21). */
  readonly placed?: boolean;
  /** A root disk that no machine has: `Destroy` is one that was to be removed and never was. */
  readonly rootDisk?: "Ready" | "Destroy";
}

/** What `addTemplate` takes; `bytes` is what its extract URL serves, `format` is QCOW2 unless given. */
export interface SeedTemplate {
  readonly account: string;
  readonly name: string;
  readonly bytes?: number;
  readonly format?: string;
  readonly isExtractable?: boolean;
  readonly isPublic?: boolean;
  /** One that no host of the zone has: the template is in no list. */
  readonly hypervisor?: string;
  /** Copies in other zones: a list shows a row for each. */
  readonly otherZones?: readonly ZoneCopy[];
  /** True: no store has it any more, only the filter `all` shows it. */
  readonly hasNoCopy?: boolean;
  /** True: there is a download link already. */
  readonly hasLink?: boolean;
  readonly checksum?: string;
  readonly details?: Record<string, string>;
  readonly sourceTemplate?: string;
  readonly url?: string;
}

/** Direct ways to make a world, past HTTP and past every limit. Everything takes and gives UUIDs. */
export interface Seed extends SeedMore {
  /** Adds a domain; the parent is ROOT unless given. Returns its id. */
  addDomain(fields: { name: string; parent?: string; id?: string; inactive?: boolean }): string;
  /** Removes an empty domain, as a deletion ends: its id is spent. */
  removeDomain(id: string): void;
  /** Adds an account with one user of the same name (or `username`). */
  addAccount(fields: SeedAccount): { accountId: string; userId: string; keys: Keys | undefined };
  /** Adds another user to an account. Returns its id. */
  addUser(fields: { account: string; username: string; email?: string; firstname?: string; lastname?: string; id?: string }): string;
  /** Adds a role with rules in order, such as `["allow listDomains", "deny *"]`. Returns its id. */
  addRole(fields: { name: string; type: RoleType; rules: readonly string[] }): string;
  /** Removes a role that no account has. */
  removeRole(id: string): void;
  /** Gives the first user of that name these keys. */
  setKeys(username: string, keys: Keys): void;
  /** The keys of the first user of that name that has some. */
  findKeys(username: string): Keys | undefined;
  /** The id of the role of a name. */
  findRole(name: string): string | undefined;
  /** Gives accounts that `addAccount` adds from now on this role, unless they name another; until then it is `User`. */
  setDefaultRole(id: string): void;
  /** Adds an isolated network. Returns its id. */
  addNetwork(fields: { account: string; name: string; hidden?: boolean; layer2?: boolean }): string;
  /** Adds a shared network of a whole domain, owned by the root administrator. Returns its id. */
  addSharedNetwork(fields: { domain: string; name: string }): string;
  /** Dedicates a zone, pod, cluster or host to a domain, or to one account of it. Returns the dedication's id. */
  addDedication(fields: { kind: Dedication["kind"]; name: string; domain: string; account?: string }): string;
  /** Adds a Kubernetes cluster. Returns its id. */
  addKubernetesCluster(fields: { account: string; name: string }): string;
  /** Adds a machine, running unless said otherwise; its network is made when none is given. Returns its id. */
  addMachine(fields: SeedMachine): string;
  /** Adds a data disk, attached to a machine when one is given, or a root disk without a machine. Returns its id. */
  addVolume(fields: SeedVolume): string;
  /** Adds a snapshot of a volume, or of a machine's root disk. Returns its id. */
  addSnapshot(fields: { volume?: string; machine?: string; name?: string }): string;
  /** Adds a template that is ready. Returns its id. */
  addTemplate(fields: SeedTemplate): string;
  /** Adds a CloudStack project managed by an account; what is added for `accountId` is the project's. */
  addProject(fields: { account: string; name: string }): { projectId: string; accountId: string };
  /** Adds a line to the event log. Returns its id. */
  addEvent(fields: { type: string; description: string; account?: string; resource?: string; resourceType?: string; at?: number }): string;
}

/** The ways to seed a world. */
export function seedOf(world: World, settings: Settings): Seed {
  const making = (): Making => ({ world, settings, now: settings.now() });
  return {
    ...people(world, making),
    ...things(world, making),
    ...disksAndTemplates(world, making),
    ...seedMoreOf(world, making),
    addEvent: (fields) => {
      const { now } = making();
      const event = world.events.insert({
        id: settings.newId(),
        type: fields.type,
        level: "INFO",
        state: "Completed",
        description: fields.description,
        userId: world.base.adminUser,
        accountId: fields.account ?? world.base.adminAccount,
        created: fields.at ?? now,
        ...(fields.resource === undefined ? {} : { resourceId: fields.resource, resourceName: fields.resource }),
        ...(fields.resourceType === undefined ? {} : { resourceType: fields.resourceType }),
      });
      return event.id;
    },
  };
}

type People = Pick<
  Seed,
  | "addDomain"
  | "removeDomain"
  | "addAccount"
  | "addUser"
  | "addRole"
  | "removeRole"
  | "setKeys"
  | "findKeys"
  | "findRole"
  | "setDefaultRole"
>;

function people(world: World, making: () => Making): People {
  let defaultRole = world.base.userRole;
  return {
    addDomain: ({ name, parent, id, inactive }) => {
      const domain = insertDomain(making(), world.domains.need(parent ?? world.base.rootDomain), name, id);
      if (inactive === true) domain.state = "Inactive";
      return domain.id;
    },
    removeDomain: (id) => removeDomain(world, world.domains.need(id), making().now),
    addAccount: (fields) => {
      const at = making();
      const roleId = fields.role ?? defaultRole;
      const type = { User: 0, Admin: 1, DomainAdmin: 2, ResourceAdmin: 3 }[world.roles.need(roleId).type];
      const { id, name, domain, details = {} } = fields;
      const account = insertAccount(at, { id, name, domainId: world.domains.need(domain).id, roleId, type, details });
      account.state = fields.state ?? "enabled";
      const { userId, email, firstname, lastname } = fields;
      const user = insertUser(at, account, { id: userId, username: fields.username ?? name, email, firstname, lastname });
      return { accountId: account.id, userId: user.id, keys: fields.keys === true ? giveKeys(at, user) : undefined };
    },
    addUser: ({ account, ...fields }) => insertUser(making(), world.accounts.need(account), fields).id,
    addRole: ({ name, type, rules }) => {
      const { settings } = making();
      const role = world.roles.insert({ id: settings.newId(), name, type, isDefault: false, isPublic: true });
      for (const text of rules) {
        const [permission, rule = ""] = text.split(" ");
        if (permission !== "allow" && permission !== "deny") throw new Error(`not a rule: ${text}`);
        world.rules.insert({ id: settings.newId(), roleId: role.id, rule, permission });
      }
      return role.id;
    },
    removeRole: (id) => world.roles.remove(world.roles.need(id), making().now),
    setKeys: (username, { apiKey, secretKey }) => {
      const user = world.users.all().find((one) => one.username === username);
      if (user === undefined) throw new Error(`there is no user ${username}`);
      world.setKeys(user, apiKey, secretKey);
    },
    findKeys: (username) => {
      const { apiKey, secretKey } = world.users.all().find((user) => user.username === username && user.apiKey !== undefined) ?? {};
      return apiKey === undefined || secretKey === undefined ? undefined : { apiKey, secretKey };
    },
    findRole: (name) => world.roles.all().find((role) => role.name === name)?.id,
    setDefaultRole: (id) => void (defaultRole = world.roles.need(id).id),
  };
}

type DisksAndTemplates = Pick<Seed, "addVolume" | "addTemplate">;
type Things = Omit<Seed, keyof People | keyof DisksAndTemplates | keyof SeedMore | "addEvent">;

function things(world: World, making: () => Making): Things {
  const owner = (id: string): Account => world.accounts.need(id);
  const rootDisk = (machineId: string): string => {
    const machine: Machine = world.machines.need(machineId);
    const disk = world.volumes.group(machine.domainId).find((v) => v.machineId === machineId && v.type === "ROOT");
    if (disk === undefined) throw new Error(`machine ${machineId} has no root disk`);
    return disk.id;
  };
  return {
    addNetwork: ({ account, name, hidden, layer2 }) => {
      const network = insertNetwork(making(), owner(account), name);
      Object.assign(network, { ...(hidden === true ? { hidden } : {}), ...(layer2 === true ? { layer2 } : {}) });
      return network.id;
    },
    addSharedNetwork: ({ domain, name }) => {
      const admin = owner(world.base.adminAccount);
      const network = insertNetwork(making(), { ...admin, domainId: world.domains.need(domain).id }, name);
      network.shared = true;
      return network.id;
    },
    addDedication: ({ kind, name, domain, account }) =>
      world.dedications.insert({
        id: making().settings.newId(),
        kind,
        name,
        domainId: world.domains.need(domain).id,
        ...(account === undefined ? {} : { accountId: account }),
      }).id,
    addKubernetesCluster: ({ account, name }) => {
      const { settings, now } = making();
      const { id: accountId, domainId } = owner(account);
      return world.kubernetesClusters.insert({ id: settings.newId(), name, accountId, domainId, created: now, state: "Running" }).id;
    },
    addMachine: ({ account, name, template, network, stopped, deleteProtection, failed, hidden, keyPair, ...more }) => {
      const at = making();
      const known = network ?? world.networks.group(owner(account).domainId).find((n) => n.accountId === account)?.id;
      const machine = insertMachine(at, owner(account), {
        name,
        template: world.templates.need(template ?? world.base.builtinTemplate),
        network: known === undefined ? insertNetwork(at, owner(account), `${name}-network`) : world.networks.need(known),
      });
      machine.deleteProtection = deleteProtection ?? false;
      Object.assign(machine, more);
      if (hidden === true) showMachine(world, machine, false);
      if (keyPair !== undefined) putKeyPair(machine, keyPair);
      if (failed === true) machine.state = "Error";
      else if (stopped !== true) startMachine(at, machine);
      return machine.id;
    },
    addSnapshot: ({ volume, machine, name }) => insertSnapshot(making(), world.volumes.need(volume ?? rootDisk(machine ?? "")), name).id,
    addProject: ({ account, name }) => {
      const project = insertProject(making(), owner(account), name, name);
      return { projectId: project.id, accountId: project.accountId };
    },
  };
}

function disksAndTemplates(world: World, making: () => Making): DisksAndTemplates {
  return {
    addVolume: ({ account, name, machine, size, deleteProtection, hidden, placed, rootDisk }) => {
      const at = making();
      const volume = insertVolume(at, world.accounts.need(account), name, size);
      volume.deleteProtection = deleteProtection ?? false;
      if (hidden === true) volume.hidden = true;
      if (placed === true) Object.assign(volume, { state: "Ready", path: at.settings.newId() });
      if (rootDisk !== undefined) {
        Object.assign(volume, { type: "ROOT", state: rootDisk, templateId: world.base.builtinTemplate, path: at.settings.newId() });
      }
      if (machine !== undefined) attachDisk(at, volume, world.machines.need(machine));
      return volume.id;
    },
    addTemplate: (fields) => {
      const { account, name, bytes, format, isExtractable, isPublic, hasLink, sourceTemplate, ...rest } = fields;
      const at = making();
      const size = bytes ?? at.settings.templateBytes;
      const template = insertTemplate(at, world.accounts.need(account), {
        name,
        bytes: size,
        size,
        physicalSize: size,
        format: format ?? "QCOW2",
        isExtractable: isExtractable ?? true,
        isPublic: isPublic ?? false,
        ...rest,
        ...(sourceTemplate === undefined ? {} : { sourceTemplateId: sourceTemplate }),
      });
      if (hasLink === true) template.link = { path: `${at.settings.newId()}.${template.format.toLowerCase()}`, created: at.now };
      return template.id;
    },
  };
}
