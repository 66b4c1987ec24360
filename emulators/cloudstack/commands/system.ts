import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue } from "../failure.ts";
import { type JsonObject, wireTime } from "../json.ts";
import { NAMED } from "../world/base.ts";
import { derivedId } from "../world/os-types.ts";

/** Commands about system VMs and usage. Source: recordings 28 and 34. */
export const SYSTEM_COMMANDS: readonly Command[] = [
  {
    name: "listSystemVms",
    params: paramSpecs(`id systemvmtype zoneid state ${LIST_PARAMS}`),
    annotated: ["Admin"],
    run: (call) => {
      const type = call.params.text("systemvmtype") ?? STORAGE;
      return type === STORAGE ? { count: 1, systemvm: [storageVm(call)] } : {};
    },
  },
  {
    name: "rebootSystemVm",
    params: paramSpecs("id! forced"),
    annotated: ["Admin"],
    job: {
      className: "admin.systemvm.RebootSystemVmCmd",
      instanceType: "SystemVm",
      instance: (call) => call.params.text("id"),
      finish: (call) => ({ systemvm: named(call) }),
    },
  },
  { name: "listUsageTypes", params: [], run: () => ({ count: USAGE_TYPES.length, usagetype: USAGE_TYPES }) },
  // Recorded: the simulated server kept no records.
  { name: "listUsageRecords", params: paramSpecs(`startdate! enddate! type ${LIST_PARAMS}`), annotated: ["Admin"], run: () => ({}) },
  { name: "generateUsageRecords", params: paramSpecs("startdate! enddate!"), annotated: ["Admin"], run: () => ({ success: true }) },
];

const STORAGE = "secondarystoragevm";

function named(call: Call): JsonObject {
  const row = storageVm(call);
  if (row["id"] !== call.params.must("id")) throw invalidValue(`unable to find a system vm with id ${call.params.must("id")}`);
  return row;
}

/** The secondary storage VM: while `no_storage_vm` is on it runs, but its agent is not connected. */
function storageVm(call: Call): JsonObject {
  const { base } = call.world;
  const created = call.world.domains.need(base.rootDomain).created;
  return {
    id: derivedId(base.imageStore, 1),
    systemvmtype: STORAGE,
    zoneid: base.zone,
    zonename: NAMED.zone,
    dns1: "192.0.2.6",
    gateway: "192.168.0.1",
    name: "s-1-VM",
    podid: base.pod,
    podname: "POD0",
    hostid: base.host,
    hostname: NAMED.host,
    hostcontrolstate: "Enabled",
    hypervisor: NAMED.hypervisor,
    privateip: "172.16.0.230",
    privatemacaddress: "1e:00:11:00:00:e5",
    privatenetmask: "255.255.0.0",
    linklocalip: "169.254.34.40",
    linklocalmacaddress: "0e:00:a9:fe:22:28",
    linklocalnetmask: "255.255.0.0",
    publicip: "192.168.0.2",
    publicmacaddress: "1e:00:ad:00:03:fa",
    publicnetmask: "255.255.0.0",
    templateid: base.systemTemplate,
    templatename: NAMED.systemTemplate,
    created: wireTime(created),
    state: "Running",
    agentstate: call.isOn("no_storage_vm") ? "Disconnected" : "Up",
    version: "4.22.0.0-SNAPSHOT",
    isdynamicallyscalable: false,
    serviceofferingid: derivedId(base.routerOffering, 1),
    serviceofferingname: "System Offering For Secondary Storage VM",
    arch: "x86_64",
    hasannotations: false,
  };
}

const usage = (id: number, name: string, description: string): JsonObject => ({ id, name, description });

const USAGE_TYPES: readonly JsonObject[] = [
  usage(1, "RUNNING_VM", "Running Vm Usage"),
  usage(2, "ALLOCATED_VM", "Allocated Vm Usage"),
  usage(3, "IP_ADDRESS", "IP Address Usage"),
  usage(4, "NETWORK_BYTES_SENT", "Network Usage (Bytes Sent)"),
  usage(5, "NETWORK_BYTES_RECEIVED", "Network Usage (Bytes Received)"),
  usage(6, "VOLUME", "Volume Usage"),
  usage(7, "TEMPLATE", "Template Usage"),
  usage(8, "ISO", "ISO Usage"),
  usage(9, "SNAPSHOT", "Snapshot Usage"),
  usage(10, "SECURITY_GROUP", "Security Group Usage"),
  usage(11, "LOAD_BALANCER_POLICY", "Load Balancer Usage"),
  usage(12, "PORT_FORWARDING_RULE", "Port Forwarding Usage"),
  usage(13, "NETWORK_OFFERING", "Network Offering Usage"),
  usage(14, "VPN_USERS", "VPN users usage"),
  usage(21, "VM_DISK_IO_READ", "VM Disk usage(I/O Read)"),
  usage(22, "VM_DISK_IO_WRITE", "VM Disk usage(I/O Write)"),
  usage(23, "VM_DISK_BYTES_READ", "VM Disk usage(Bytes Read)"),
  usage(24, "VM_DISK_BYTES_WRITE", "VM Disk usage(Bytes Write)"),
  usage(25, "VM_SNAPSHOT", "VM Snapshot storage usage"),
  usage(26, "VOLUME_SECONDARY", "Volume on secondary storage usage"),
  usage(27, "VM_SNAPSHOT_ON_PRIMARY", "VM Snapshot on primary storage usage"),
  usage(28, "BACKUP", "Backup storage usage"),
  usage(29, "BUCKET", "Bucket storage usage"),
  usage(30, "NETWORK", "Network usage"),
  usage(31, "VPC", "VPC usage"),
];
