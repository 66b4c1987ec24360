import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator, type Keys } from "../../../emulators/cloudstack/server.ts";
import { callApi, type Reply } from "./api-client.ts";
import { isObject } from "./same-shape.ts";
import { readScenario } from "./recordings.ts";

const running: CloudStackEmulator[] = [];
let now = Date.parse("2026-11-23T11:00:00Z");

async function start(options: Parameters<typeof startCloudStackEmulator>[0] = {}): Promise<CloudStackEmulator> {
  const emulator = await startCloudStackEmulator({ now: () => now, ...options });
  running.push(emulator);
  return emulator;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((emulator) => emulator.close()));
});

function call(
  emulator: CloudStackEmulator,
  command: string,
  params: Record<string, string> = {},
  keys: Keys = emulator.admin,
): Promise<Reply> {
  return callApi(emulator.url, keys, now, command, params);
}

function inner(reply: Reply): Record<string, unknown> {
  const value = Object.values(reply.body ?? {})[0];
  return isObject(value) ? value : {};
}

function rows(reply: Reply, key: string): Record<string, unknown>[] {
  const list = inner(reply)[key];
  return Array.isArray(list) ? list.filter(isObject) : [];
}

describe("5,019 domains", () => {
  test("are listed as the recording shows: 500 without a word, pages to beyond the end", async () => {
    const emulator = await start();
    const parent = emulator.addDomain({ name: "managed" });
    for (let i = 0; i < 5_017; i += 1) emulator.addDomain({ name: `ci-${i}`, parent });
    for (const exchange of readScenario("12-pages")) {
      const params = exchange.command === "listDomainChildren" ? { ...exchange.params, id: parent } : exchange.params;
      const reply = await call(emulator, exchange.command, params);
      expect(reply.status).toBe(exchange.status);
      expect(rows(reply, "domain").length, exchange.note).toBe(exchange.rows ?? 0);
      if (exchange.command === "listDomains") expect(inner(reply)["count"]).toBe(exchange.count);
    }
  });

  test("with 20,000 accounts are read completely, page by page", async () => {
    const emulator = await start();
    const parent = emulator.addDomain({ name: "managed" });
    for (let i = 0; i < 5_000; i += 1) {
      const domain = emulator.addDomain({ name: `ci-${i}`, parent });
      for (let j = 0; j < 4; j += 1) emulator.addAccount({ domain, name: `member-${i}-${j}` });
    }
    const ids = new Set<unknown>();
    for (let page = 1; page <= 41; page += 1) {
      const params = { domainid: parent, listall: "true", details: "min", page: String(page), pagesize: "500" };
      const reply = await call(emulator, "listAccounts", params);
      expect(inner(reply)["count"]).toBe(20_000);
      for (const row of rows(reply, "account")) ids.add(row["id"]);
    }
    expect(ids.size).toBe(20_000);
  });
});

describe("rights", () => {
  test("are looked at before the signature: a denied command is 432 even with a wrong secret", async () => {
    const emulator = await start();
    const role = emulator.addRole({ name: "reader", type: "DomainAdmin", rules: ["allow list*", "deny *"] });
    const { keys } = emulator.addAccount({ domain: emulator.addDomain({ name: "ci" }), name: "reader", role, keys: true });
    if (keys === undefined) throw new Error("no keys");
    const wrong = { ...keys, secretKey: "wrong" };
    expect((await call(emulator, "deleteDomain", { id: "1" }, wrong)).status).toBe(432);
    expect((await call(emulator, "listDomains", {}, wrong)).status).toBe(401);
    expect((await call(emulator, "listDomains", {}, keys)).status).toBe(200);
  });

  test("end at the caller's domain: a role that may delete domains cannot delete one beside or above its own", async () => {
    const emulator = await start();
    const own = emulator.addDomain({ name: "own" });
    const beside = emulator.addDomain({ name: "beside" });
    const { keys } = emulator.addAccount({ domain: own, name: "admin-of-own", role: emulator.ids.domainAdminRole, keys: true });
    const job = inner(await call(emulator, "deleteDomain", { id: beside }, keys))["jobid"];
    now += 1_000;
    expect(inner(await call(emulator, "queryAsyncJobResult", { jobid: String(job) }))).toMatchObject({ jobstatus: 2 });
    expect(emulator.tree().children.map((d) => [d.name, d.state])).toEqual([
      ["own", "Active"],
      ["beside", "Active"],
    ]);
  });

  test("do not include handing out a role that may do more", async () => {
    const emulator = await start();
    const own = emulator.addDomain({ name: "own" });
    const role = emulator.addRole({ name: "maker", type: "DomainAdmin", rules: ["allow createAccount", "deny *"] });
    const { keys } = emulator.addAccount({ domain: own, name: "maker", role, keys: true });
    const fields = { username: "u", email: "u@example.org", firstname: "U", lastname: "U", password: "p", domainid: own };
    expect((await call(emulator, "createAccount", { ...fields, accounttype: "0" }, keys)).status).toBe(531);
    expect((await call(emulator, "createAccount", { ...fields, roleid: role }, keys)).status).toBe(200);
  });
});

describe("a state file", () => {
  test("brings the same world back, with its keys and a job that was still running", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cloudstack-emulator-"));
    const stateFile = join(folder, "state.json");
    const first = await start({ stateFile });
    const domain = first.addDomain({ name: "kept" });
    const gone = first.addDomain({ name: "gone" });
    const { accountId, keys } = first.addAccount({ domain, name: "owner", keys: true });
    first.addMachine({ account: accountId, name: "m" });
    first.addTemplate({ account: accountId, name: "golden" });
    const job = inner(await call(first, "deleteDomain", { id: gone, cleanup: "false" }))["jobid"];
    const before = first.tree();
    const { admin } = first;
    await running.splice(0)[0]?.close();
    const second = await start({ stateFile });
    expect(second.admin).toEqual(admin);
    expect(second.tree()).toEqual(before);
    now += 1_000;
    expect(inner(await call(second, "queryAsyncJobResult", { jobid: String(job) }))).toMatchObject({ jobstatus: 1 });
    expect(second.tree().children.map((d) => d.name)).toEqual(["kept"]);
    expect((await call(second, "listDomains", {}, keys)).status).toBe(200);
    expect((await call(second, "createDomain", { name: "again", domainid: gone })).status).toBe(530);
    await running.splice(0)[0]?.close();
    rmSync(folder, { recursive: true });
  });
});

describe("the clock", () => {
  test("expunges a destroyed machine after the delay and not before, and cleans an Inactive empty domain away", async () => {
    const emulator = await start({ expungeDelayMs: 10_000, expungeIntervalMs: 1_000, accountCleanupIntervalMs: 5_000 });
    const domain = emulator.addDomain({ name: "ci" });
    emulator.addDomain({ name: "left-inactive", inactive: true });
    const { accountId } = emulator.addAccount({ domain, name: "owner" });
    const id = emulator.addMachine({ account: accountId, name: "m" });
    await call(emulator, "destroyVirtualMachine", { id });
    now += 9_000;
    expect(rows(await call(emulator, "listVirtualMachines", { id }), "virtualmachine")[0]).toMatchObject({ state: "Destroyed" });
    now += 3_000;
    expect(inner(await call(emulator, "listVirtualMachines", { id }))).toEqual({});
    expect(emulator.tree().children.map((d) => d.name)).toEqual(["ci"]);
  });
});

describe("requests", () => {
  test("are kept without keys, signatures and passwords", async () => {
    const emulator = await start();
    const fields = { username: "u", email: "u@example.org", firstname: "U", lastname: "U", password: "hush", accounttype: "0" };
    await call(emulator, "createAccount", fields);
    const text = JSON.stringify(emulator.requests());
    expect(text).toContain("u@example.org");
    for (const secret of ["hush", emulator.admin.apiKey, emulator.admin.secretKey, 'signature"']) expect(text).not.toContain(secret);
  });

  test("with parameters in the query override those of the body", async () => {
    const emulator = await start();
    emulator.addDomain({ name: "one" });
    const reply = await callApi(`${emulator.url}?name=one`, emulator.admin, now, "listDomains", { listall: "true", name: "two" });
    expect(reply.status, "the signature covered the body's name").toBe(401);
  });

  test("that change something must be POST when the server enforces it", async () => {
    const emulator = await start({ enforcePost: true });
    const get = (command: string): Promise<Reply> => callApi(emulator.url, emulator.admin, now, command, { name: "x" }, { get: true });
    expect((await get("createDomain")).status).toBe(400);
    expect((await get("listDomains")).status).toBe(200);
  });
});
