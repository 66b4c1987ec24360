import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { addManagedRoot } from "./keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator, type TreeDomain } from "../emulators/cloudstack/server.ts";
import { accountIdFor, domainIdFor, userIdFor } from "../src/core/derived-ids.ts";
import type { CiUserId, ProjectId } from "../src/core/ids.ts";
import { cast, extras } from "./cast.ts";
import { demoProjects, type DemoProject } from "./projects.ts";

/** The demo's managed root, as the bot is configured with it. */
export const demoRootPath = "ROOT/ci";
/** How quick CloudStack is: how long it keeps a destroyed machine, and how long a job takes. Units: seconds, ms. */
export interface DemoPace {
  readonly expungeSeconds: number;
  readonly jobMs: number;
}
/** The demo's pace, for people who watch. */
export const demoPace: DemoPace = { expungeSeconds: 6, jobMs: 250 };
/** The pace of the story and of tests. */
export const quickPace: DemoPace = { expungeSeconds: 2, jobMs: 60 };

/**
 * Starts the demo's CloudStack, and fills it once: what stands in its state file is kept. So is its address, if nobody else took it: a
 * server with another address would be another scope, and two people would be asked about it.
 */
export async function startDemoCloud(dataDir: string, pace: DemoPace, port: number): Promise<CloudStackEmulator> {
  const portFile = path.join(dataDir, "cloudstack-port");
  const last = existsSync(portFile) ? Number(readFileSync(portFile, "utf8")) : port;
  const cloud = await start(dataDir, pace, last).catch(() => start(dataDir, pace, port));
  writeFileSync(portFile, new URL(cloud.url).port);
  if (rootOf(cloud.tree()) === undefined) fill(cloud);
  return cloud;
}

function start(dataDir: string, pace: DemoPace, port: number): Promise<CloudStackEmulator> {
  return startCloudStackEmulator({
    port,
    stateFile: path.join(dataDir, "cloudstack.json"),
    jobMs: pace.jobMs,
    expungeDelayMs: pace.expungeSeconds * 1000,
    expungeIntervalMs: 1000,
    accountCleanupIntervalMs: 60_000,
  });
}

/** The managed root's node of the tree. */
export function rootOf(tree: TreeDomain): TreeDomain | undefined {
  return tree.children.find((d) => `ROOT/${d.name}` === demoRootPath);
}

function fill(cloud: CloudStackEmulator): void {
  const root = addManagedRoot(cloud);
  for (const project of demoProjects) if (project.standing !== null) fillProject(cloud, root, project, project.standing);
  const lab = cloud.addDomain({ name: "old-lab", parent: root });
  const keeper = cloud.addAccount({ domain: lab, name: "labkeeper" });
  cloud.addMachine({ account: keeper.accountId, name: "lab-forgotten" });
}

function fillProject(cloud: CloudStackEmulator, root: string, project: DemoProject, standing: NonNullable<DemoProject["standing"]>): void {
  const id = project.id as ProjectId;
  const domain = cloud.addDomain({ name: project.slug, parent: root, id: domainIdFor(id, 1) });
  const accounts = new Map<string, string>();
  for (const member of project.members) {
    const person = [...Object.values(cast), ...extras].find((p) => p.id === member.userId);
    if (person === undefined) throw new Error(`nobody has the id ${member.userId}`);
    const user = member.userId as CiUserId;
    const made = cloud.addAccount({
      domain,
      name: person.username,
      id: accountIdFor(id, 1, user),
      userId: userIdFor(id, 1, user),
      email: `${person.username}@example.org`,
      firstname: person.firstName,
      lastname: person.lastName,
    });
    accounts.set(person.username, made.accountId);
  }
  const account = (username: string): string => accounts.get(username) ?? "";
  const machines = new Map<string, string>();
  for (const m of standing.machines) {
    const machine = cloud.addMachine({ account: account(m.owner), name: m.name, stopped: m.stopped ?? false });
    machines.set(m.name, machine);
    if (m.disk === true) cloud.addVolume({ account: account(m.owner), name: `${m.name}-data`, machine });
  }
  for (const s of standing.snapshots) cloud.addSnapshot({ machine: machines.get(s.machine) ?? "", name: s.name });
  for (const t of standing.templates) cloud.addTemplate({ account: account(t.owner), name: t.name, bytes: t.bytes, isExtractable: false });
}
