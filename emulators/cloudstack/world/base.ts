/** The simulated installation: names and ids of things that nobody creates or deletes through the API. */
export interface Base {
  readonly rootDomain: string;
  readonly systemAccount: string;
  readonly adminAccount: string;
  readonly adminUser: string;
  readonly zone: string;
  readonly serviceOffering: string;
  readonly networkOffering: string;
  readonly diskOffering: string;
  readonly osType: string;
  readonly builtinTemplate: string;
  readonly systemTemplate: string;
  readonly userRole: string;
  readonly domainAdminRole: string;
  readonly rootAdminRole: string;
  readonly managementServer: string;
  readonly host: string;
  readonly pool: string;
  readonly cluster: string;
  readonly pod: string;
  readonly imageStore: string;
  readonly physicalNetwork: string;
  readonly publicNetwork: string;
  readonly linkLocalNetwork: string;
  readonly vlan: string;
  readonly routerOffering: string;
  readonly vpcOffering: string;
  readonly tierOffering: string;
}

const NAMES = [
  "rootDomain",
  "systemAccount",
  "adminAccount",
  "adminUser",
  "zone",
  "serviceOffering",
  "networkOffering",
  "diskOffering",
  "osType",
  "builtinTemplate",
  "systemTemplate",
  "userRole",
  "domainAdminRole",
  "rootAdminRole",
  "managementServer",
  "host",
  "pool",
  "cluster",
  "pod",
  "imageStore",
  "physicalNetwork",
  "publicNetwork",
  "linkLocalNetwork",
  "vlan",
  "routerOffering",
  "vpcOffering",
  "tierOffering",
] as const satisfies readonly (keyof Base)[];

/** New ids for a new installation. */
export function newBase(newId: () => string): Base {
  const entries = NAMES.map((name): [string, string] => [name, newId()]);
  return Object.fromEntries(entries) as unknown as Base;
}

/** Display names of the simulated installation. Source: recordings 05 and 09. */
export const NAMED = {
  zone: "Sandbox",
  serviceOffering: "Small Instance",
  diskOffering: "Small",
  diskOfferingText: "Small Disk, 5 GB",
  networkOffering: "DefaultIsolatedNetworkOfferingWithSourceNatService",
  networkOfferingText: "Offering for Isolated networks with Source Nat service enabled",
  tierOffering: "DefaultIsolatedNetworkOfferingForVpcNetworksNoLB",
  tierOfferingText: "Offering for Isolated Vpc networks with Source Nat service enabled and LB service Disabled",
  osType: "CentOS 5.6 (64-bit)",
  builtinTemplate: "CentOS 5.6 (64-bit) no GUI (Simulator)",
  systemTemplate: "SystemVM Template (simulator)",
  hypervisor: "Simulator",
  host: "SimulatedAgent.emulator",
  imageStore: "nfs://192.0.2.6:/export/secondary",
  pool: "PS0",
} as const;

/** Size of the disk offering and of the builtin template's disk. Units: bytes. */
export const DISK_BYTES = 5_368_709_120;

/** Virtual size of the builtin template. Units: bytes. */
export const BUILTIN_BYTES = 2_147_483_648;
