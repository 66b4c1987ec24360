import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue, runtimeRefusal } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { ownedRows, requireOwner } from "../scope.ts";
import { addressShape } from "../shapes/address.ts";
import { allocateAddress } from "../world/create.ts";
import { releaseAddress } from "../world/remove.ts";
import type { Address } from "../world/rows.ts";
import { newOwner, requireRoom } from "./owners.ts";
import { OWNER_PARAMS } from "./things.ts";

/** Commands about public addresses. Source: recordings 05, 25, 31 and 33. */
export const ADDRESS_COMMANDS: readonly Command[] = [
  {
    name: "associateIpAddress",
    params: paramSpecs(`networkid:networks vpcid:vpcs zoneid ${OWNER_PARAMS}`),
    event: { type: "NET.IPASSIGN", resource: "IpAddress", text: "associating IP" },
    job: {
      className: "admin.address.AssociateIPAddrCmdByAdmin",
      instanceType: "IpAddress",
      start: associate,
      finish: (call, id) => {
        const address = call.world.addresses.need(id ?? "");
        // The answer is made before the rules are applied: a network's address is still on its way then (recording 25).
        const state = address.vpcId === undefined ? "Allocating" : "Allocated";
        return { ipaddress: { ...addressShape(call.world, address), state } };
      },
    },
  },
  {
    name: "listPublicIpAddresses",
    params: paramSpecs(`id:addresses associatednetworkid:networks vpcid:vpcs issourcenat ${OWNER_PARAMS} ${LIST_PARAMS}`),
    run: listAddresses,
  },
  {
    name: "disassociateIpAddress",
    params: paramSpecs("id!:addresses"),
    event: { type: "NET.IPRELEASE", resource: "IpAddress", text: "disassociating ip address" },
    job: {
      className: "user.address.DisassociateIPAddrCmd",
      instanceType: "IpAddress",
      instance: (call) => call.world.addresses.find(call.params.must("id"))?.id,
      finish: disassociate,
    },
  },
  {
    name: "enableStaticNat",
    params: paramSpecs("ipaddressid!:addresses virtualmachineid!:machines networkid:networks"),
    run: enableStaticNat,
  },
];

/** The address that a call names, unless it is nobody's. */
export function allocatedAddress(call: Call, parameter: string): Address {
  const address = call.world.addresses.find(call.params.must(parameter));
  if (address === undefined || address.accountId === "") throw invalidValue("The specified public ip is not allocated to any account");
  requireOwner(call, address);
  return address;
}

function associate(call: Call): string {
  const { world, params, settings, now } = call;
  const owner = newOwner(call);
  const network = world.networks.live(params.text("networkid"));
  const vpc = world.vpcs.live(params.text("vpcid"));
  if (network === undefined && vpc === undefined)
    throw invalidValue("Failed to associate a public ip: neither a network nor a VPC was given");
  requireRoom(call, owner, 1);
  const place = vpc === undefined ? { networkId: network?.id ?? "" } : { vpcId: vpc.id };
  return allocateAddress({ world, settings, now }, owner, { ...place, isSourceNat: false }).id;
}

function listAddresses(call: Call): JsonObject {
  const { world, params } = call;
  const id = world.addresses.find(params.text("id"));
  if (params.text("id") !== undefined && (id === undefined || id.accountId === "")) return {};
  const network = params.text("associatednetworkid");
  const vpc = params.text("vpcid");
  const sourceNat = params.text("issourcenat");
  const rows = ownedRows(call, world.addresses).filter(
    (address) =>
      address.accountId !== "" &&
      (network === undefined || address.networkId === network) &&
      (vpc === undefined || address.vpcId === vpc) &&
      (sourceNat === undefined || String(address.isSourceNat) === sourceNat),
  );
  return pageOf(call, "publicipaddress", rows, (address) => addressShape(world, address));
}

function disassociate(call: Call): JsonObject {
  const { world } = call;
  const address = world.addresses.find(call.params.must("id"));
  if (address === undefined || address.accountId === "") return { success: true };
  requireOwner(call, address);
  const running = world.machines.group(address.domainId).some((m) => m.networkId === address.networkId && m.state === "Running");
  if (address.isSourceNat && (address.vpcId !== undefined || running)) {
    throw runtimeRefusal("ip address is used for source nat purposes and can not be disassociated.");
  }
  releaseAddress(world, address, call.now);
  return { success: true };
}

function enableStaticNat(call: Call): JsonObject {
  const address = allocatedAddress(call, "ipaddressid");
  const machine = call.world.machines.live(call.params.must("virtualmachineid"));
  if (machine === undefined) throw invalidValue("Can't enable static nat for the address id, machine is not found");
  call.world.addresses.update(address, (row) => {
    row.staticNatMachineId = machine.id;
  });
  return { success: true };
}
