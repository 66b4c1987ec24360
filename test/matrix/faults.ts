import type { CloudStackFault } from "../../emulators/cloudstack/server.ts";

/** Commands that a deletion's life sends to change something, in the order of the life. */
export const changes = [
  "extractTemplate",
  "disableAccount",
  "destroyVirtualMachine",
  "deleteVolume",
  "deleteNetwork",
  "deleteSnapshot",
  "deleteTemplate",
  "deleteAccount",
  "deleteDomain",
] as const;
/** Commands that give back, in the life in which Restore is pressed. */
export const restores = ["enableAccount", "recoverVirtualMachine"] as const;
/** Commands that only look; `userdata` is the download of bytes. */
export const reads = [
  "listDomains",
  "listDomainChildren",
  "listAccounts",
  "listProjects",
  "listVirtualMachines",
  "listVolumes",
  "listSnapshots",
  "listVMSnapshot",
  "listTemplates",
  "listIsos",
  "listNetworks",
  "listVPCs",
  "listPublicIpAddresses",
  "listKubernetesClusters",
  "listApis",
  "listDedicatedZones",
  "listDedicatedPods",
  "listDedicatedClusters",
  "listDedicatedHosts",
  "listEvents",
  "queryAsyncJobResult",
  "userdata",
] as const;
/** A command that a deletion sends. */
export type Command = (typeof changes)[number] | (typeof restores)[number] | (typeof reads)[number];

/** Commands without a job of their own. */
const JOBLESS = new Set<string>(["deleteVolume", "enableAccount", "recoverVirtualMachine", ...reads]);

/** One way in which a call goes wrong. */
export interface Fault {
  readonly name: string;
  readonly switched: Omit<CloudStackFault, "command" | "times">;
  readonly strikes: (command: Command) => boolean;
}

/** How long a call may take, and how late the late ones are. Units: ms. */
export const lateness = { timeoutMs: 25, delayMs: 60 } as const;

const any = (): boolean => true;
const job = (command: Command): boolean => !JOBLESS.has(command) || command === "queryAsyncJobResult";
const list = (command: Command): boolean => command.startsWith("list");
const api = (command: Command): boolean => command !== "userdata";
const status = (code: number, name: string): Fault => ({ name, switched: { kind: "status", status: code }, strikes: any });

/** Every fault of the emulator's switch, with the statuses that a real server and what stands before it give. */
export const faults: readonly Fault[] = [
  { name: "done too late", switched: { kind: "delay", ms: lateness.delayMs }, strikes: any },
  { name: "cut half-way", switched: { kind: "cut" }, strikes: any },
  { name: "lost before", switched: { kind: "lost_before" }, strikes: any },
  { name: "lost after", switched: { kind: "lost_after" }, strikes: any },
  { name: "unreachable", switched: { kind: "unreachable" }, strikes: any },
  status(401, "401"),
  status(429, "429"),
  status(500, "500"),
  status(503, "503"),
  status(530, "530"),
  { name: "HTML of a proxy", switched: { kind: "html" }, strikes: any },
  { name: "HTML, status 200", switched: { kind: "html", status: 200 }, strikes: any },
  { name: "invalid JSON", switched: { kind: "invalid_json" }, strikes: api },
  { name: "short page", switched: { kind: "short_page" }, strikes: list },
  { name: "changed count", switched: { kind: "count_drift" }, strikes: list },
  { name: "vanished job", switched: { kind: "lost_job" }, strikes: job },
  { name: "cancelled job", switched: { kind: "job_cancelled" }, strikes: job },
  { name: "machines stuck", switched: { kind: "stuck_machines" }, strikes: (c) => c === "disableAccount" || c === "destroyVirtualMachine" },
];
