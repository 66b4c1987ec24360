import type { CloudStackEmulator, CloudStackEmulatorOptions } from "../../../emulators/cloudstack/server.ts";
import type { LaterScenario } from "./recordings.ts";

/** Ids of the installation of recordings 16 to 34 that no recorded answer gives before they are used. */
export const RECORDED_LATER = {
  parent: "7d732e4e-06a1-46b5-b725-dcb161cced3a",
  base: {
    zone: "563e1672-abac-4822-9ffb-0877b0673444",
    serviceOffering: "29b2030d-3713-404d-9343-66bb217313b9",
    networkOffering: "44b387f7-6afd-4b9d-9d9d-0d74de973143",
    diskOffering: "4078ef6f-356f-4ecb-a02d-f3571e254666",
    osType: "6b343f14-eb38-11f1-983c-02fc00000001",
    builtinTemplate: "d68077ae-eb38-11f1-983c-02fc00000001",
    vpcOffering: "010061f5-ac28-47ef-885d-9db287117b9e",
    tierOffering: "b581f63e-72ac-4906-a538-a6f3ccb6cad5",
    rootDomain: "6b3dfb1b-eb38-11f1-983c-02fc00000001",
    userRole: "81e2046e-eb38-11f1-983c-02fc00000001",
  },
} as const;

/** What one recorded scenario needs beside an empty installation. */
export interface LaterWorld {
  readonly options?: CloudStackEmulatorOptions;
  /** Makes what was there before; gives our ids by the recorded ones. */
  readonly seed?: (emulator: CloudStackEmulator) => Readonly<Record<string, string>>;
  readonly before?: (emulator: CloudStackEmulator, index: number) => void;
  /** Exchanges before which the expunge delay passed. */
  readonly waits?: readonly number[];
  /** Exchanges that came before the jobs then running ended. */
  readonly atOnce?: readonly number[];
}

const READS = "listDomains listAccounts listUsers listApis listRoles".split(" ");
const NO_ISOS = "listDomains listAccounts listApis listTemplates listVirtualMachines queryAsyncJobResult".split(" ");
const WRITER = [...READS, "createAccount", "queryAsyncJobResult"];
const FEW = [
  ...READS,
  ..."listTemplates listIsos listVirtualMachines listVolumes listSnapshots listNetworks queryAsyncJobResult disableAccount".split(" "),
  ..."enableAccount updateAccount updateUser createUser extractTemplate extractVolume deleteTemplate deleteSnapshot".split(" "),
  ..."deleteVolume deleteNetwork deleteAccount deleteDomain createAccount".split(" "),
];
const MEMBER = ["listApis", "listDomains"];

/** The roles that the recorded installation had beside the default ones when scenario 19 began; `*` stands for more than any caller. */
const ROLES: readonly (readonly [name: string, type: "Admin" | "DomainAdmin" | "User", allowed: readonly string[], loose?: true])[] = [
  ["twokey-read", "DomainAdmin", ["*"]],
  ["twokey-write", "DomainAdmin", ["*"]],
  ["twokey-export", "DomainAdmin", ["*"]],
  ["twokey-delete", "DomainAdmin", ["*"]],
  ["no-isos-151947", "DomainAdmin", NO_ISOS],
  ["writer-151947", "DomainAdmin", WRITER],
  ["member-151947", "User", MEMBER],
  ["loose-151947", "User", MEMBER, true],
  ["twokey-export-root", "Admin", ["*"]],
  ["few-domainadmin-154533", "DomainAdmin", FEW],
  ["few-admin-154533", "Admin", FEW],
  ["twokey-delete-root", "Admin", ["*"]],
  ["admin-below-155739", "DomainAdmin", FEW],
  ["writer-ish-155812", "DomainAdmin", ["*"]],
  ["evreader-160756", "DomainAdmin", ["*"]],
  ["admin-below-162655", "DomainAdmin", FEW],
  ["no-isos-162655", "DomainAdmin", NO_ISOS],
];
const LATER_ROLES: typeof ROLES = [
  ["writer-162655", "DomainAdmin", WRITER],
  ["member-162655", "User", MEMBER],
  ["loose-162655", "User", MEMBER, true],
];

function addRoles(emulator: CloudStackEmulator, roles: typeof ROLES): Record<string, string> {
  for (const [name, type, allowed, loose] of roles) {
    emulator.addRole({ name, type, rules: [...allowed.map((rule) => `allow ${rule}`), ...(loose === true ? [] : ["deny *"])] });
  }
  return {};
}

/** The templates that the installation of scenario 17 had beside its own; most had lost their copies to a restart. */
function addOldTemplates(emulator: CloudStackEmulator): Record<string, string> {
  const account = emulator.addAccount({ domain: emulator.addDomain({ name: "old" }), name: "old" }).accountId;
  const lost = { account, format: "RAW", isExtractable: false, hasNoCopy: true, sourceTemplate: emulator.ids.builtinTemplate };
  emulator.addTemplate({ ...lost, name: "made-verify-150132", isExtractable: true });
  emulator.addTemplate({ account, name: "reg-verify-150132", url: "http://192.0.2.9/img.qcow2" });
  for (const user of ["user1", "user2", "user3", "user5", "user12"]) {
    emulator.addTemplate({ ...lost, name: `golden-${user}`, details: { "SSH.PublicKey": "ssh-rsa A \n", "SSH.KeyPairNames": "key" } });
  }
  emulator.addTemplate({ ...lost, name: "late2", details: { "Message.ReservedCapacityFreed.Flag": "false" } });
  const plain = { account, name: "plain2", format: "VHD", isExtractable: false, url: "http://192.0.2.9/plain.vhd" };
  emulator.addTemplate({ ...plain, checksum: "f41073c2", details: { keyboard: "us" } });
  return {};
}

function addTwoGoldenTemplates(emulator: CloudStackEmulator): Record<string, string> {
  const account = emulator.addAccount({ domain: emulator.addDomain({ name: "ci" }), name: "user1" }).accountId;
  emulator.setFaults([{ kind: "no_storage_vm" }]);
  return {
    "b73b7715-1acd-4f20-a361-940c9a1b905d": emulator.addTemplate({ account, name: "golden-user2", format: "RAW" }),
    "c7e7437f-eb60-4bc1-ac04-b1f59ebb9634": emulator.addTemplate({ account, name: "golden-user1", format: "RAW", hasLink: true }),
  };
}

/** Exchanges that are not compared, each with its reason. */
export const NOT_COMPARED: Readonly<Partial<Record<LaterScenario, Readonly<Record<number, string>>>>> = {
  "21-volumes-out-and-in": {
    19: "a null pointer of the simulated hosts: a real host extracts a data disk of a stopped machine",
    25: "a null pointer of the simulated hosts: a real host extracts a snapshot",
  },
};

/** The scenarios that need something. */
export const LATER_WORLDS: Readonly<Partial<Record<LaterScenario, LaterWorld>>> = {
  "16-detached-root-disk": { atOnce: [21, 22, 23, 24] },
  "17-hidden-templates": { seed: addOldTemplates },
  "19-handing-out-roles": { seed: (emulator) => addRoles(emulator, ROLES) },
  "20-isos": { waits: [36] },
  "25-small-things": { waits: [68] },
  "30-page-size": {
    seed: (emulator) => {
      for (let i = 0; i < 3_415; i += 1) emulator.addDomain({ name: `domain-${i}` });
      return {};
    },
  },
  "34-no-secondary-storage-vm": { seed: addTwoGoldenTemplates },
  "29-least-privilege": { seed: (emulator) => addRoles(emulator, [...ROLES, ...LATER_ROLES]) },
};
