/** The deleter refuses before it sends anything: what is no grant, what the grant does not list, and what stands in the wrong place. */
import { randomUUID } from "node:crypto";
import { addManagedRoot } from "../../demo/keys.ts";
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { proveEmpty, type ProvenEmpty } from "../../src/core/complete-inventory.ts";
import type { ApprovedDeletion } from "../../src/approvals/grant.ts";
import type { CloudStackReader } from "../../src/cloudstack/read/reader.ts";
import type { DomainId, DomainPath, JobId } from "../../src/core/ids.ts";
import type { CloudStackDeleter } from "../../src/deletion/cloud.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../src/core/inventory.ts";
import { eventually } from "../support/eventually.ts";
import { completeOf } from "../support/deletions.ts";
import { botCloud, grantFor, optionsFor, startToldServer, valueOf, type ToldServer } from "./support.ts";

const jobId = (): JobId => randomUUID() as JobId;
const at = <T>(list: readonly T[], i: number): T => {
  const found = list[i];
  if (found === undefined) throw new Error(`nothing at ${i}`);
  return found;
};

/** Every method of the deleter, called with a grant and an item of the right kind. */
const METHODS: readonly (readonly [keyof CloudStackDeleter, ItemKind])[] = [
  ["quarantineAccount", "account"],
  ["destroyMachine", "machine"],
  ["deleteVolume", "volume"],
  ["deleteSnapshot", "snapshot"],
  ["deleteTemplate", "template"],
  ["deleteNetwork", "network"],
  ["removeNetworkRules", "network"],
  ["releaseAddress", "address"],
  ["deleteAccount", "account"],
  ["deleteDomain", "account"],
];
const call = (
  deleter: CloudStackDeleter,
  method: keyof CloudStackDeleter,
  grant: ApprovedDeletion,
  item: InventoryItem,
): ReturnType<CloudStackDeleter["deleteDomain"]> =>
  method === "deleteDomain"
    ? deleter.deleteDomain(grant, jobId())
    : method === "deleteAccount"
      ? deleter.deleteAccount(grant, proofOf(item), jobId())
      : deleter[method](grant, item, jobId());
/** A real proof that says of an account what may not be so. */
const proofOf = (account: InventoryItem, domainId = DOMAIN): ProvenEmpty => {
  const items = [{ ...account, kind: "account" as const, state: "disabled" }];
  const shown = { domainId, path: "ROOT/ci/alpha" as DomainPath, items, obstacles: [], asOf: Date.now() as Inventory["asOf"] };
  return valueOf(proveEmpty(completeOf(shown), account.id));
};
const DOMAIN = randomUUID() as DomainId;

const item = (kind: ItemKind, id: string = randomUUID()): InventoryItem => ({
  kind,
  id,
  name: `the ${kind}`,
  accountId: null,
  accountName: null,
  bytes: null,
  state: "x",
  createdAt: null,
  zoneId: null,
  parentId: null,
  facts: {},
});

describe("without a look at CloudStack", () => {
  let server: ToldServer;
  let deleter: CloudStackDeleter;
  const items = METHODS.map(([, kind]) => item(kind));
  const approved: Inventory = {
    domainId: DOMAIN,
    path: "ROOT/ci/alpha" as DomainPath,
    items,
    obstacles: [],
    asOf: 0 as Inventory["asOf"],
  };
  const real = grantFor(approved);
  beforeAll(async () => {
    server = await startToldServer((_, response) => void response.writeHead(500).end());
    ({ deleter } = botCloud(server));
  });
  afterAll(() => server.close());
  beforeEach(() => void (server.forms.length = 0));

  const plain = { request: real.request, approved: real.approved, approvers: real.approvers, grantedAt: real.grantedAt, seen: real.seen };
  const forged: readonly (readonly [string, unknown])[] = [
    ["nothing", undefined],
    ["null", null],
    ["true", true],
    ["a literal", plain],
    ["a spread", { ...real }],
    ["a JSON copy", JSON.parse(JSON.stringify(real))],
    ["a structured clone", structuredClone(plain)],
    ["an object with the grant's prototype", Object.assign(Object.create(Object.getPrototypeOf(real) as object) as object, plain)],
    ["an heir of a real grant", Object.create(real)],
    ["a proxy of a real grant", new Proxy(real, {})],
  ];
  for (const [what, value] of forged) {
    test.for(METHODS)(`${what} as a grant is refused by %s, and nothing is sent`, async ([method], { expect: ex }) => {
      const i = METHODS.findIndex(([name]) => name === method);
      const result = await call(deleter, method, value as ApprovedDeletion, at(items, i));
      ex(result).toMatchObject({ ok: false, error: { kind: "refused", code: "cloudstack.no_grant" } });
      ex(server.forms).toEqual([]);
    });
  }

  test("a real grant passes that question, so the refusals above are about the grant", async () => {
    const result = await call(deleter, "destroyMachine", real, at(items, 1));
    expect(result).toMatchObject({ ok: false, error: { code: "cloudstack.not_cloudstack" } });
    expect(server.forms.length).toBeGreaterThan(0);
  });

  test.for(METHODS.filter(([method]) => method !== "deleteDomain"))(
    "%s refuses what the approved inventory does not list",
    async ([method, kind]) => {
      const result = await call(deleter, method, real, item(kind));
      expect(result).toMatchObject({ ok: false, error: { kind: "refused", code: "cloudstack.not_approved" } });
      expect(server.forms).toEqual([]);
    },
  );

  test("an approved id under another kind, and a thing of the wrong kind, are refused", async () => {
    const volume = at(items, 2);
    expect(await deleter.destroyMachine(real, { ...volume, kind: "machine" }, jobId())).toMatchObject({
      ok: false,
      error: { code: "cloudstack.not_approved" },
    });
    expect(await deleter.destroyMachine(real, volume, jobId())).toMatchObject({ ok: false, error: { code: "cloudstack.wrong_kind" } });
    expect(server.forms).toEqual([]);
  });

  test.for(["ROOT", "ROOT/ci", "ROOT/cix/alpha", "ROOT/other", "ROOT/ci_"])(
    "a grant for %s is refused: it does not lie below the managed root",
    async (path) => {
      const elsewhere = grantFor({ ...approved, path: path as DomainPath });
      for (const [i, [method]] of METHODS.entries()) {
        expect(await call(deleter, method, elsewhere, at(items, i))).toMatchObject({
          ok: false,
          error: { kind: "refused", code: "cloudstack.outside_root" },
        });
      }
      expect(server.forms).toEqual([]);
    },
  );
});

test("a grant whose request names another path than its inventory is refused", async () => {
  const server = await startToldServer((_, response) => void response.writeHead(500).end());
  const domainId = randomUUID() as DomainId;
  const approved: Inventory = { domainId, path: "ROOT/ci/alpha" as DomainPath, items: [], obstacles: [], asOf: 0 as Inventory["asOf"] };
  const result = await botCloud(server).deleter.deleteDomain(grantFor(approved, "ROOT/ci/beta" as DomainPath), jobId());
  await server.close();
  expect(result).toMatchObject({ ok: false, error: { kind: "refused", code: "cloudstack.other_domain" } });
  expect(server.forms).toEqual([]);
});

describe("against a server", () => {
  let emulator: CloudStackEmulator;
  let reader: CloudStackReader;
  let deleter: CloudStackDeleter;
  let ci: string;
  let alpha: DomainId;
  let ann: string;
  const path = "ROOT/ci/alpha" as DomainPath;
  const changes = (): readonly string[] =>
    emulator
      .requests()
      .map((r) => r.command)
      .filter((name) => !/^(list|queryAsync)/.test(name));
  beforeEach(async () => {
    emulator = await startCloudStackEmulator({ port: 0, jobMs: 5, expungeDelayMs: 50, expungeIntervalMs: 20 });
    ci = addManagedRoot(emulator);
    alpha = emulator.addDomain({ name: "alpha", parent: ci }) as DomainId;
    ann = emulator.addAccount({ domain: alpha, name: "ann" }).accountId;
    ({ reader, deleter } = botCloud(emulator));
    return () => emulator.close();
  });
  const inventoryNow = async (): Promise<Inventory> => valueOf(await reader.readInventory(alpha, path));
  const only = (inventory: Inventory, kind: ItemKind): InventoryItem =>
    at(
      inventory.items.filter((i) => i.kind === kind),
      0,
    );

  test("a domain that was renamed or moved since is left alone", async () => {
    const grant = grantFor(await inventoryNow());
    const { createApi } = await import("../../src/cloudstack/api/http.ts");
    const api = createApi(optionsFor({ url: emulator.url, ...emulator.admin }));
    valueOf(await api.change("updateDomain", { id: alpha, name: "beta" }));
    expect(await deleter.deleteDomain(grant, jobId())).toMatchObject({
      ok: false,
      error: { kind: "stale", code: "cloudstack.domain_moved" },
    });
    expect(await deleter.quarantineAccount(grant, at(grant.approved.items, 0), jobId())).toMatchObject({
      ok: false,
      error: { kind: "stale" },
    });
    expect(changes()).toEqual(["updateDomain"]);
  });

  test("a look-alike beside the managed root, with a slash in its name, is refused", async () => {
    const lookAlike = emulator.addDomain({ name: "ci/alpha" }) as DomainId;
    const grant = grantFor({ ...(await inventoryNow()), domainId: lookAlike });
    expect(await deleter.deleteDomain(grant, jobId())).toMatchObject({
      ok: false,
      error: { kind: "refused", code: "cloudstack.outside_root" },
    });
    expect(changes()).toEqual([]);
  });

  test("a grant whose domain id is the managed root's, or ROOT's, is refused", async () => {
    const rootId = emulator.ids.rootDomain;
    for (const domainId of [ci, rootId]) {
      const lie = grantFor({ ...(await inventoryNow()), domainId: domainId as DomainId });
      expect(await deleter.deleteDomain(lie, jobId())).toMatchObject({
        ok: false,
        error: { kind: "refused", code: "cloudstack.protected" },
      });
    }
    expect(changes()).toEqual([]);
  });

  const refusedAsNotEmpty = (why: string) => ({
    ok: false,
    error: { kind: "refused", code: "cloudstack.account_not_empty", message: expect.stringContaining(why) },
  });
  const disable = async (inventory: Inventory) =>
    valueOf(await deleter.quarantineAccount(grantFor(inventory), only(inventory, "account"), jobId()));

  test.each<[string, () => unknown, string]>([
    ["a disk", () => emulator.addVolume({ account: ann, name: "left" }), "CloudStack counts 1 volumes"],
    ["a template in no list", () => emulator.addTemplate({ account: ann, name: "xen", hypervisor: "XenServer" }), "counts 1 images"],
    ["a machine in no list", () => emulator.addMachine({ account: ann, name: "m", hidden: true }), "counts 1 machinesByState"],
  ])("an account for which CloudStack counts %s is refused, whatever the proof says", async (_what, make, why) => {
    const inventory = await inventoryNow();
    await disable(inventory);
    make();
    const proof = proofOf(only(inventory, "account"), alpha);
    expect(await deleter.deleteAccount(grantFor(inventory), proof, jobId())).toMatchObject(refusedAsNotEmpty(why));
    expect(changes()).toEqual(["disableAccount"]);
  });

  test("an account that is enabled, a proof that is old or of another domain, and what is no proof are refused", async () => {
    const inventory = await inventoryNow();
    const [grant, account] = [grantFor(inventory), only(inventory, "account")];
    const proof = proofOf(account, alpha);
    expect(await deleter.deleteAccount(grant, proof, jobId())).toMatchObject(refusedAsNotEmpty("it is enabled now"));
    await disable(inventory);
    const later = botCloud({ url: emulator.url, ...emulator.admin }, { now: () => (Date.now() + 61_000) as never }).deleter;
    expect(await later.deleteAccount(grant, proof, jobId())).toMatchObject(refusedAsNotEmpty("too old"));
    expect(await deleter.deleteAccount(grant, proofOf(account), jobId())).toMatchObject(refusedAsNotEmpty("of another domain"));
    for (const forged of [undefined, account, { ...proof }, JSON.parse(JSON.stringify(proof)), Object.create(proof)])
      expect(await deleter.deleteAccount(grant, forged as ProvenEmpty, jobId())).toMatchObject({ error: { code: "cloudstack.no_proof" } });
    expect(changes()).toEqual(["disableAccount"]);
    expect(await deleter.deleteAccount(grant, proof, jobId())).toMatchObject({ ok: true });
  });

  test("a list that cannot be read keeps the account", async () => {
    const inventory = await inventoryNow();
    await disable(inventory);
    emulator.setFaults([{ kind: "short_page", command: "listAccounts" }]);
    expect((await deleter.deleteAccount(grantFor(inventory), proofOf(only(inventory, "account"), alpha), jobId())).ok).toBe(false);
    expect(changes()).toEqual(["disableAccount"]);
  });

  test("a thing that belongs to another domain by now is not touched", async () => {
    const elsewhere = emulator.addDomain({ name: "elsewhere" });
    const bob = emulator.addAccount({ domain: elsewhere, name: "bob" }).accountId;
    const volume = emulator.addVolume({ account: bob, name: "bob's" });
    const snapshot = emulator.addSnapshot({ volume });
    const inventory = await inventoryNow();
    const grant = grantFor({
      ...inventory,
      items: [...inventory.items, item("volume", volume), item("snapshot", snapshot), item("account", bob)],
    });
    expect(await deleter.deleteVolume(grant, item("volume", volume), jobId())).toEqual({ ok: true, value: undefined });
    expect(await deleter.deleteSnapshot(grant, item("snapshot", snapshot), jobId())).toMatchObject({ ok: true });
    expect(await deleter.quarantineAccount(grant, item("account", bob), jobId())).toMatchObject({ ok: true });
    expect(await deleter.deleteAccount(grant, proofOf(item("account", bob), alpha), jobId())).toMatchObject({ ok: true });
    expect(changes()).toEqual([]);
  });

  test("a neighbour's thing, which a list gives because its name fits as a pattern, is not touched", async () => {
    const [under, neighbour] = [emulator.addDomain({ name: "n_1", parent: ci }), emulator.addDomain({ name: "nx1", parent: ci })];
    const volume = emulator.addVolume({ account: emulator.addAccount({ domain: neighbour, name: "bob" }).accountId, name: "bob's" });
    const inventory = valueOf(await reader.readInventory(under as DomainId, "ROOT/ci/n_1" as DomainPath));
    const grant = grantFor({ ...inventory, items: [...inventory.items, item("volume", volume)] });
    expect(await deleter.deleteVolume(grant, item("volume", volume), jobId())).toMatchObject({ ok: true });
    expect(changes()).toEqual([]);
  });

  test("a machine is destroyed once and without expunging; a root disk and a source address go with their owners", async () => {
    const machine = emulator.addMachine({ account: ann, name: "m" });
    const inventory = await inventoryNow();
    const grant = grantFor(inventory);
    expect(await deleter.deleteVolume(grant, only(inventory, "volume"), jobId())).toMatchObject({
      ok: false,
      error: { code: "cloudstack.root_disk" },
    });
    expect(await deleter.releaseAddress(grant, only(inventory, "address"), jobId())).toMatchObject({
      ok: false,
      error: { code: "cloudstack.source_nat" },
    });
    expect(await deleter.destroyMachine(grant, only(inventory, "machine"), jobId())).toMatchObject({ ok: true });
    expect(await deleter.destroyMachine(grant, only(inventory, "machine"), jobId())).toMatchObject({ ok: true });
    expect(changes()).toEqual(["destroyVirtualMachine"]);
    expect(emulator.requests().find((r) => r.command === "destroyVirtualMachine")?.params).not.toHaveProperty("expunge");
    expect(inventory.items.find((i) => i.kind === "machine")?.id).toBe(machine);
  });

  test("an attached disk is detached first, and the same try again does nothing twice", async () => {
    const machine = emulator.addMachine({ account: ann, name: "m" });
    emulator.addVolume({ account: ann, name: "data", machine });
    const inventory = await inventoryNow();
    const data = at(
      inventory.items.filter((i) => i.name === "data"),
      0,
    );
    const same = jobId();
    emulator.setFaults([{ kind: "lost_after", command: "deleteVolume", times: 1 }]);
    expect(await deleter.deleteVolume(grantFor(inventory), data, same)).toMatchObject({ ok: false, error: { kind: "indeterminate" } });
    expect(await deleter.deleteVolume(grantFor(inventory), data, same)).toMatchObject({ ok: true });
    expect(changes()).toEqual(["detachVolume", "deleteVolume"]);
  });

  test("deleteDomain is always sent with the clean-up switched off and our job id; a lost answer is looked up", async () => {
    const inventory = await inventoryNow();
    const grant = grantFor(inventory);
    await disable(inventory);
    expect(await deleter.deleteAccount(grant, proofOf(only(inventory, "account"), alpha), jobId())).toMatchObject({ ok: true });
    emulator.setFaults([{ kind: "lost_after", command: "deleteDomain", times: 1 }]);
    const id = jobId();
    expect(await deleter.deleteDomain(grant, id)).toMatchObject({ ok: true });
    const sent = emulator.requests().filter((r) => r.command === "deleteDomain");
    expect(sent.map((r) => r.params)).toMatchObject([{ id: alpha, cleanup: "false", customjobid: id }]);
    expect(valueOf(await reader.findDomain(alpha))).toBeNull();
    expect(await deleter.deleteDomain(grant, jobId()), "under another job id it is simply gone").toMatchObject({
      ok: false,
      error: { kind: "stale" },
    });
  });

  test("a job that vanishes leaves the outcome open, and nothing is sent again", async () => {
    emulator.addMachine({ account: ann, name: "m" });
    const inventory = await inventoryNow();
    emulator.setFaults([{ kind: "lost_job" }]);
    const result = await deleter.destroyMachine(grantFor(inventory), only(inventory, "machine"), jobId());
    expect(result).toMatchObject({ ok: false, error: { kind: "indeterminate", code: "cloudstack.job_vanished" } });
    expect(changes()).toEqual(["destroyVirtualMachine"]);
  });

  test("delete protection is respected: CloudStack refuses, and says so", async () => {
    emulator.addMachine({ account: ann, name: "m", deleteProtection: true });
    const inventory = await inventoryNow();
    expect(inventory.obstacles).toEqual(["machine m is protected from deletion"]);
    expect(await deleter.destroyMachine(grantFor(inventory), only(inventory, "machine"), jobId())).toMatchObject({
      ok: false,
      error: { kind: "rejected" },
    });
    await eventually("the machine is still there", async () => only(await inventoryNow(), "machine").state === "Running");
  });

  test("a domain left Inactive is hidden, which is never taken for deleted", async () => {
    const hidden = emulator.addDomain({ name: "hidden", parent: ci, inactive: true }) as DomainId;
    expect(await reader.findDomain(hidden)).toMatchObject({ ok: false, error: { kind: "unavailable", code: "cloudstack.domain_hidden" } });
  });
});

test("a grant prints without becoming one", () => {
  const approved: Inventory = {
    domainId: randomUUID() as DomainId,
    path: "ROOT/ci/alpha" as DomainPath,
    items: [],
    obstacles: [],
    asOf: 0 as Inventory["asOf"],
  };
  expect(inspect(grantFor(approved))).toContain("ROOT/ci/alpha");
});
