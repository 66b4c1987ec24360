import { networkState } from "./shapes/network.ts";
import { shownPath } from "./shapes/owner.ts";
import type { Domain } from "./world/rows.ts";
import type { World } from "./world/world.ts";

/** A domain and what it holds, as the demo's page shows it. Inactive domains are shown too. */
export interface TreeDomain {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly state: string;
  readonly accounts: readonly TreeAccount[];
  readonly projects: readonly TreeThing[];
  readonly children: readonly TreeDomain[];
}

/** An account with its users and what it owns. `removed` accounts are shown while something of theirs is left. */
export interface TreeAccount {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly role: string;
  readonly removed: boolean;
  readonly users: readonly TreeThing[];
  readonly machines: readonly TreeThing[];
  readonly volumes: readonly TreeThing[];
  readonly snapshots: readonly TreeThing[];
  readonly templates: readonly TreeThing[];
  readonly networks: readonly TreeNetwork[];
}

/** A network; `rules` has what its rules are called by when they are deleted: their own ids, a VPN the id of its address. */
export interface TreeNetwork extends TreeThing {
  readonly rules: readonly string[];
}

/** Anything with a name and a state. */
export interface TreeThing {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

/** The whole tree from ROOT. */
export function treeOf(world: World): TreeDomain {
  return domainNode(world, world.domains.need(world.base.rootDomain));
}

function domainNode(world: World, domain: Domain): TreeDomain {
  const accounts = world.accounts.group(domain.id).filter((account) => !account.hidden);
  const machines = world.machines.group(domain.id);
  const owners = [...new Set(machines.map((m) => m.accountId))].map((id) => world.accounts.need(id));
  const orphaned = owners.filter((account) => account.removed !== undefined);
  return {
    id: domain.id,
    name: domain.name,
    path: shownPath(domain),
    state: domain.state,
    accounts: [...accounts, ...orphaned].map((account) => accountNode(world, account.id)),
    projects: world.projects.group(domain.id).map((project) => ({ id: project.id, name: project.name, state: project.state })),
    children: world.domains.group(domain.id).map((child) => domainNode(world, child)),
  };
}

function accountNode(world: World, accountId: string): TreeAccount {
  const account = world.accounts.need(accountId);
  const owned = <T extends { accountId: string }>(rows: readonly T[]): T[] => rows.filter((row) => row.accountId === accountId);
  const thing = (row: { id: string; name: string }, state: string): TreeThing => ({ id: row.id, name: row.name, state });
  return {
    id: account.id,
    name: account.name,
    state: account.state,
    role: world.roles.need(account.roleId).name,
    removed: account.removed !== undefined,
    users: world.users.group(accountId).map((user) => ({ id: user.id, name: user.username, state: user.state })),
    machines: owned(world.machines.group(account.domainId)).map((row) => thing(row, row.state)),
    volumes: owned(world.volumes.group(account.domainId)).map((row) => thing(row, row.state)),
    snapshots: owned(world.snapshots.group(account.domainId)).map((row) => thing(row, row.state)),
    templates: owned(world.templates.group(account.domainId)).map((row) => thing(row, row.failure ?? "Ready")),
    networks: owned(world.networks.group(account.domainId)).map((row) => ({
      ...thing(row, networkState(world, row)),
      rules: world.things
        .group(row.domainId)
        .filter((one) => one.networkId === row.id)
        .map((one) => (one.kind === "vpn" ? (one.addressId ?? one.id) : one.id)),
    })),
  };
}
