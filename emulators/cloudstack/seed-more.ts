import type { JsonObject } from "./json.ts";
import { allocateAddress, insertTemplate, sourceNatOf, type Making } from "./world/create.ts";
import type { Address, Network, Thing, ThingKind } from "./world/rows.ts";
import type { World } from "./world/world.ts";

/** What `addFirewallRule` takes: a rule outwards (`egress`), or inwards on the network's own address. */
export interface SeedFirewallRule {
  readonly network: string;
  readonly egress?: boolean;
  readonly port?: number;
}

/** Direct ways to make what hangs on networks and accounts. Everything takes and gives UUIDs. */
export interface SeedMore {
  /** Adds a firewall rule to a network; an inward one gives the network its address. Returns its id. */
  addFirewallRule(fields: SeedFirewallRule): string;
  /** Adds a remote access VPN, with the three firewall rules that it opens. Returns the id of its address. */
  addVpn(fields: { network: string }): string;
  /** Adds a public address to a network. Returns its id. */
  addAddress(fields: { network: string }): string;
  /** Adds a VPC with its address, and one tier where a name for it is given. Returns the ids. */
  addVpc(fields: { account: string; name: string; tier?: string }): { vpcId: string; tierId: string | undefined };
  /** Adds an ISO that is ready, in a machine's drive where one is given. Returns its id. */
  addIso(fields: { account: string; name: string; machine?: string }): string;
  /** Adds a small thing that no total counts, such as a key pair. Returns its id. */
  addThing(fields: { account: string; kind: ThingKind; name: string; fields?: JsonObject }): string;
  /** Takes the right to one command away from a role, by a rule before all others. */
  forbid(fields: { role: string; command: string }): void;
  /** Gives back what `forbid` took. */
  permit(fields: { role: string; command: string }): void;
}

/** The ways to seed what hangs on networks and accounts. */
export function seedMoreOf(world: World, making: () => Making): SeedMore {
  return {
    addFirewallRule: ({ network, egress, port }) => firewallRule(making(), world.networks.need(network), egress ?? false, port ?? 443),
    addVpn: ({ network }) => vpn(making(), world.networks.need(network)),
    addAddress: ({ network }) => {
      const owner = world.accounts.need(world.networks.need(network).accountId);
      return allocateAddress(making(), owner, { networkId: network, isSourceNat: false }).id;
    },
    addVpc: ({ account, name, tier }) => vpc(making(), account, name, tier),
    addIso: ({ account, name, machine }) => {
      const iso = insertTemplate(making(), world.accounts.need(account), {
        name,
        format: "ISO",
        isIso: true,
        bootable: true,
        size: 5_242_880,
      });
      if (machine !== undefined) world.machines.need(machine).isoId = iso.id;
      return iso.id;
    },
    addThing: ({ account, kind, name, fields }) => thing(making(), { account, kind, name, fields: { name, ...fields } }),
    forbid: ({ role, command }) => {
      const { settings } = making();
      world.rules.insert({ id: settings.newId(), roleId: world.roles.need(role).id, rule: command, permission: "deny", isFirst: true });
    },
    permit: ({ role, command }) => {
      const taken = world.rules.group(role).filter((one) => one.rule === command && one.isFirst === true);
      for (const rule of taken) world.rules.remove(rule, making().now);
    },
  };
}

function thing(
  { world, settings, now }: Making,
  fields: { account: string; kind: ThingKind; name: string; fields: JsonObject } & Pick<Thing, "networkId" | "addressId">,
): string {
  const { account, ...rest } = fields;
  const { id: accountId, domainId } = world.accounts.need(account);
  return world.things.insert({ id: settings.newId(), accountId, domainId, created: now, ...rest }).id;
}

function ownAddress(making: Making, network: Network): Address {
  const owner = making.world.accounts.need(network.accountId);
  return sourceNatOf(making.world, network) ?? allocateAddress(making, owner, { networkId: network.id, isSourceNat: true });
}

function firewallRule(making: Making, network: Network, egress: boolean, port: number, protocol = "tcp"): string {
  const place = { networkid: network.id, state: "Active", tags: [], fordisplay: true, destcidrlist: "" };
  const ports = { protocol, startport: port, endport: port };
  const of = { account: network.accountId, name: "rule", networkId: network.id };
  if (egress) {
    const fields = { ...ports, ...place, cidrlist: "10.1.1.0/24", traffictype: "Egress" };
    return thing(making, { ...of, kind: "egress_rule", fields });
  }
  const address = ownAddress(making, network);
  const at = { ipaddressid: address.id, ipaddress: address.name, cidrlist: "0.0.0.0/0", traffictype: "Ingress" };
  return thing(making, { ...of, kind: "firewall_rule", fields: { ...ports, ...place, ...at }, addressId: address.id });
}

function vpn(making: Making, network: Network): string {
  const address = ownAddress(making, network);
  const shown = { publicipid: address.id, publicip: address.name, iprange: "10.1.2.2-10.1.2.8", state: "Running", fordisplay: true };
  const at = { networkId: network.id, addressId: address.id };
  thing(making, { account: network.accountId, kind: "vpn", name: "vpn", fields: { ...shown, presharedkey: "an emulated key" }, ...at });
  for (const port of [500, 4500, 1701]) firewallRule(making, network, false, port, "udp");
  return address.id;
}

function vpc(making: Making, account: string, name: string, tier: string | undefined): { vpcId: string; tierId: string | undefined } {
  const { world, settings, now } = making;
  const owner = world.accounts.need(account);
  const offering = { name: "VPC offering", displaytext: "VPC offering", state: "Enabled", service: [], isdefault: false };
  const offeringId = thing(making, { account: world.base.adminAccount, kind: "vpc_offering", name: "VPC offering", fields: offering });
  const at = { accountId: owner.id, domainId: owner.domainId, created: now };
  const vpcId = world.vpcs.insert({ id: settings.newId(), name, ...at, cidr: "10.20.0.0/16", offeringId }).id;
  allocateAddress(making, owner, { vpcId, isSourceNat: true });
  if (tier === undefined) return { vpcId, tierId: undefined };
  const network = { id: settings.newId(), name: tier, displayText: tier, ...at, vlan: 2_000, vpcId, gateway: "10.20.1.1" };
  return { vpcId, tierId: world.networks.insert(network).id };
}
