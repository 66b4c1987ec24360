import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue } from "../failure.ts";
import { type JsonObject, wireTime } from "../json.ts";
import { pageOf } from "../paging.ts";
import { ownedRows, requireOwner } from "../scope.ts";
import { thingShape } from "../shapes/thing.ts";
import { describedVpc, vpcShape } from "../shapes/vpc.ts";
import { allocateAddress } from "../world/create.ts";
import { removeVpc } from "../world/remove.ts";
import type { Vpc } from "../world/rows.ts";
import { newOwner, requireRoom } from "./owners.ts";
import { listsThings, makesByJob, OWNER_PARAMS, type Made } from "./things.ts";

/** Commands about virtual private clouds. Source: recordings 25, 31 and 33. */
export const VPC_COMMANDS: readonly Command[] = [
  makesByJob(
    { name: "createVPCOffering", params: "name! displaytext supportedservices", kind: "vpc_offering", key: "vpcoffering", make: offering },
    "admin.vpc.CreateVPCOfferingCmd",
    "None",
    false,
  ),
  {
    name: "updateVPCOffering",
    params: paramSpecs("id!:things state"),
    job: { className: "admin.vpc.UpdateVPCOfferingCmd", instanceType: "None", instance: () => undefined, finish: updateOffering },
  },
  {
    name: "createVPC",
    params: paramSpecs(`name! cidr! vpcofferingid! zoneid! displaytext ${OWNER_PARAMS}`),
    event: { type: "VPC.CREATE", resource: "Vpc", text: "creating VPC" },
    job: {
      className: "admin.vpc.CreateVPCCmdByAdmin",
      instanceType: "None",
      instance: () => undefined,
      start: startVpc,
      finish: (call, id) => ({ vpc: vpcShape(call.world, call.world.vpcs.need(id ?? "")) }),
    },
  },
  {
    name: "listVPCs",
    params: paramSpecs(`id:vpcs ${OWNER_PARAMS} ${LIST_PARAMS}`),
    run: (call) => pageOf(call, "vpc", ownedRows(call, call.world.vpcs), (vpc) => vpcShape(call.world, vpc)),
  },
  {
    name: "deleteVPC",
    params: paramSpecs("id!:vpcs"),
    event: { type: "VPC.DELETE", resource: "Vpc", text: "deleting VPC" },
    job: {
      className: "user.vpc.DeleteVPCCmd",
      instanceType: "Vpc",
      instance: () => undefined,
      finish: deleteVpc,
    },
  },
  makesByJob(
    { name: "createNetworkACLList", params: "vpcid!:vpcs name!", kind: "acl_list", key: "networkacllist", make: aclList },
    "user.network.CreateNetworkACLListCmd",
    "NetworkAcl",
    false,
  ),
  makesByJob(
    { name: "createVpnGateway", params: "vpcid!:vpcs", kind: "vpn_gateway", key: "vpngateway", make: vpnGateway },
    "user.vpn.CreateVpnGatewayCmd",
    "None",
    false,
  ),
  listsThings("listVpnGateways", "vpn_gateway", "vpngateway"),
  {
    name: "createVpnCustomerGateway",
    params: paramSpecs(`name gateway! cidrlist! ipsecpsk! ikepolicy! esppolicy! ${OWNER_PARAMS}`),
    run: refuseCustomerGateway,
  },
  listsThings("listVpnCustomerGateways", "vpn_customer_gateway", "vpncustomergateway"),
];

const SERVICES = ["Dns", "Dhcp", "StaticNat", "NetworkACL", "Vpn", "SourceNat", "PortForwarding", "UserData"];

function offering(call: Call): Made {
  const name = call.params.must("name");
  const fields = {
    name,
    displaytext: call.params.text("displaytext") ?? name,
    created: wireTime(call.now),
    isdefault: false,
    state: "Disabled",
    service: SERVICES.map((service) => ({ name: service, provider: [{ name: "VpcVirtualRouter" }] })),
    distributedvpcrouter: false,
    supportsregionLevelvpc: false,
    fornsx: false,
    internetprotocol: "IPv4",
    specifyasnumber: false,
  };
  return { owner: call.caller.account, name, fields };
}

function updateOffering(call: Call): JsonObject {
  const row = call.world.things.live(call.params.must("id"));
  if (row?.kind !== "vpc_offering") throw invalidValue("Unable to find the VPC offering by its id");
  call.world.things.update(row, (thing) => {
    thing.fields = { ...thing.fields, state: call.params.text("state") ?? thing.fields["state"] };
  });
  return { vpcoffering: thingShape(call.world, row) };
}

function startVpc(call: Call): string {
  const { world, params, settings, now } = call;
  const owner = newOwner(call);
  const wanted = params.must("vpcofferingid");
  // Recorded: the simulated zone has no internal load balancer, which the default offering asks for.
  if (wanted === world.base.vpcOffering) {
    throw invalidValue("Provider InternalLbVm should be enabled in at least one physical network of the zone specified");
  }
  const chosen = world.things.live(wanted);
  if (chosen?.kind !== "vpc_offering") throw invalidValue(`Unable to find the VPC offering by id ${wanted}`);
  requireRoom(call, owner, 7);
  const vpc = world.vpcs.insert({
    id: settings.newId(),
    name: params.must("name"),
    accountId: owner.id,
    domainId: owner.domainId,
    created: now,
    cidr: params.must("cidr"),
    offeringId: chosen.id,
  });
  allocateAddress({ world, settings, now }, owner, { vpcId: vpc.id, isSourceNat: true });
  return vpc.id;
}

function deleteVpc(call: Call): JsonObject {
  const { world } = call;
  const vpc = namedVpc(call, "id");
  requireOwner(call, vpc);
  const tiers = world.networks.group(vpc.domainId).filter((network) => network.vpcId === vpc.id);
  if (tiers.length > 0) throw invalidValue(`Can't delete VPC ${describedVpc(vpc)} as its used by ${tiers.length} networks`);
  removeVpc(world, vpc, call.now);
  return { success: true };
}

function namedVpc(call: Call, parameter: string): Vpc {
  const vpc = call.world.vpcs.live(call.params.must(parameter));
  if (vpc === undefined) throw invalidValue(`unable to find VPC id=${call.params.must(parameter)}`);
  return vpc;
}

function aclList(call: Call): Made {
  const vpc = namedVpc(call, "vpcid");
  const name = call.params.must("name");
  const owner = call.world.accounts.need(vpc.accountId);
  return { owner, name, fields: { name, vpcid: vpc.id, vpcname: vpc.name, fordisplay: true }, vpcId: vpc.id };
}

function vpnGateway(call: Call): Made {
  const vpc = namedVpc(call, "vpcid");
  const owner = call.world.accounts.need(vpc.accountId);
  const address = call.world.addresses.group(vpc.domainId).find((row) => row.vpcId === vpc.id && row.isSourceNat);
  return { owner, name: "gateway", fields: { publicip: address?.name, vpcid: vpc.id, vpcname: vpc.name, fordisplay: true }, vpcId: vpc.id };
}

/** Only the recorded refusal; nothing makes such a gateway. */
function refuseCustomerGateway(call: Call): never {
  const policy = call.params.must("ikepolicy");
  throw invalidValue(`The customer gateway IKE policy ${policy} is invalid!  Verify the required Diffie Hellman (DH) group is specified.`);
}
