import { type Call, type Command, paramSpecs } from "../command.ts";
import { invalidValue, permissionDenied } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { describedAccount } from "../shapes/owner.ts";
import { guestAddress } from "../shapes/machine.ts";
import { NAMED } from "../world/base.ts";
import type { Address, Network, Thing } from "../world/rows.ts";
import { allocatedAddress } from "./addresses.ts";
import { deletesThing, insertThing, listsThings, makesByJob, type Made } from "./things.ts";

const PORTS = "protocol! startport endport cidrlist";

/** Commands about rules of networks: firewall, egress, port forwards, load balancers, VPN. Source: recordings 25, 31, 32 and 33. */
export const RULE_COMMANDS: readonly Command[] = [
  makesByJob(
    {
      name: "createFirewallRule",
      params: `ipaddressid!:addresses ${PORTS}`,
      kind: "firewall_rule",
      key: "firewallrule",
      make: ingressRule,
    },
    "user.firewall.CreateFirewallRuleCmd",
    "FirewallRule",
    true,
  ),
  listsThings("listFirewallRules", "firewall_rule", "firewallrule", "ipaddressid:addresses"),
  deletesThing("deleteFirewallRule", "firewall_rule", "user.firewall.DeleteFirewallRuleCmd"),
  makesByJob(
    {
      name: "createEgressFirewallRule",
      params: `networkid!:networks ${PORTS}`,
      kind: "egress_rule",
      key: "firewallrule",
      make: egressRule,
    },
    "user.firewall.CreateEgressFirewallRuleCmd",
    "FirewallRule",
    true,
  ),
  listsThings("listEgressFirewallRules", "egress_rule", "firewallrule"),
  deletesThing("deleteEgressFirewallRule", "egress_rule", "user.firewall.DeleteEgressFirewallRuleCmd"),
  makesByJob(
    {
      name: "createPortForwardingRule",
      params: "ipaddressid!:addresses networkid:networks privateport! publicport! protocol! virtualmachineid!:machines openfirewall",
      kind: "port_forward",
      key: "portforwardingrule",
      make: portForward,
      also: (call, thing) => openFirewall(call, thing, call.params.must("protocol"), call.params.must("publicport")),
    },
    "user.firewall.CreatePortForwardingRuleCmd",
    "FirewallRule",
    true,
  ),
  listsThings("listPortForwardingRules", "port_forward", "portforwardingrule", "ipaddressid:addresses"),
  deletesThing("deletePortForwardingRule", "port_forward", "user.firewall.DeletePortForwardingRuleCmd"),
  makesByJob(
    {
      name: "createLoadBalancerRule",
      params: "name! publicipid!:addresses algorithm! publicport! privateport! openfirewall networkid:networks",
      kind: "load_balancer",
      key: "loadbalancer",
      make: loadBalancer,
      also: (call, thing) => openFirewall(call, thing, "tcp", call.params.must("publicport")),
    },
    "user.loadbalancer.CreateLoadBalancerRuleCmd",
    "FirewallRule",
    true,
  ),
  listsThings("listLoadBalancerRules", "load_balancer", "loadbalancerrule", "publicipid:addresses"),
  deletesThing("deleteLoadBalancerRule", "load_balancer", "user.loadbalancer.DeleteLoadBalancerRuleCmd"),
  {
    name: "assignToLoadBalancerRule",
    params: paramSpecs("id!:things virtualmachineids:machines*"),
    job: {
      className: "user.loadbalancer.AssignToLoadBalancerRuleCmd",
      finish: () => ({ success: true }),
    },
  },
  makesByJob(
    {
      name: "createRemoteAccessVpn",
      params: "publicipid!:addresses openfirewall",
      kind: "vpn",
      key: "remoteaccessvpn",
      make: remoteAccessVpn,
      also: (call, thing) => ["500", "4500", "1701"].forEach((port) => openFirewall(call, thing, "udp", port)),
    },
    "user.vpn.CreateRemoteAccessVpnCmd",
    "IpAddress",
    true,
  ),
  listsThings("listRemoteAccessVpns", "vpn", "remoteaccessvpn", "publicipid:addresses"),
  {
    name: "deleteRemoteAccessVpn",
    params: paramSpecs("publicipid!:addresses"),
    job: {
      className: "user.vpn.DeleteRemoteAccessVpnCmd",
      instanceType: "IpAddress",
      instance: (call) => call.world.addresses.find(call.params.must("publicipid"))?.id,
      start: (call) => void allocatedAddress(call, "publicipid"),
      finish: deleteRemoteAccessVpn,
    },
  },
];

/**
 * Refuses to delete a network of a disabled account while a firewall rule is in it: CloudStack revokes it in the account's name.
 * Source: recordings 25, 31 and 32.
 */
export function refuseRulesOfDisabled(call: Call, network: Network): void {
  if (!hasRulesOfDisabled(call, network)) return;
  throw permissionDenied(`Account Account ${describedAccount(call.world.accounts.need(network.accountId))} is disabled.`);
}

/** Whether a network is a disabled account's and has a firewall rule. */
export function hasRulesOfDisabled(call: Call, network: Network): boolean {
  const { world } = call;
  const owner = world.accounts.need(network.accountId);
  if (owner.state !== "disabled" || network.vpcId !== undefined) return false;
  const isIn = (thing: Thing): boolean =>
    thing.networkId === network.id && (thing.kind === "firewall_rule" || thing.kind === "egress_rule");
  return world.things.group(network.domainId).some(isIn);
}

function networkOf(call: Call, address: Address): Network | undefined {
  return call.world.networks.live(address.networkId ?? call.params.text("networkid"));
}

function ruleFields(call: Call, cidr: string, traffictype: string): JsonObject {
  const { params } = call;
  const port = (name: string): JsonObject => (params.text(name) === undefined ? {} : { [name]: Number(params.must(name)) });
  return {
    protocol: params.must("protocol"),
    ...port("startport"),
    ...port("endport"),
    state: "Active",
    cidrlist: params.text("cidrlist") ?? cidr,
    tags: [],
    fordisplay: true,
    destcidrlist: "",
    traffictype,
  };
}

function ingressRule(call: Call): Made {
  const address = allocatedAddress(call, "ipaddressid");
  return ingress(call, address, ruleFields(call, "0.0.0.0/0", "Ingress"));
}

function ingress(call: Call, address: Address, fields: JsonObject): Made {
  const networkId = networkOf(call, address)?.id;
  return {
    owner: call.world.accounts.need(address.accountId),
    name: "rule",
    fields: { ...fields, ipaddressid: address.id, ipaddress: address.name, networkid: networkId },
    addressId: address.id,
    ...(networkId === undefined ? {} : { networkId }),
  };
}

function egressRule(call: Call): Made {
  const network = call.world.networks.live(call.params.must("networkid"));
  if (network === undefined) throw invalidValue("Unable to find the network by its id");
  const fields = { ...ruleFields(call, "10.1.1.0/24", "Egress"), networkid: network.id };
  return { owner: call.world.accounts.need(network.accountId), name: "rule", fields, networkId: network.id };
}

/** What opens with a port forward, a load balancer or a VPN on the address of an isolated network; tiers of a VPC have lists instead. */
function openFirewall(call: Call, { addressId }: Thing, protocol: string, port: string): void {
  const address = call.world.addresses.need(addressId ?? "");
  if (address.vpcId !== undefined || call.params.text("openfirewall") === "false") return;
  const ports = { startport: Number(port), endport: Number(port) };
  const fields = { protocol, ...ports, state: "Active", cidrlist: "0.0.0.0/0", tags: [], fordisplay: true, destcidrlist: "" };
  insertThing(call, "firewall_rule", ingress(call, address, { ...fields, traffictype: "Ingress" }));
}

function portForward(call: Call): Made {
  const { params, world } = call;
  const machine = world.machines.live(params.must("virtualmachineid"));
  if (machine === undefined) throw invalidValue("Unable to create port forwarding rule: the machine is not found");
  const made = ingress(call, allocatedAddress(call, "ipaddressid"), {
    privateport: params.must("privateport"),
    privateendport: params.must("privateport"),
    protocol: params.must("protocol"),
    publicport: params.must("publicport"),
    publicendport: params.must("publicport"),
    virtualmachineid: machine.id,
    virtualmachinename: machine.name,
    virtualmachinedisplayname: machine.displayName,
    state: "Active",
    cidrlist: "",
    tags: [],
    vmguestip: guestAddress(world, machine),
    fordisplay: true,
  });
  return { ...made, fields: { ...made.fields, networkid: machine.networkId }, machineId: machine.id, networkId: machine.networkId };
}

function loadBalancer(call: Call): Made {
  const { params, world } = call;
  const address = allocatedAddress(call, "publicipid");
  const made = ingress(call, address, {});
  const fields = {
    name: params.must("name"),
    publicipid: address.id,
    publicip: address.name,
    publicport: params.must("publicport"),
    privateport: params.must("privateport"),
    algorithm: params.must("algorithm"),
    networkid: made.networkId,
    state: "Add",
    zoneid: world.base.zone,
    zonename: NAMED.zone,
    tags: [],
    fordisplay: true,
  };
  return { ...made, name: params.must("name"), fields };
}

function remoteAccessVpn(call: Call): Made {
  const address = allocatedAddress(call, "publicipid");
  const fields = {
    publicipid: address.id,
    publicip: address.name,
    iprange: "10.1.2.2-10.1.2.8",
    presharedkey: "an emulated key",
    state: "Running",
    fordisplay: true,
  };
  return { ...ingress(call, address, {}), name: "vpn", fields };
}

function deleteRemoteAccessVpn(call: Call): JsonObject {
  const { world, now } = call;
  const address = allocatedAddress(call, "publicipid");
  const isIts = (thing: Thing): boolean =>
    thing.addressId === address.id && (thing.kind === "vpn" || (thing.kind === "firewall_rule" && thing.fields["protocol"] === "udp"));
  for (const thing of world.things.group(address.domainId)) if (isIts(thing)) world.things.remove(thing, now);
  return { success: true };
}
