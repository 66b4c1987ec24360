/** The throw-away tree of a contract run: made under one new domain, filled, and removed in the safe order. Nothing else is touched. */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Answer } from "../../src/cloudstack/api/answer.ts";
import { createApi, type CloudStackApi } from "../../src/cloudstack/api/http.ts";
import { runJob } from "../../src/cloudstack/api/jobs.ts";
import type { CloudStackOptions } from "../../src/cloudstack/api/options.ts";
import type { DomainId, DomainPath, JobId } from "../../src/core/ids.ts";
import { optionsFor, valueOf } from "../cloudstack/support.ts";
import type { ContractServer } from "./server.ts";

type Row = Readonly<Record<string, unknown>>;
type Params = Readonly<Record<string, string>>;

/** The tree, with a plain way to call commands for what the bot itself never does. */
export interface OwnTree {
  readonly rootId: DomainId;
  readonly rootPath: DomainPath;
  readonly options: CloudStackOptions;
  /** Rows of a list, first page. */
  rows(command: string, key: string, params: Params): Promise<readonly Row[]>;
  call(command: string, params: Params): Promise<Answer>;
  /** An asynchronous command, to its end. Gives the id of what it made, when the command says it. */
  job(command: string, params: Params): Promise<Row>;
  remove(): Promise<void>;
}

/** Makes `twokey-contract-<random>` directly below the topmost domain that the key can see. */
export async function plantTree(server: ContractServer): Promise<OwnTree> {
  // A real server may take its time.
  const patience: Partial<CloudStackOptions> = server.isEmulator
    ? {}
    : { timeoutMs: 120_000, sleep: async (ms) => void (await wait(ms)), jobTimeoutMs: 20 * 60_000 };
  const seen = optionsFor(server, patience);
  const api = createApi(seen);
  const rows = async (command: string, key: string, params: Params): Promise<readonly Row[]> => {
    const answer = valueOf(await api.read(command, { ...params, page: "1", pagesize: "100" }));
    return Array.isArray(answer[key]) ? (answer[key] as Row[]) : [];
  };
  const top = (await rows("listDomains", "domain", { listall: "true", details: "min" })).toSorted(
    (a, b) => Number(a["level"]) - Number(b["level"]),
  )[0];
  if (top === undefined) throw new Error("the key sees no domain at all");
  const name = `twokey-contract-${randomUUID().slice(0, 8)}`;
  const rootId = randomUUID() as DomainId;
  valueOf(await api.change("createDomain", { name, parentdomainid: String(top["id"]), domainid: rootId }));
  const rootPath = `${String(top["path"])}/${name}` as DomainPath;
  const options: CloudStackOptions = { ...seen, rootPath };
  const job = async (command: string, params: Params): Promise<Row> => {
    const made = valueOf(await runJob(api, command, params, randomUUID() as JobId));
    const [first] = Object.values(made);
    return typeof first === "object" && first !== null ? (first as Row) : {};
  };
  const tree: OwnTree = {
    rootId,
    rootPath,
    options,
    rows,
    call: async (command, params) => valueOf(await api.change(command, params)),
    job,
    remove: () => fell(tree, api),
  };
  return tree;
}

/**
 * Removes the tree, whatever is in it, from the leaves: machines, disks, snapshots, templates, networks, projects, accounts, domains.
 * Every list is asked for by the ids of our own domains, and every row is looked at before it goes.
 */
async function fell(tree: OwnTree, api: CloudStackApi): Promise<void> {
  const below = await tree.rows("listDomainChildren", "domain", { id: tree.rootId, isrecursive: "true" });
  const ours = [tree.rootId, ...below.map((d) => String(d["id"]))];
  const mine = async (command: string, key: string, more: Params = {}): Promise<readonly Row[]> => {
    const asked = { domainid: tree.rootId, isrecursive: "true", listall: "true", ...more };
    const found = [...(await tree.rows(command, key, asked)), ...(await tree.rows(command, key, { ...asked, projectid: "-1" }))];
    return [...new Map(found.filter((row) => ours.includes(String(row["domainid"]))).map((row) => [row["id"], row])).values()];
  };
  const id = (row: Row): Params => ({ id: String(row["id"]) });
  for (const machine of await mine("listVirtualMachines", "virtualmachine")) {
    if (machine["deleteprotection"] === true) await tree.call("updateVirtualMachine", { ...id(machine), deleteprotection: "false" });
    if (!["Destroyed", "Expunging"].includes(String(machine["state"]))) await tree.job("destroyVirtualMachine", id(machine));
    const expunged = await runJob(api, "expungeVirtualMachine", id(machine), randomUUID() as JobId);
    if (!expunged.ok && (await mine("listVirtualMachines", "virtualmachine")).some((m) => m["id"] === machine["id"])) valueOf(expunged);
  }
  for (const volume of await mine("listVolumes", "volume")) {
    if (volume["virtualmachineid"] !== undefined) await tree.job("detachVolume", id(volume));
    await tree.call("deleteVolume", id(volume));
  }
  for (const snapshot of await mine("listSnapshots", "snapshot")) await tree.job("deleteSnapshot", id(snapshot));
  for (const template of await mine("listTemplates", "template", { templatefilter: "self" }))
    await tree.job("deleteTemplate", id(template));
  for (const network of await mine("listNetworks", "network")) await tree.job("deleteNetwork", id(network));
  for (const project of await tree.rows("listProjects", "project", { domainid: tree.rootId, isrecursive: "true", listall: "true" })) {
    if (ours.includes(String(project["domainid"]))) await tree.job("deleteProject", id(project));
  }
  for (const account of await tree.rows("listAccounts", "account", {
    domainid: tree.rootId,
    isrecursive: "true",
    listall: "true",
    details: "min",
  })) {
    if (ours.includes(String(account["domainid"]))) await tree.job("deleteAccount", id(account));
  }
  const deepestFirst = below.toSorted((a, b) => Number(b["level"]) - Number(a["level"])).map((d) => String(d["id"]));
  for (const domain of [...deepestFirst, tree.rootId]) await tree.job("deleteDomain", { id: domain, cleanup: "false" });
}
