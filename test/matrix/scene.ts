import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { addManagedRoot, keysOf, type FourKeys } from "../../demo/keys.ts";
import type { AddressInfo } from "node:net";
import { startCloudStackEmulator, type CloudStackEmulator, type TreeDomain } from "../../emulators/cloudstack/server.ts";
import { createChance } from "../sim/random.ts";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import type { DomainId, ProjectId, Slug } from "../../src/core/ids.ts";
import { MessageBoard } from "./slack.ts";

/** The project whose domain is deleted, and the one beside it, of which nothing may be touched. */
export const doomed = { id: "p-doomed" as ProjectId, slug: "doomed" as Slug, domainId: domainIdFor("p-doomed" as ProjectId, 1) };
const neighbour = { id: "p-neighbour" as ProjectId, name: "neighbour" };

/** Times of the matrix's deletions. Units: ms. */
export const times = { coolOffMs: 600_000, graceMs: 7_200_000, expiresMs: 86_400_000, pollMs: 30_000 } as const;

/** The size of each template, and of its pieces on the way: large enough that a file can be half written. Units: bytes. */
export const templateBytes = 200_000;

/** All that is true, whatever a process believes: the cloud, the channel, the time. It outlives every process. */
export interface Scene {
  readonly cloud: CloudStackEmulator;
  readonly keys: FourKeys;
  readonly board: MessageBoard;
  readonly clock: { at: number };
  /** How the domain and all beside it stood at the start, as text. */
  readonly before: { readonly doomed: string; readonly beside: string };
  /** Ids of all that the doomed domain held. */
  readonly approved: ReadonlySet<string>;
  /** The doomed network that each of its rules belongs to: with it, they were approved. */
  readonly ruleOf: ReadonlyMap<string, string>;
  readonly templates: readonly string[];
}

/** Makes the scene: a domain with two accounts, a stopped machine, a disk, a snapshot and a template; the same beside it. */
export async function createScene(o: { readonly expungeDelayMs: number }): Promise<Scene> {
  const chance = createChance(4);
  const clock = { at: Date.UTC(2026, 0, 5, 8) };
  const cloud = await startCloudStackEmulator({
    listens: false,
    now: () => clock.at,
    newId: () => chance.uuid(),
    jobMs: 120,
    expungeDelayMs: o.expungeDelayMs,
    expungeIntervalMs: 30_000,
    templateBytes,
  });
  const top = addManagedRoot(cloud);
  const templates: string[] = [];
  for (const [id, name] of [
    [doomed.id, doomed.slug],
    [neighbour.id, neighbour.name],
  ] as const) {
    const domain = cloud.addDomain({ name, parent: top, id: domainIdFor(id, 1) });
    const { accountId } = cloud.addAccount({ domain, name: `${name}-one` });
    cloud.addAccount({ domain, name: `${name}-two` });
    const machine = cloud.addMachine({ account: accountId, name: `${name}-vm`, stopped: true });
    cloud.addVolume({ account: accountId, name: `${name}-disk`, machine });
    cloud.addSnapshot({ machine, name: `${name}-snap` });
    // One kind of rule in each: a step that is refused for the third time freezes, and here every command is refused once.
    const network = (what: string) => cloud.addNetwork({ account: accountId, name: `${name}-${what}` });
    cloud.addFirewallRule({ network: network("out"), egress: true });
    cloud.addFirewallRule({ network: network("in"), port: 22 });
    cloud.addVpn({ network: network("vpn") });
    const template = cloud.addTemplate({ account: accountId, name: `${name}-tpl` });
    if (id === doomed.id) templates.push(template);
  }
  // Jobs and clean-ups of the beginning come to their ends before anything is compared.
  clock.at += 60_000;
  const ids: string[] = [];
  JSON.stringify(domainOf(cloud, doomed.domainId), (key, value: unknown) => (key === "id" ? ids.push(String(value)) : 0, value));
  return {
    cloud,
    keys: keysOf(cloud),
    board: new MessageBoard(),
    clock,
    before: { doomed: JSON.stringify(domainOf(cloud, doomed.domainId)), beside: besideOf(cloud) },
    approved: new Set(ids),
    ruleOf: new Map(networksOf(cloud).flatMap((n) => n.rules.map((rule) => [rule, n.id] as const))),
    templates,
  };
}

function networksOf(cloud: CloudStackEmulator) {
  return domainOf(cloud, doomed.domainId)?.accounts.flatMap((a) => a.networks) ?? [];
}

/** The doomed domain as it stands; undefined when it is gone. */
export function domainOf(cloud: CloudStackEmulator, id: DomainId): TreeDomain | undefined {
  return cloud
    .tree()
    .children.find((d) => d.name === "ci")
    ?.children.find((d) => d.id === id);
}

/** All of the cloud but the doomed domain, as text. */
export function besideOf(cloud: CloudStackEmulator): string {
  return JSON.stringify(cloud.tree(), (key, value: unknown) =>
    key === "children" ? (value as readonly TreeDomain[]).filter((d) => d.id !== doomed.domainId) : value,
  );
}

/** A server that lets processes reach the scene: CloudStack's API and downloads, and Slack. Their clocks are the scene's. */
export async function openScene(scene: Scene): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => void serve(scene, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => end(server) };
}

async function serve(scene: Scene, request: IncomingMessage, response: ServerResponse): Promise<void> {
  scene.clock.at = Math.max(scene.clock.at, Number(request.headers["x-clock"] ?? 0));
  const method = /^\/slack\/(.+)$/.exec(request.url ?? "")?.[1];
  if (method === undefined) return scene.cloud.serve(request, response);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const answer = scene.board.answer(method, JSON.parse(Buffer.concat(chunks).toString("utf8")));
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
}

function end(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
