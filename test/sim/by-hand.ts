import { text } from "node:stream/consumers";
import type { Readable } from "node:stream";
import axios from "axios";
import type { TreeAccount, TreeDomain } from "../../emulators/cloudstack/server.ts";
import { signedForm } from "../../src/cloudstack/api/signature.ts";
import type { Instant } from "../../src/core/ids.ts";
import type { Oracle } from "./oracle.ts";
import type { World } from "./world.ts";

/**
 * Sends a command as CloudStack's administrator, past the bot. A job has ended when it returns, though its answer was lost: what it took is
 * gone then, and not later. Returns whether CloudStack said that it does it.
 */
export async function byHand(w: World, command: string, params: Record<string, string>): Promise<boolean> {
  const data = signedForm(command, params, w.cloud.admin, w.clock.at as Instant);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  try {
    const answer = await axios.request<Readable>({ method: "POST", url: w.cloud.url, data, headers });
    await text(answer.data);
    return answer.status === 200;
  } catch {
    return false;
  } finally {
    w.clock.at += 2000;
    w.cloud.tree();
  }
}

/** Something that somebody does in CloudStack by hand: what it is called, and how it is done. */
type Act = readonly [what: string, act: () => Promise<boolean>];

const NOT_UNDER_WAY = new Set(["deleted", "closed", "archiving", "proposed"]);

/** Paths of domains whose deletion two people approved, and which has not ended. */
export function underWay(w: World): readonly string[] {
  return [...new Map(w.cards.map((c) => [c.id, c])).values()].filter((c) => !NOT_UNDER_WAY.has(c.phase)).map((c) => c.path);
}

/** Somebody changes a domain of the managed root past the bot: mostly one that is being deleted. */
export async function changeByHand(w: World, oracle: Oracle): Promise<string> {
  const { cloud, more } = w;
  const top = cloud.tree().children.find((d) => d.name === "ci");
  const domains = (top?.children ?? []).filter((d) => d.name !== "old-lab" && d.state === "Active");
  if (top === undefined || domains.length === 0) return "there is no domain to change by hand";
  const live = domains.filter((d) => underWay(w).includes(`ROOT/ci/${d.name}`));
  const domain = more.pick(live.length > 0 && more.hit(0.85) ? live : domains);
  const accounts = domain.accounts.filter((a) => !a.removed);
  const acts: Act[] = [
    ["is renamed", () => byHand(w, "updateDomain", { id: domain.id, name: `${domain.name}-old` })],
    ["is moved away", () => byHand(w, "moveDomain", { domainid: domain.id, parentdomainid: atticOf(w) })],
    ["is deleted with all in it", () => deleteAll(w, domain, oracle)],
    ...accounts.slice(0, 2).flatMap((a) => actsIn(w, a, domain)),
  ];
  // Most of what is done by hand is small.
  const [what, act] = more.hit(0.25) ? more.pick(acts.slice(0, 3)) : more.pick(acts);
  const isDone = await act();
  oracle.refresh();
  w.touched.add(domain.id);
  return `by hand: ${domain.name} ${what}${isDone ? "" : ", which CloudStack refuses"}`;
}

function actsIn(w: World, account: TreeAccount, domain: TreeDomain): readonly Act[] {
  const { cloud, more } = w;
  const [template] = account.templates;
  const machine = account.machines.find((m) => m.state === "Stopped");
  const at = { domainid: domain.id, account: account.name };
  return [
    [
      `'s ${account.name} gets a machine`,
      async () => cloud.addMachine({ account: account.id, name: `h${more.below(1000)}`, stopped: more.hit(0.5) }) !== "",
    ],
    [
      `'s ${account.name} gets a machine whose deployment fails`,
      async () => cloud.addMachine({ account: account.id, name: `f${more.below(1000)}`, failed: true }) !== "",
    ],
    [
      `'s ${account.name} gets a root disk without a machine`,
      async () => cloud.addVolume({ account: account.id, name: `r${more.below(1000)}`, rootDisk: "Ready" }) !== "",
    ],
    [`'s ${account.name} gets an ISO`, async () => cloud.addIso({ account: account.id, name: `i${more.below(1000)}` }) !== ""],
    [`'s ${account.name} is enabled`, () => byHand(w, "enableAccount", at)],
    ...(template === undefined
      ? []
      : [[`loses the template ${template.name}`, () => byHand(w, "deleteTemplate", { id: template.id })] as const]),
    ...(machine === undefined
      ? []
      : [[`'s machine ${machine.name} is started`, () => byHand(w, "startVirtualMachine", { id: machine.id })] as const]),
  ];
}

/** Somebody enables an account of a domain that is being taken apart. */
export async function enableByHand(w: World, path: string, oracle: Oracle): Promise<string> {
  const top = w.cloud.tree().children.find((d) => d.name === "ci");
  const domain = top?.children.find((d) => `ROOT/ci/${d.name}` === path);
  const account = domain?.accounts.find((a) => !a.removed && a.state === "disabled");
  if (domain === undefined || account === undefined) return `nobody of ${path} is left to be enabled`;
  const isDone = await byHand(w, "enableAccount", { domainid: domain.id, account: account.name });
  oracle.refresh();
  w.touched.add(domain.id);
  return `by hand: ${path}'s ${account.name} is enabled${isDone ? "" : ", which CloudStack refuses"}`;
}

async function deleteAll(w: World, domain: TreeDomain, oracle: Oracle): Promise<boolean> {
  oracle.leaveToPeople(`ROOT/ci/${domain.name}`);
  return byHand(w, "deleteDomain", { id: domain.id, cleanup: "true" });
}

/** A domain beside the managed root, where people put away what they may still need. */
function atticOf(w: World): string {
  const found = w.cloud.tree().children.find((d) => d.name === "attic");
  return found?.id ?? w.cloud.addDomain({ name: "attic" });
}

const LISTS = [
  "listDomains",
  "listAccounts",
  "listVirtualMachines",
  "listVolumes",
  "listTemplates",
  "listIsos",
  "listSnapshots",
  "listNetworks",
  "listEvents",
];

/** The role of one of the bot's keys loses a list, or has it again. */
export function changeRole(w: World): string {
  const { cloud, lacking } = w;
  if (lacking !== null) {
    cloud.permit(lacking);
    w.lacking = null;
    return "the key's role may list everything again";
  }
  const name = `Twokey ${w.more.pick(["read", "delete"])}`;
  const role = cloud.findRole(name);
  if (role === undefined) return `there is no role ${name}`;
  w.lacking = { role, command: w.more.pick(LISTS) };
  cloud.forbid(w.lacking);
  return `the role ${name} may not use ${w.lacking.command} any more`;
}
