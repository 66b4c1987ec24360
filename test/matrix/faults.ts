import type { CloudStackFault } from "../../emulators/cloudstack/server.ts";
import { deleteCommands, deleteLists, exportCommands, readCommands, type restoreCommands } from "../../src/cloudstack/api/needs.ts";

/** What the domain of the matrix does not hold, so that nothing of its kind is deleted. */
const notHeld = [
  ...(["detachVolume", "deleteVMSnapshot", "deleteIso", "disassociateIpAddress", "deleteVPC"] as const),
  ...(["deleteLoadBalancerRule", "deletePortForwardingRule"] as const),
] as const;
/** Reads that a deletion does without. */
const notRead = ["listCapabilities", "listUsers"] as const;

/** Commands that a deletion's life sends to change something, in the order of the life. */
export const changes = [exportCommands.template, ...without(deleteCommands, notHeld)] as const;
/** Commands that give back, in the life in which Restore is pressed. */
export const restores = ["enableAccount", "recoverVirtualMachine"] as const satisfies readonly (typeof restoreCommands)[number][];
/** Commands that only look: those of every key, those that a server may lack, and `userdata`, the download of bytes. */
export const reads = [
  ...without(readCommands, notRead),
  ...deleteLists,
  "listKubernetesClusters",
  "listApis",
  "listDedicatedZones",
  "listDedicatedPods",
  "listDedicatedClusters",
  "listDedicatedHosts",
  "userdata",
] as const;

function without<T extends string, U extends T>(all: readonly T[], left: readonly U[]): readonly Exclude<T, U>[] {
  return all.filter((one): one is Exclude<T, U> => !(left as readonly string[]).includes(one));
}

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
