import { describe, expect, test } from "vitest";
import { inside, startAsked, type Asked } from "./ask.ts";

interface World extends Asked {
  readonly domain: string;
  readonly account: string;
}

async function start(options: Parameters<typeof startAsked>[0] = {}): Promise<World> {
  const asked = await startAsked(options);
  const domain = asked.emulator.addDomain({ name: "ci" });
  return { ...asked, domain, account: asked.emulator.addAccount({ domain, name: "owner" }).accountId };
}

const totals = async ({ call, account }: World): Promise<Record<string, unknown>> => {
  const rows = inside(await call("listAccounts", { id: account }))["account"] as Record<string, unknown>[];
  return rows[0] ?? {};
};

describe("what lists do not show", () => {
  test("a template of a hypervisor that no host has is in no list, is counted, and is listed once a host is back", async () => {
    const world = await start();
    world.emulator.addTemplate({ account: world.account, name: "old-xen", hypervisor: "XenServer" });
    const listed = () => world.rows("listTemplates", "template", { templatefilter: "all", listall: "true" });
    expect((await listed()).map((t) => t["name"])).not.toContain("old-xen");
    expect(await totals(world)).toMatchObject({ templatetotal: 1 });
    world.emulator.adjust({ zoneHypervisors: ["Simulator", "XenServer"] });
    expect((await listed()).map((t) => t["name"])).toContain("old-xen");
  });

  test("a template that no store has any more is shown by the filter all only, and is not ready there", async () => {
    const world = await start();
    world.emulator.addTemplate({ account: world.account, name: "lost", hasNoCopy: true });
    expect(await world.rows("listTemplates", "template", { templatefilter: "self", domainid: world.domain, listall: "true" })).toEqual([]);
    const all = await world.rows("listTemplates", "template", { templatefilter: "all", listall: "true" });
    expect(all.find((t) => t["name"] === "lost")).toMatchObject({ isready: false, status: "Active" });
  });

  test("a template with a copy in another zone has a row for each, the unready one first and without a size", async () => {
    const world = await start();
    const other = { id: "00000000-0000-4000-8000-000000000002", name: "Second", isReady: false };
    world.emulator.addTemplate({ account: world.account, name: "golden", otherZones: [other] });
    const ask = { templatefilter: "self", domainid: world.domain, listall: "true" };
    const rows = await world.rows("listTemplates", "template", ask);
    expect(rows.map((t) => [t["zonename"], t["isready"], typeof t["size"]])).toEqual([
      ["Second", false, "undefined"],
      ["Sandbox", true, "number"],
    ]);
    expect(new Set(rows.map((t) => t["id"])).size).toBe(1);
    expect(await world.rows("listTemplates", "template", { ...ask, showunique: "true" })).toHaveLength(1);
    expect((await world.rows("listZones", "zone")).map((z) => z["name"])).toEqual(["Sandbox", "Second"]);
  });

  test("a machine, a disk and a network that are not for display are shown to root with the flag, to nobody else", async () => {
    const world = await start();
    const { emulator, account, domain, rows } = world;
    const network = emulator.addNetwork({ account, name: "n", hidden: true });
    emulator.addMachine({ account, name: "m", network, hidden: true });
    emulator.addVolume({ account, name: "d", hidden: true });
    const { keys } = emulator.addAccount({ domain, name: "admin", role: emulator.ids.domainAdminRole, keys: true });
    const root = (await rows("listVolumes", "volume", { listall: "true", displayvolume: "false" })).map((v) => v["name"]);
    expect(root, "the machine's disk is hidden with it").toContain("ROOT-1");
    const lists = [
      ["listVirtualMachines", "virtualmachine", "displayvm", "m"],
      ["listVolumes", "volume", "displayvolume", "d"],
      ["listNetworks", "network", "displaynetwork", "n"],
    ] as const;
    for (const [command, key, flag, name] of lists) {
      const ask = { domainid: domain, listall: "true" };
      const names = async (params: Record<string, string>, as = emulator.admin) =>
        (await rows(command, key, { ...ask, ...params }, as)).map((row) => row["name"]);
      expect(await names({}), command).not.toContain(name);
      expect(await names({ [flag]: "false" }), command).toContain(name);
      expect(await names({ [flag]: "false" }, keys), command).not.toContain(name);
    }
    expect(await totals(world)).toMatchObject({ vmtotal: 0, vmrunning: 1 });
  });

  test("a failed deployment leaves a machine in Error, which no total counts and a destruction takes without the delay", async () => {
    const world = await start();
    const { emulator, call, job, rows, pass, domain } = world;
    emulator.setFaults([{ kind: "failed_deployments" }]);
    const ids = emulator.ids;
    const deploy = { zoneid: ids.zone, serviceofferingid: ids.serviceOffering, templateid: ids.builtinTemplate };
    expect(await job("deployVirtualMachine", { ...deploy, account: "owner", domainid: domain, name: "m" })).toMatchObject({
      jobstatus: 2,
      jobresultcode: 533,
    });
    const [machine] = await rows("listVirtualMachines", "virtualmachine");
    expect(machine).toMatchObject({ name: "m", state: "Error" });
    expect(await totals(world)).toMatchObject({ vmtotal: 0, vmrunning: 0, vmstopped: 0 });
    const id = String(machine?.["id"]);
    expect(await job("startVirtualMachine", { id })).toMatchObject({ jobstatus: 2 });
    expect(await job("destroyVirtualMachine", { id })).toMatchObject({ jobstatus: 1 });
    pass(1_000);
    expect((await call("listVirtualMachines", { listall: "true" })).body).toEqual({ listvirtualmachinesresponse: {} });
  });

  test("a disk under delete protection outlives its account and keeps its domain, until the protection is lifted", async () => {
    const { emulator, account, domain, job, rows, pass } = await start({ accountCleanupIntervalMs: 5_000 });
    const id = emulator.addVolume({ account, name: "kept", deleteProtection: true });
    expect(await job("deleteAccount", { id: account })).toMatchObject({ jobstatus: 1 });
    expect((await rows("listVolumes", "volume")).map((v) => v["id"])).toEqual([id]);
    const text = "Can't delete the domain yet because it has 1 accounts to cleanup";
    expect(await job("deleteDomain", { id: domain, cleanup: "false" })).toMatchObject({ jobresult: { errorcode: 530, errortext: text } });
    expect(await job("updateVolume", { id, deleteprotection: "false" })).toMatchObject({ jobstatus: 1 });
    pass(5_000);
    expect(await rows("listVolumes", "volume")).toEqual([]);
    expect(await job("deleteDomain", { id: domain, cleanup: "false" })).toMatchObject({ jobstatus: 1 });
  });
});

describe("what CloudStack counts", () => {
  test("follows at once, or so late as was asked, or not at all while stale_totals is on", async () => {
    const world = await start();
    const { emulator, pass, account } = world;
    const volumes = async (): Promise<unknown> => (await totals(world))["volumetotal"];
    emulator.addVolume({ account, name: "a" });
    expect(await volumes()).toBe(1);
    emulator.adjust({ totalsLagMs: 60_000 });
    emulator.addVolume({ account, name: "b" });
    expect(await volumes()).toBe(1);
    pass(60_000);
    expect(await volumes()).toBe(2);
    emulator.adjust({ totalsLagMs: 0 });
    emulator.setFaults([{ kind: "stale_totals" }]);
    emulator.addVolume({ account, name: "c" });
    pass(3_600_000);
    expect(await volumes()).toBe(2);
    emulator.setFaults([]);
    expect(await volumes()).toBe(3);
  });

  test("counts running machines only where the server is set so", async () => {
    const world = await start({ countRunningOnly: true });
    world.emulator.addMachine({ account: world.account, name: "on" });
    world.emulator.addMachine({ account: world.account, name: "off", stopped: true });
    expect(await totals(world)).toMatchObject({ vmtotal: 1, vmrunning: 1, vmstopped: 1 });
  });
});

describe("what happens later", () => {
  test("a template that its user began just before the account was disabled is finished after it", async () => {
    const { emulator, domain, call, pass, rows } = await start({ jobMsOf: { createTemplate: 60_000 } });
    const made = emulator.addAccount({ domain, name: "busy", keys: true });
    const machine = emulator.addMachine({ account: made.accountId, name: "m", stopped: true });
    const [disk] = await rows("listVolumes", "volume", { virtualmachineid: machine, listall: "true" });
    const params = { name: "racing", displaytext: "x", ostypeid: emulator.ids.osType, volumeid: String(disk?.["id"]) };
    const { jobid } = inside(await call("createTemplate", params, made.keys));
    await call("disableAccount", { id: made.accountId, lock: "false" });
    pass(100);
    const listed = () => rows("listTemplates", "template", { templatefilter: "self", domainid: domain, listall: "true" });
    expect(await listed()).toMatchObject([{ name: "racing", isready: false }]);
    pass(60_000);
    expect(inside(await call("queryAsyncJobResult", { jobid: String(jobid) }))).toMatchObject({ jobstatus: 1 });
    expect(await listed()).toMatchObject([{ name: "racing", isready: true }]);
  });

  test("a template made of a machine with a key pair takes over its details, a line feed with them", async () => {
    const { emulator, account, rows, job, domain } = await start();
    const machine = emulator.addMachine({ account, name: "m", stopped: true, keyPair: "mine" });
    const [disk] = await rows("listVolumes", "volume", { virtualmachineid: machine, listall: "true" });
    const params = { name: "golden", ostypeid: emulator.ids.osType, volumeid: String(disk?.["id"]), account: "owner", domainid: domain };
    const made = (await job("createTemplate", params))["jobresult"];
    expect(made).toMatchObject({
      template: { details: { "SSH.KeyPairNames": "mine", "SSH.PublicKey": expect.stringMatching(/ \n$/) as string } },
    });
  });

  test("an address that was given back serves somebody else under the same id", async () => {
    const { emulator, account, domain, job } = await start();
    const network = emulator.addNetwork({ account, name: "n" });
    const id = emulator.addAddress({ network });
    expect(await job("disassociateIpAddress", { id })).toMatchObject({ jobstatus: 1 });
    const other = emulator.addAccount({ domain, name: "other" }).accountId;
    expect(emulator.addAddress({ network: emulator.addNetwork({ account: other, name: "theirs" }) })).toBe(id);
  });
});
