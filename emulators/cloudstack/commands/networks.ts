import { type Call, type Command, LIST_PARAMS, paramSpecs } from "../command.ts";
import { invalidValue, runtimeRefusal } from "../failure.ts";
import type { JsonObject } from "../json.ts";
import { pageOf } from "../paging.ts";
import { isShown, like, namedDomain, ownedRows, reaches, requireOwner, subtreeByPath } from "../scope.ts";
import { kubernetesShape, networkShape, projectShape } from "../shapes/network.ts";
import { routerShape } from "../shapes/router.ts";
import { insertNetwork, insertProject } from "../world/create.ts";
import { deleteAccountWithContents, releaseAddress, removeNetwork } from "../world/remove.ts";
import type { Network, Project } from "../world/rows.ts";
import { newOwner, requireRoom } from "./owners.ts";
import { hasRulesOfDisabled, refuseRulesOfDisabled } from "./rules.ts";

const OWNED = `account domainid:domains projectid:projects ${LIST_PARAMS}`;

/** Commands about networks, their addresses and routers, and CloudStack projects. Source: recordings 05, 06, 09, 11. */
export const NETWORK_COMMANDS: readonly Command[] = [
  {
    name: "createNetwork",
    params: paramSpecs(
      "name networkofferingid! zoneid! displaytext account domainid:domains projectid:projects vpcid:vpcs gateway netmask",
    ),
    event: { type: "NETWORK.CREATE", resource: "Network", text: "creating network" },
    run: createNetwork,
  },
  { name: "listNetworks", params: paramSpecs(`id:networks vpcid:vpcs ${OWNED}`), run: listNetworks },
  {
    name: "deleteNetwork",
    params: paramSpecs("id!:networks forced"),
    event: { type: "NETWORK.DELETE", resource: "Network", text: "deleting network" },
    job: { className: "user.network.DeleteNetworkCmd", instanceType: "Network", start: beginNetworkDeletion, finish: deleteNetwork },
  },
  {
    name: "listRouters",
    params: paramSpecs(OWNED),
    run: (call) => pageOf(call, "router", withRouter(call), (network) => routerShape(call.world, network)),
  },
  { name: "createNetworkPermissions", params: paramSpecs("networkid!:networks accountids accounts projectids"), run: lendNetwork },
  {
    name: "listKubernetesClusters",
    params: paramSpecs(OWNED),
    run: (call) => pageOf(call, "kubernetescluster", ownedRows(call, call.world.kubernetesClusters), (k) => kubernetesShape(call.world, k)),
  },
  // A server with the backup plug-in, and no backup; what the recorded server says to it is not recorded.
  { name: "listBackups", params: paramSpecs(`virtualmachineid ${OWNED}`), run: () => ({}) },
  {
    name: "createProject",
    params: paramSpecs("name! displaytext account domainid:domains"),
    event: { type: "PROJECT.CREATE", resource: "Project", text: "creating project" },
    job: {
      className: "user.project.CreateProjectCmd",
      instanceType: "None",
      instance: () => undefined,
      start: startProject,
      finish: (call, id) => ({ project: projectShape(call.world, call.world.projects.need(id ?? "")) }),
    },
  },
  { name: "listProjects", params: paramSpecs(`id:projects name ${OWNED}`), run: listProjects },
  {
    name: "deleteProject",
    params: paramSpecs("id!:projects cleanup"),
    event: { type: "PROJECT.DELETE", resource: "Project", text: "deleting project" },
    job: { className: "user.project.DeleteProjectCmd", finish: deleteProject },
  },
];

function createNetwork(call: Call): JsonObject {
  const { world, params, settings, now } = call;
  const owner = newOwner(call);
  requireRoom(call, owner, 6);
  const name = params.text("name") ?? "network";
  const vpcId = params.text("vpcid");
  const tier = vpcId === undefined ? {} : { vpcId, gateway: params.text("gateway") ?? "10.20.1.1" };
  return { network: networkShape(world, insertNetwork({ world, settings, now }, owner, name, params.text("displaytext") ?? name, tier)) };
}

function listNetworks(call: Call): JsonObject {
  const vpc = call.params.text("vpcid");
  const rows = ownedRows(call, call.world.networks).filter(
    (network) => isShown(call, network.hidden, "displaynetwork") && (vpc === undefined || network.vpcId === vpc),
  );
  return pageOf(call, "network", rows, (network) => networkShape(call.world, network));
}

/** What comes first: the addresses are gone while the network is still listed (recording 16). */
function beginNetworkDeletion(call: Call): undefined {
  const { world, now } = call;
  const network = world.networks.live(call.params.must("id"));
  if (network === undefined || !reaches(call, world.domains.need(network.domainId)) || isInUse(call, network)) return;
  if (hasRulesOfDisabled(call, network)) return;
  for (const address of world.addresses.group(network.domainId)) if (address.networkId === network.id) releaseAddress(world, address, now);
}

function isInUse(call: Call, network: Network): boolean {
  return call.world.machines.group(network.domainId).some((m) => m.networkId === network.id);
}

function deleteNetwork(call: Call): JsonObject {
  const { world, params, now } = call;
  const network = world.networks.live(params.must("id"));
  if (network === undefined) throw invalidValue(`unable to find network ${params.must("id")}`);
  requireOwner(call, network);
  if (isInUse(call, network)) throw runtimeRefusal("Failed to delete network");
  refuseRulesOfDisabled(call, network);
  removeNetwork(world, network, now);
  return { success: true };
}

function withRouter(call: Call): readonly Network[] {
  return ownedRows(call, call.world.networks).filter((network) => network.routerId !== undefined);
}

/** A network can be lent to accounts of its own domain only (recording 24), and what follows from that is not emulated. */
function lendNetwork(call: Call): JsonObject {
  const { world, params } = call;
  const network = world.networks.live(params.must("networkid"));
  if (network === undefined) throw invalidValue("Unable to find the network by its id");
  for (const id of params.list("accountids")) {
    const account = world.accounts.find(id);
    if (account?.domainId === network.domainId) continue;
    throw invalidValue(`Unable to find account ${account?.num ?? id} in domain id=${network.domainId}. No permissions is removed`);
  }
  return { success: true };
}

function startProject(call: Call): string {
  const { world, params, settings, now } = call;
  const owner = newOwner(call);
  const name = params.must("name");
  if (world.projects.group(owner.domainId).some((p) => p.name === name)) {
    throw invalidValue(`Project with name ${name} already exists in domain id=${owner.domainId}`);
  }
  requireRoom(call, owner, 5);
  return insertProject({ world, settings, now }, owner, name, params.text("displaytext") ?? name).id;
}

function listProjects(call: Call): JsonObject {
  const { params, world } = call;
  const name = params.text("name");
  const keyword = params.text("keyword");
  const rows = projectsInScope(call).filter(
    (p) => (name === undefined || p.name === name) && (keyword === undefined || like(p.name, keyword)),
  );
  return pageOf(call, "project", rows, (project) => projectShape(world, project));
}

/** Unlike other lists, `isrecursive` with `domainid` and `listall` was recorded to show projects of every domain (05). */
function projectsInScope(call: Call): readonly Project[] {
  const { world, params, caller } = call;
  const id = params.text("id");
  if (id !== undefined) return world.projects.all().filter((p) => p.id === id);
  const domain = namedDomain(call);
  const listAll = params.flag("listall");
  if (caller.reach === "all" && listAll && (domain === undefined || params.flag("isrecursive"))) return world.projects.all();
  if (domain !== undefined) return world.projects.group(domain.id);
  if (!listAll) return world.projects.all().filter((p) => p.ownerId === caller.account.id);
  const ids = subtreeByPath(world, world.domains.need(caller.account.domainId));
  return world.projects.all().filter((p) => ids.has(p.domainId));
}

function deleteProject(call: Call): JsonObject {
  const { world, params, now } = call;
  const project = world.projects.live(params.must("id"));
  if (project === undefined) throw invalidValue(`Unable to find the project id ${params.must("id")}`);
  requireOwner(call, project);
  const holds = [world.machines, world.volumes, world.networks, world.templates, world.snapshots].some((table) =>
    table.group(project.domainId).some((row) => row.accountId === project.accountId),
  );
  if (holds && !params.flag("cleanup")) throw runtimeRefusal("Can't delete the project as it has resources");
  deleteAccountWithContents(world, world.accounts.need(project.accountId), now, call.machinesStuck);
  world.projects.remove(project, now);
  return { success: true };
}
