/**
 * What the bot relies on in CloudStack, asked of a server: the emulator by default, a real one when CLOUDSTACK_API_URL, CLOUDSTACK_API_KEY
 * and CLOUDSTACK_SECRET_KEY are set. The tests build on each other: one domain lives from its creation to the proof of its deletion.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCloudStackDeleter } from "../../src/cloudstack/delete/deleter.ts";
import { createCloudStackExporter } from "../../src/cloudstack/export/exporter.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { createCloudStackReader, type CloudStackReader } from "../../src/cloudstack/read/reader.ts";
import { createCloudStackRestorer } from "../../src/cloudstack/write/restorer.ts";
import { createCloudStackWriter, type CloudStackWriter } from "../../src/cloudstack/write/writer.ts";
import type { AccountId, DomainId, DomainPath, JobId, ProjectId, Slug, UserId } from "../../src/core/ids.ts";
import { completeObserved } from "../../src/sync/planning/observed.ts";
import { isComplete, proveEmpty } from "../../src/core/complete-inventory.ts";
import { fail } from "../../src/core/failure.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../src/core/inventory.ts";
import { ok } from "../../src/core/result.ts";
import { grantFor, valueOf } from "../cloudstack/support.ts";
import { eventually } from "../support/eventually.ts";
import { fillDomain, type FullDomain } from "./full-domain.ts";
import { openServer, type ContractServer } from "./server.ts";
import { plantTree, type OwnTree } from "./tree.ts";

const PATIENCE_MS = 30 * 60_000;
const jobId = (): JobId => randomUUID() as JobId;

let server: ContractServer;
let tree: OwnTree;
let reader: CloudStackReader;
let writer: CloudStackWriter;
const domainId = randomUUID() as DomainId;
const accountId = randomUUID() as AccountId;
const userId = randomUUID() as UserId;
const person = { username: `ann-${domainId.slice(0, 8)}`, email: "ann@example.org", firstName: "Ann", lastName: "Contract" };
let path: DomainPath;
let full: FullDomain;

beforeAll(async () => {
  server = await openServer();
  tree = await plantTree(server);
  path = `${tree.rootPath}/alpha` as DomainPath;
  reader = createCloudStackReader(tree.options);
  writer = createCloudStackWriter(tree.options);
}, PATIENCE_MS);

let isRemoved = false;
afterAll(async () => {
  try {
    if (!isRemoved) await tree.remove();
  } finally {
    await server.close();
  }
}, PATIENCE_MS);

describe("looking", () => {
  test(
    "the probe finds the version and the managed root",
    async () => {
      const found = valueOf(await reader.probe());
      expect(found.version).toMatch(/^\d+\.\d+/);
      expect(found.root).toEqual({ id: tree.rootId });
      const root = valueOf(await reader.readManagedRoot());
      expect(root.id).toBe(tree.rootId);
      expect(root.ancestors.length).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );

  test(
    "a domain that never existed is null, and a job that never existed is unknown",
    async () => {
      expect(valueOf(await reader.findDomain(randomUUID() as DomainId))).toBeNull();
      expect(valueOf(await reader.findJob(jobId()))).toEqual({ state: "unknown" });
    },
    PATIENCE_MS,
  );
});

describe("writing", () => {
  test(
    "a domain is made with our id, once, however often it is asked for",
    async () => {
      const wanted = { id: domainId, name: "alpha", parentId: tree.rootId };
      expect(await writer.createDomain(wanted)).toEqual({ ok: true, value: undefined });
      expect(await writer.createDomain(wanted)).toEqual({ ok: true, value: undefined });
      expect(valueOf(await reader.findDomain(domainId))).toEqual({ id: domainId, name: "alpha", path });
    },
    PATIENCE_MS,
  );

  test(
    "the same id under another name, and the same name with another id, are refused",
    async () => {
      expect((await writer.createDomain({ id: domainId, name: "beta", parentId: tree.rootId })).ok).toBe(false);
      expect((await writer.createDomain({ id: randomUUID() as DomainId, name: "alpha", parentId: tree.rootId })).ok).toBe(false);
      expect((await writer.createDomain({ id: randomUUID() as DomainId, name: "ALPHA", parentId: tree.rootId })).ok).toBe(false);
      expect(valueOf(await reader.readFleet({ withLimits: false })).domains.map((d) => d.path)).toEqual([path]);
    },
    PATIENCE_MS,
  );

  test(
    "an account with its user is made with our ids, once",
    async () => {
      const wanted = { id: accountId, userId, domainId, person, role: "User" };
      expect(await writer.createAccount(wanted)).toEqual({ ok: true, value: undefined });
      expect(await writer.createAccount(wanted)).toEqual({ ok: true, value: undefined });
      const { accounts } = valueOf(await reader.readFleet({ withLimits: false }));
      expect(accounts).toMatchObject([
        { id: accountId, domainId, state: "enabled", roleName: "User", users: [{ id: userId, email: "ann@example.org" }] },
      ]);
    },
    PATIENCE_MS,
  );

  test(
    "a person's data, limits, locks and roles are changed and seen",
    async () => {
      const to = { ...person, email: "ann2@example.org", lastName: "Two" };
      expect(await writer.updateUser({ userId, accountId, to })).toMatchObject({ ok: true });
      expect(await writer.setLimit({ domainId, type: "user_vm", max: 7 })).toMatchObject({ ok: true });
      expect(await writer.lockAccount({ accountId, jobId: jobId() })).toMatchObject({ ok: true });
      const locked = valueOf(await reader.readFleet({ withLimits: true }));
      expect(locked.accounts).toMatchObject([{ state: "locked", users: [{ email: "ann2@example.org", lastName: "Two" }] }]);
      expect(locked.domains).toMatchObject([{ limits: { user_vm: 7 } }]);
      expect(await writer.unlockAccount(accountId)).toMatchObject({ ok: true });
      expect(await writer.setRole({ accountId, role: "User" })).toMatchObject({ ok: true });
      expect(await writer.setRole({ accountId, role: "no such role" })).toMatchObject({ ok: false, error: { code: "cloudstack.no_role" } });
    },
    PATIENCE_MS,
  );

  test(
    "a second user is made in the account, once",
    async () => {
      const id = randomUUID() as UserId;
      const wanted = { id, accountId, person: { ...person, username: `second-${domainId.slice(0, 8)}` } };
      expect(await writer.createUser(wanted)).toMatchObject({ ok: true });
      expect(await writer.createUser(wanted)).toMatchObject({ ok: true });
      const { accounts } = valueOf(await reader.readFleet({ withLimits: false }));
      expect(accounts[0]?.users.map((u) => u.id).toSorted()).toEqual([userId, id].toSorted());
    },
    PATIENCE_MS,
  );
});

describe("reading", () => {
  test(
    "the fleet is complete, in small pages too, and one project alone is not",
    async () => {
      for (const name of ["b-one", "b-two", "b-three"])
        await writer.createDomain({ id: randomUUID() as DomainId, name, parentId: tree.rootId });
      const small = createCloudStackReader({ ...tree.options, pageSize: 2 });
      const whole = valueOf(await reader.readFleet({ withLimits: false }));
      const paged = valueOf(await small.readFleet({ withLimits: false }));
      expect(paged.domains.map((d) => d.id).toSorted()).toEqual(whole.domains.map((d) => d.id).toSorted());
      expect(whole.domains).toHaveLength(4);
      expect(completeObserved(whole)).toMatchObject({ ok: true });
      const narrowed = await reader.readProject({ projectId: "p" as ProjectId, slug: "alpha" as Slug, domainId });
      expect(narrowed).toMatchObject({
        coverage: "partial",
        reason: "narrowed to one project",
        domains: [{ id: domainId, path }],
        accounts: [{ id: accountId }],
      });
    },
    PATIENCE_MS,
  );

  test(
    "a neighbour whose name fits `_` as a pattern stays out",
    async () => {
      const [under, neighbour] = [randomUUID() as DomainId, randomUUID() as DomainId];
      for (const [id, name] of [
        [under, "ci_1"],
        [neighbour, "cix1"],
      ] as const) {
        await tree.call("createDomain", { name, parentdomainid: tree.rootId, domainid: id });
        const username = `${name}-${id.slice(0, 8)}`;
        await writer.createAccount({
          id: randomUUID() as AccountId,
          userId: randomUUID() as UserId,
          domainId: id,
          person: { ...person, username },
          role: "User",
        });
      }
      const leaked = await tree.rows("listAccounts", "account", { domainid: under, listall: "true", isrecursive: "true", details: "min" });
      if (server.isEmulator) expect(leaked.map((a) => a["domain"]).toSorted(), "CloudStack itself leaks").toEqual(["ci_1", "cix1"]);
      const inventory = valueOf(await reader.readInventory(under, `${tree.rootPath}/ci_1` as DomainPath));
      expect(inventory.items.map((i) => i.kind)).toEqual(["account", "user"]);
      const narrowed = await reader.readProject({ projectId: "p" as ProjectId, slug: "cix1" as Slug, domainId: neighbour });
      expect(narrowed.accounts).toHaveLength(1);
    },
    PATIENCE_MS,
  );
});

describe("a full domain", () => {
  beforeAll(async () => {
    full = await fillDomain(tree, domainId, person.username);
  }, PATIENCE_MS);

  test(
    "its inventory names everything, and a child domain in the way",
    async () => {
      const { items, obstacles } = await inventoryNow();
      const made: readonly (readonly [ItemKind, string | null])[] = [
        ["account", accountId],
        ["user", userId],
        ["machine", full.machineId],
        ["volume", full.volumeId],
        ["snapshot", full.snapshotId],
        ["template", full.templateId],
        ["network", full.networkId],
      ];
      for (const [kind, id] of made.filter(([, one]) => one !== null))
        expect(items, `${kind} is listed`).toContainEqual(expect.objectContaining({ kind, id }));
      expect(obstacles).toEqual([]);
      if (full.volumeId !== null)
        expect(items).toContainEqual(expect.objectContaining({ id: full.volumeId, parentId: full.machineId, accountId }));
      expect(await reader.readInventory(domainId, `${tree.rootPath}/elsewhere` as DomainPath)).toMatchObject({
        ok: false,
        error: { kind: "stale" },
      });
    },
    PATIENCE_MS,
  );

  test(
    "a template can be extracted, and its bytes come where the link can be reached",
    async (context) => {
      if (full.templateId === null) return context.skip("no template");
      const exporter = createCloudStackExporter(tree.options);
      const template = only(await inventoryNow(), "template");
      const source = valueOf(await exporter.extract(template));
      expect(JSON.stringify(source)).not.toMatch(/http|userdata/);
      const opened = await exporter.open(source, 0);
      if (!opened.ok && !server.isEmulator) return context.skip(`the link serves nothing here: ${opened.error.code}`);
      const { bytes, totalBytes } = valueOf(opened);
      let size = 0;
      for await (const chunk of bytes) size += (chunk as Buffer).byteLength;
      expect(size).toBe(totalBytes);
      expect(size).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );

  test(
    "no account is disabled while a machine of it runs; stopped, it is, and restoring gives the account and the machine back",
    async () => {
      const deleter = createCloudStackDeleter(tree.options, async () => ok(undefined));
      const restorer = createCloudStackRestorer(tree.options);
      const inventory = await inventoryNow();
      const quarantine = () => deleter.quarantineAccount(grantFor(inventory), only(inventory, "account"), jobId());
      if (full.machineId !== null) expect(await quarantine()).toMatchObject({ ok: false, error: { code: "cloudstack.account_changed" } });
      await stopMachines();
      await eventually("CloudStack counts no running machine", async () => (await quarantine()).ok);
      const quiet = await inventoryNow();
      expect(only(quiet, "account").state).toBe("disabled");
      for (const machine of quiet.items.filter((i) => i.kind === "machine")) expect(machine.state).toBe("Stopped");
      expect(await restorer.enableAccount(accountId)).toMatchObject({ ok: true });
      if (full.machineId !== null) expect(await restorer.startMachine(full.machineId, jobId())).toMatchObject({ ok: true });
      const back = await inventoryNow();
      expect(only(back, "account").state).toBe("enabled");
      for (const machine of back.items.filter((i) => i.kind === "machine")) expect(machine.state).toBe("Running");
    },
    PATIENCE_MS,
  );

  test(
    "the domain is taken apart in the safe order, and its deletion is proved",
    async () => {
      const deleter = createCloudStackDeleter(tree.options, async () => ok(undefined));
      const approved = await inventoryNow();
      const grant = grantFor(approved);
      const each = async (kind: ItemKind, remove: (item: InventoryItem) => Promise<{ ok: boolean }>): Promise<void> => {
        for (const item of (await inventoryNow()).items.filter((i) => i.kind === kind))
          expect(await remove(item), `${kind} ${item.name}`).toMatchObject({ ok: true });
      };
      const early = jobId();
      expect(await deleter.deleteDomain(grant, early), "a full domain is refused by CloudStack itself").toMatchObject({
        ok: false,
        error: { kind: "rejected" },
      });
      expect(valueOf(await reader.findJob(early))).toMatchObject({ state: "failed", errorCode: 530 });
      const prove = async (i: InventoryItem) => {
        const now = await inventoryNow();
        return isComplete(now) ? proveEmpty(now, i.id) : fail("refused", "test.unproven", now.unproven?.join() ?? "");
      };
      expect(await prove(only(approved, "account"))).toMatchObject({ ok: false, error: { code: "deletion.account_not_empty" } });
      await stopMachines();
      await each("account", async (i) => {
        await eventually("CloudStack counts no running machine", async () => (await deleter.quarantineAccount(grant, i, jobId())).ok);
        return ok(undefined);
      });
      await each("machine", (i) => deleter.destroyMachine(grant, i, jobId()));
      await expungeMachines();
      await each("volume", (i) => deleter.deleteVolume(grant, i, jobId()));
      await each("snapshot", (i) => deleter.deleteSnapshot(grant, i, jobId()));
      await each("template", (i) => deleter.deleteTemplate(grant, i, jobId()));
      await each("network", async (i) => {
        const first = await deleter.deleteNetwork(grant, i, jobId());
        if (first.ok) return first;
        const rules = await deleter.removeNetworkRules(grant, i, jobId());
        return rules.ok ? deleter.deleteNetwork(grant, i, jobId()) : rules;
      });
      await each("account", async (i) => deleter.deleteAccount(grant, valueOf(await prove(i)), jobId()));
      expect((await inventoryNow()).items).toEqual([]);
      const last = jobId();
      expect(valueOf(await reader.hasDeletionEvent(domainId))).toBe(false);
      expect(await deleter.deleteDomain(grant, last)).toMatchObject({ ok: true });
      expect(await deleter.deleteDomain(grant, last), "asked again, its job answers").toMatchObject({ ok: true });
      const api = createApi(tree.options);
      const again = await api.change("deleteDomain", { id: domainId, cleanup: "false", customjobid: last });
      expect(again, "the same job id is refused").toMatchObject({ ok: false, error: { kind: "rejected", details: { status: 530 } } });
      expect(valueOf(await reader.findDomain(domainId))).toBeNull();
      expect(valueOf(await reader.findJob(last))).toEqual({ state: "succeeded" });
      await eventually("the event log names the deletion", async () => valueOf(await reader.hasDeletionEvent(domainId)));
    },
    PATIENCE_MS,
  );

  test(
    "the id of a deleted domain is never accepted again",
    async () => {
      expect(await writer.createDomain({ id: domainId, name: "alpha", parentId: tree.rootId })).toMatchObject({
        ok: false,
        error: { kind: "rejected" },
      });
      expect(valueOf(await reader.findDomain(domainId))).toBeNull();
    },
    PATIENCE_MS,
  );
});

test(
  "the throw-away tree goes, in the safe order, and leaves nothing",
  async () => {
    await tree.remove();
    isRemoved = true;
    const left = await tree.rows("listDomains", "domain", { name: tree.rootPath.split("/").at(-1) ?? "", listall: "true", details: "min" });
    expect(left).toEqual([]);
  },
  PATIENCE_MS,
);

async function inventoryNow(): Promise<Inventory> {
  return valueOf(await reader.readInventory(domainId, path));
}

function only(inventory: Inventory, kind: ItemKind): InventoryItem {
  const found = inventory.items.find((i) => i.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} in the inventory`);
  return found;
}

async function stopMachines(): Promise<void> {
  for (const { id } of (await inventoryNow()).items.filter((i) => i.kind === "machine" && i.state === "Running"))
    await tree.job("stopVirtualMachine", { id });
}

/** Waits for the expunge delay, or, where that takes longer than anybody wants to wait, expunges by hand. */
async function expungeMachines(): Promise<void> {
  const setting = async (name: string): Promise<number> => {
    const [row] = await tree.rows("listConfigurations", "configuration", { name });
    return Number(row?.["value"] ?? 86_400);
  };
  const seconds = ((await setting("expunge.delay")) + (await setting("expunge.interval"))) * 1.024 * 2 + 30;
  if (seconds > 300) {
    for (const machine of (await inventoryNow()).items.filter((i) => i.kind === "machine"))
      await tree.job("expungeVirtualMachine", { id: machine.id });
  }
  const gone = async (): Promise<boolean> => (await inventoryNow()).items.every((i) => i.kind !== "machine");
  await eventually("the machines are expunged", gone, { limitMs: Math.min(seconds, 300) * 1_000 });
}
