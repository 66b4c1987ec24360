import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startCloudStackEmulator } from "../../../emulators/cloudstack/server.ts";
import { inside, startAsked } from "./ask.ts";

describe("settings that change while it runs", () => {
  test("a lower page size is the most that is served, over HTTP too, and nonsense is refused with a sentence", async () => {
    const { emulator, call, rows } = await startAsked();
    for (let i = 0; i < 30; i += 1) emulator.addDomain({ name: `d-${i}` });
    const control = emulator.url.replace("/client/api", "/emulator/settings");
    const post = (body: string): Promise<Response> => fetch(control, { method: "POST", body });
    expect((await post('{"pageSizeMax":20}')).status).toBe(200);
    expect(await rows("listDomains", "domain")).toHaveLength(20);
    const refused = await call("listDomains", { page: "1", pagesize: "500" });
    expect(inside(refused)).toMatchObject({ errorcode: 431, errortext: "Page size can't exceed max allowed page size value: 20" });
    for (const body of ['{"pageSize":20}', '{"pageSizeMax":"20"}', '{"kind":["everything"]}', '{"zoneHypervisors":"KVM"}', "[]", "x"]) {
      const answer = await post(body);
      expect([body, answer.status]).toEqual([body, 400]);
      expect(((await answer.json()) as { error: string }).error.length).toBeGreaterThan(5);
    }
    expect(await (await fetch(control)).json()).toMatchObject({ pageSizeMax: 20 });
  });

  test("default.page.size set through the API is shown at once and holds after a restart only", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cloudstack-emulator-"));
    const stateFile = join(folder, "state.json");
    const first = await startAsked({ stateFile });
    for (let i = 0; i < 30; i += 1) first.emulator.addDomain({ name: `d-${i}` });
    await first.call("updateConfiguration", { name: "default.page.size", value: "20" });
    expect(await first.rows("listConfigurations", "configuration", { name: "default.page.size" })).toMatchObject([{ value: "20" }]);
    expect(await first.rows("listDomains", "domain")).toHaveLength(31);
    await first.stop();
    const second = await startAsked({ stateFile });
    expect(await second.rows("listDomains", "domain")).toHaveLength(20);
    await second.stop();
    rmSync(folder, { recursive: true });
  });

  test("page_count says how many rows the page has", async () => {
    const { emulator, call } = await startAsked();
    for (let i = 0; i < 5; i += 1) emulator.addDomain({ name: `d-${i}` });
    emulator.setFaults([{ kind: "page_count", command: "listDomains" }]);
    expect(inside(await call("listDomains", { listall: "true", page: "1", pagesize: "3" }))).toMatchObject({ count: 3 });
  });
});

describe("a role", () => {
  test("loses one list by a rule of the seed, or by the API, and the command itself says 432", async () => {
    const { emulator, call, rows } = await startAsked();
    const role = emulator.addRole({ name: "reader", type: "DomainAdmin", rules: ["allow list*", "deny *"] });
    const { keys } = emulator.addAccount({ domain: emulator.addDomain({ name: "ci" }), name: "reader", role, keys: true });
    expect((await call("listIsos", { isofilter: "self" }, keys)).status).toBe(200);
    emulator.forbid({ role, command: "listIsos" });
    expect((await call("listIsos", { isofilter: "self" }, keys)).status).toBe(432);
    expect((await call("listApis", { name: "listIsos" }, keys)).status).toBe(530);
    const [rule] = await rows("listRolePermissions", "rolepermission", { roleid: role });
    await call("updateRolePermission", { roleid: role, ruleid: String(rule?.["id"]), permission: "deny" });
    expect((await call("listVPCs", {}, keys)).status).toBe(432);
  });
});

describe("as a real server refuses", () => {
  test("an account that may do more is not enabled by a domain administrator; a role is not changed without the domain", async () => {
    const { emulator, call } = await startAsked();
    const domain = emulator.addDomain({ name: "ci" });
    const role = emulator.addRole({ name: "few", type: "DomainAdmin", rules: ["allow enableAccount", "deny *"] });
    const few = emulator.addAccount({ domain, name: "few", role, keys: true }).keys;
    const { accountId } = emulator.addAccount({ domain, name: "owner" });
    expect((await call("enableAccount", { id: accountId }, few)).status).toBe(531);
    const change = { id: accountId, roleid: emulator.ids.userRole };
    expect((await call("updateAccount", change)).status).toBe(530);
    expect((await call("updateAccount", { ...change, domainid: domain })).status).toBe(200);
  });

  test("a job is shown to the account that started it, and to those above it", async () => {
    const { emulator, call } = await startAsked();
    const domain = emulator.addDomain({ name: "ci" });
    const { keys } = emulator.addAccount({ domain, name: "admin", role: emulator.ids.domainAdminRole, keys: true });
    const { accountId } = emulator.addAccount({ domain, name: "owner" });
    const { jobid } = inside(await call("disableAccount", { id: accountId, lock: "true" }));
    expect((await call("queryAsyncJobResult", { jobid: String(jobid) }, keys)).status).toBe(531);
    expect((await call("queryAsyncJobResult", { jobid: String(jobid) })).status).toBe(200);
  });

  test("a network with a rule of a disabled account stays", async () => {
    const { emulator, job } = await startAsked();
    const { accountId } = emulator.addAccount({ domain: emulator.addDomain({ name: "ci" }), name: "owner", state: "disabled" });
    const network = emulator.addNetwork({ account: accountId, name: "n" });
    emulator.addFirewallRule({ network, egress: true });
    expect(await job("deleteNetwork", { id: network })).toMatchObject({ jobstatus: 2 });
  });

  test("rules: a VPN on the network's address counts as rules, those of a VPC do not", async () => {
    const { emulator, job, rows } = await startAsked();
    const { accountId } = emulator.addAccount({ domain: emulator.addDomain({ name: "ci" }), name: "owner", state: "disabled" });
    const network = emulator.addNetwork({ account: accountId, name: "n" });
    const address = emulator.addVpn({ network });
    expect(await rows("listFirewallRules", "firewallrule")).toHaveLength(3);
    expect(await job("deleteNetwork", { id: network, forced: "true" })).toMatchObject({ jobstatus: 2 });
    expect(await job("deleteRemoteAccessVpn", { publicipid: address })).toMatchObject({ jobstatus: 1 });
    expect(await job("deleteNetwork", { id: network })).toMatchObject({ jobstatus: 1 });
    const { vpcId, tierId } = emulator.addVpc({ account: accountId, name: "vpc", tier: "tier" });
    expect(await job("deleteVPC", { id: vpcId })).toMatchObject({ jobstatus: 2, jobresultcode: 431 });
    expect(await job("deleteNetwork", { id: tierId ?? "" })).toMatchObject({ jobstatus: 1 });
    expect(await job("deleteVPC", { id: vpcId })).toMatchObject({ jobstatus: 1 });
  });

  test("a domain administrator may not delete another account's template", async () => {
    const { emulator, job, call, pass } = await startAsked();
    const domain = emulator.addDomain({ name: "ci" });
    const { keys } = emulator.addAccount({ domain, name: "admin", role: emulator.ids.domainAdminRole, keys: true });
    const owner = emulator.addAccount({ domain, name: "owner" }).accountId;
    const template = emulator.addTemplate({ account: owner, name: "golden" });
    const { jobid } = inside(await call("deleteTemplate", { id: template }, keys));
    pass(100);
    expect(inside(await call("queryAsyncJobResult", { jobid: String(jobid) }))).toMatchObject({ jobstatus: 2 });
    expect(await job("deleteTemplate", { id: emulator.addTemplate({ account: owner, name: "other" }) })).toMatchObject({ jobstatus: 1 });
  });
});

test("a state file of an earlier format is refused with what to do", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cloudstack-emulator-"));
  const stateFile = join(folder, "state.json");
  writeFileSync(stateFile, JSON.stringify({ format: 1, base: {}, lastRun: {}, tables: {} }));
  await expect(startCloudStackEmulator({ stateFile })).rejects.toThrow(/delete .* to begin with a new world/);
  rmSync(folder, { recursive: true });
});
