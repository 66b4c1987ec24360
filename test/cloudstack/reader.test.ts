/** Reads of a whole fleet against the emulator, with every fault it can be given: complete and right, or nothing and the reason. */
import { randomUUID } from "node:crypto";
import { addManagedRoot, keysOf, setUpKeys } from "../../demo/keys.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator, type CloudStackFault } from "../../emulators/cloudstack/server.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { createCloudStackReader, type CloudStackReader } from "../../src/cloudstack/read/reader.ts";
import type { DomainId, DomainPath, ProjectId, Slug } from "../../src/core/ids.ts";
import { isComplete } from "../../src/core/complete-inventory.ts";
import { failure } from "../../src/core/failure.ts";
import { err } from "../../src/core/result.ts";
import { completeObserved } from "../../src/sync/planning/observed.ts";
import { eventually } from "../support/eventually.ts";
import { botCloud, optionsFor, valueOf } from "./support.ts";

let emulator: CloudStackEmulator;
let reader: CloudStackReader;
let ci: string;
const domains: DomainId[] = [];
const server = () => ({ url: emulator.url, ...emulator.admin });
/** The bot's clients, with pages so small that a short list has several. */
const bot = (env: Record<string, string> = {}) => botCloud(emulator, { pageSize: 3, env });

beforeEach(async () => {
  emulator = await startCloudStackEmulator({ port: 0, jobMs: 5 });
  ci = addManagedRoot(emulator);
  domains.length = 0;
  for (let i = 0; i < 7; i += 1) {
    const domain = emulator.addDomain({ name: `p${i}`, parent: ci });
    domains.push(domain as DomainId);
    for (let j = 0; j < 3; j += 1) emulator.addAccount({ domain, name: `a${i}-${j}` });
  }
  ({ reader } = bot());
});
afterEach(() => emulator.close());

describe("a fleet", () => {
  test("is read whole, and can be counted as complete", async () => {
    const report = valueOf(await reader.readFleet({ withLimits: true }));
    expect(report.domains.map((d) => d.id).toSorted()).toEqual(domains.toSorted());
    expect(report.accounts.filter((a) => a.domainId !== ci)).toHaveLength(21);
    expect(report.domains.every((d) => d.limits?.user_vm === -1 && d.depth === 1 && d.path === `ROOT/ci/${d.name}`)).toBe(true);
    expect(completeObserved(report).ok).toBe(true);
  });

  test("asks for pages at least two at a time, each with a page number", async () => {
    await reader.readFleet({ withLimits: false });
    expect(emulator.requests().every((call) => call.params["page"] !== undefined && call.status === 200)).toBe(true);
    expect(emulator.requests().map((call) => call.command)).not.toContain("listUsers");
  });

  test("leaves out a neighbour whose name fits the root's as a pattern", async () => {
    const under = emulator.addDomain({ name: "c_i" });
    const neighbour = emulator.addDomain({ name: "cxi" });
    emulator.addAccount({ domain: emulator.addDomain({ name: "in", parent: neighbour }), name: "stranger" });
    emulator.addAccount({ domain: emulator.addDomain({ name: "own", parent: under }), name: "own" });
    const keys = setUpKeys(emulator, under, "-under").read;
    const own = botCloud({ url: emulator.url, ...keys }, { pageSize: 3, env: { CLOUDSTACK_ROOT_DOMAIN: "ROOT/c_i" } }).reader;
    const report = valueOf(await own.readFleet({ withLimits: false }));
    expect(report.accounts.filter((a) => a.domainId !== under).map((a) => a.name)).toEqual(["own"]);
    expect(report.domains.map((d) => d.path)).toEqual(["ROOT/c_i/own"]);
    expect(completeObserved(report).ok).toBe(true);
  });

  test("shows a domain whose id is no UUID as odd, and drops its accounts", async () => {
    const odd = emulator.addDomain({ name: "odd", parent: ci, id: "not a uuid" });
    emulator.addAccount({ domain: odd, name: "odd-account" });
    const report = valueOf(await reader.readFleet({ withLimits: false }));
    expect(report.nonUuid).toEqual([{ rawId: "not a uuid", path: "ROOT/ci/odd" }]);
    expect(report.accounts.filter((a) => a.domainId !== ci)).toHaveLength(21);
    expect(completeObserved(report).ok).toBe(true);
  });

  test("that changes between the two lists of domains cannot become complete", async () => {
    // Only a client of the test tells of each call as it ends, so that something can happen just then.
    const racing = createCloudStackReader({
      ...optionsFor(server(), { pageSize: 3 }),
      onCall: (call) => {
        if (call.command === "listAccounts" && call.page === 1) emulator.addDomain({ name: "late", parent: ci });
      },
    });
    expect(completeObserved(valueOf(await racing.readFleet({ withLimits: false })))).toMatchObject({
      ok: false,
      error: { kind: "count_mismatch" },
    });
  });

  test.for([
    ["malformed JSON", { kind: "invalid_json", command: "listDomains", page: 2 }, "listDomains, page 2: the answer is not valid JSON"],
    ["a short page", { kind: "short_page", command: "listAccounts", page: 4 }, "listAccounts, page 4: 2 rows where 3 were due"],
    [
      "a count that changes",
      { kind: "count_drift", command: "listAccounts", page: 3 },
      "listAccounts, page 3: the list changed while it was read",
    ],
    ["HTML", { kind: "html", command: "listDomains", page: 1, status: 502 }, "listDomains, page 1: HTTP 502"],
    ["401", { kind: "status", command: "listDomains", page: 1, status: 401 }, "listDomains, page 1: CloudStack answered 401"],
    ["429", { kind: "status", command: "listAccounts", page: 2, status: 429 }, "listAccounts, page 2: CloudStack answered 429"],
    ["503", { kind: "status", command: "listDomains", page: 3, status: 503 }, "listDomains, page 3: CloudStack answered 503"],
    ["a cut", { kind: "cut", command: "listAccounts", page: 2 }, "listAccounts, page 2: the connection ended before the answer"],
    ["an unreachable server", { kind: "unreachable" }, "listDomains, page 1: the connection ended before the answer"],
    ["silence", { kind: "delay", command: "listAccounts", page: 2, ms: 1_500 }, "listAccounts, page 2: no answer within 1000 ms"],
    [
      "trouble in the second list",
      { kind: "invalid_json", command: "listDomains", page: 2, afterCalls: 1 },
      "listDomains, page 2: the answer is not valid JSON",
    ],
  ] as const satisfies readonly (readonly [string, CloudStackFault, string])[])(
    "spoilt by %s is nothing, with the page as the reason",
    async ([, fault, reason]) => {
      emulator.setFaults([fault]);
      const impatient = bot({ CLOUDSTACK_TIMEOUT_SECONDS: "1" }).reader;
      const read = await (fault.kind === "delay" ? impatient : reader).readFleet({ withLimits: false });
      expect(read).toMatchObject({
        ok: false,
        error: { coverage: "partial", root: null, domains: [], accounts: [], nonUuid: [], scope: { kind: "fleet" } },
      });
      expect(read.ok ? "" : read.error.reason).toContain(reason);
    },
  );

  test("a domain whose name breaks the JSON of a page: the reason names the page, and nothing is thrown", async () => {
    emulator.addDomain({ name: String.raw`projekt \u0041`, parent: ci });
    const read = await reader.readFleet({ withLimits: false });
    expect(read).toMatchObject({
      ok: false,
      error: { reason: expect.stringMatching(/^listDomains, page 3: the answer is not valid JSON/) },
    });
  });

  test("a missing root, and a fence that says no, are reasons too", async () => {
    const lost = bot({ CLOUDSTACK_ROOT_DOMAIN: "ROOT/nowhere" }).reader;
    expect(await lost.readFleet({ withLimits: false })).toMatchObject({
      ok: false,
      error: { reason: expect.stringContaining("no domain ROOT/nowhere") },
    });
    // The bot's own reader is never stopped: this is the rule of the client below it.
    const stopped = createCloudStackReader({
      ...optionsFor(server()),
      beforeCall: () => Promise.resolve(err(failure("refused", "stop.pressed", "stopped by Ann"))),
    });
    expect(await stopped.readFleet({ withLimits: false })).toMatchObject({ ok: false, error: { reason: "stopped by Ann" } });
  });

  test("is seen the same by a domain administrator of the managed root", async () => {
    const { keys } = emulator.addAccount({ domain: ci, name: "bot", role: emulator.ids.domainAdminRole, keys: true });
    const own = botCloud({ url: emulator.url, ...keys }, { pageSize: 3 }).reader;
    const report = valueOf(await own.readFleet({ withLimits: false }));
    expect(report.domains).toHaveLength(7);
    expect(report.root.path).toBe("ROOT/ci");
    const probe = valueOf(await own.probe());
    expect(probe.root).toEqual({ id: ci });
    expect(valueOf(await own.readManagedRoot())).toEqual({ id: ci, ancestors: [emulator.ids.rootDomain] });
    const [p0] = domains;
    expect(valueOf(await own.findDomain(p0 as DomainId))).toMatchObject({ path: "ROOT/ci/p0" });
    expect(valueOf(await own.readInventory(p0 as DomainId, "ROOT/ci/p0" as DomainPath)).items).toHaveLength(6);
  });
});

describe("one project", () => {
  const q = (slug: string, domainId: string) => ({ projectId: "p-1" as ProjectId, slug: slug as Slug, domainId: domainId as DomainId });

  test("is partial, even when everything went well", async () => {
    const seen = await reader.readProject(q("p3", domains[3] ?? ""));
    expect(seen).toMatchObject({ coverage: "partial", reason: "narrowed to one project", scope: { kind: "project", projectId: "p-1" } });
    expect(seen.domains.map((d) => d.path)).toEqual(["ROOT/ci/p3"]);
    expect(seen.accounts).toHaveLength(3);
    expect(seen.root?.id).toBe(ci);
  });

  test("shows what stands under its name when its own domain is not there, and nothing of elsewhere", async () => {
    const elsewhere = emulator.addDomain({ name: "p3" });
    expect((await reader.readProject(q("p3", randomUUID()))).domains.map((d) => d.id)).toEqual([domains[3]]);
    expect((await reader.readProject(q("new", randomUUID()))).domains).toEqual([]);
    expect((await reader.readProject(q("new", elsewhere))).domains, "an id outside the root is not ours").toEqual([]);
  });

  test("for people: its domain's state, limits, what is used of them, and its accounts, in two calls", async () => {
    const domain = emulator.addDomain({ name: "counted", parent: ci });
    const { accountId } = emulator.addAccount({ domain, name: "ann" });
    emulator.addVolume({ account: accountId, name: "disk", machine: emulator.addMachine({ account: accountId, name: "vm" }) });
    const before = emulator.requests().length;
    const seen = valueOf(await reader.readDomainNow(domain as DomainId));
    expect(emulator.requests().length - before).toBe(2);
    expect(seen).toMatchObject({ state: "Active", limits: { user_vm: -1, memory: -1 }, used: { user_vm: 1, volume: 2, template: 0 } });
    expect(seen.createdAt).toBeGreaterThan(0);
    expect(seen.accounts.map((a) => [a.name, a.state])).toEqual([["ann", "enabled"]]);
    expect(await reader.readDomainNow(randomUUID() as DomainId)).toMatchObject({ error: { code: "cloudstack.domain_gone" } });
    emulator.setFaults([{ kind: "status", command: "listAccounts", status: 503 }]);
    expect((await reader.readDomainNow(domain as DomainId)).ok).toBe(false);
  });

  test("that cannot be read is nothing, with the reason", async () => {
    emulator.setFaults([{ kind: "status", command: "listAccounts", status: 503 }]);
    const seen = await reader.readProject(q("p3", domains[3] ?? ""));
    expect(seen).toMatchObject({ root: null, domains: [], accounts: [], reason: expect.stringContaining("listAccounts, page 1") });
  });
});

describe("an inventory", () => {
  const p0 = (): DomainId => domains[0] as DomainId;
  const path = "ROOT/ci/p0" as DomainPath;
  const accountOf = (name: string): string => {
    const find = (at: ReturnType<CloudStackEmulator["tree"]>): string | undefined =>
      at.accounts.find((a) => a.name === name)?.id ?? at.children.map(find).find((found) => found !== undefined);
    return find(emulator.tree()) ?? "";
  };

  const asked = (command: string): readonly unknown[] =>
    emulator
      .requests()
      .filter((r) => r.command === command)
      .map((r) => r.params["projectid"]);

  test("names what belongs to CloudStack projects and to child domains, and both as obstacles", async () => {
    const ann = accountOf("a0-0");
    emulator.addMachine({ account: ann, name: "m" });
    const project = emulator.addProject({ account: ann, name: "hidden" });
    emulator.addMachine({ account: project.accountId, name: "pm" });
    const child = emulator.addDomain({ name: "child", parent: p0() });
    emulator.addTemplate({ account: emulator.addAccount({ domain: child, name: "kid" }).accountId, name: "kid's" });
    const inventory = valueOf(await reader.readInventory(p0(), path));
    const named = (kind: string): readonly string[] =>
      inventory.items
        .filter((i) => i.kind === kind)
        .map((i) => i.name)
        .toSorted();
    expect(named("machine")).toEqual(["m", "pm"]);
    expect(named("cloudstack_project")).toEqual(["hidden"]);
    expect(named("child_domain")).toEqual(["child"]);
    expect(named("template")).toEqual(["kid's"]);
    expect(named("account")).toEqual(["a0-0", "a0-1", "a0-2", "kid"]);
    expect(inventory.items.find((i) => i.name === "pm")).toMatchObject({ accountId: null, facts: { projectId: project.projectId } });
    expect(inventory.obstacles.join("\n")).toMatch(/child domain child[^]*CloudStack project hidden/);
  });

  test("leaves out what belongs to a neighbour whose name fits as a pattern", async () => {
    const [under, neighbour] = [emulator.addDomain({ name: "n_1", parent: ci }), emulator.addDomain({ name: "nx1", parent: ci })];
    for (const domain of [under, neighbour]) {
      const account = emulator.addAccount({ domain, name: `of-${domain}` }).accountId;
      emulator.addMachine({ account, name: `m-${domain}` });
      emulator.addTemplate({ account, name: `t-${domain}` });
      emulator.addProject({ account, name: `p-${domain}` });
    }
    const inventory = valueOf(await reader.readInventory(under as DomainId, "ROOT/ci/n_1" as DomainPath));
    expect(inventory.items.filter((i) => ["account", "machine", "template", "cloudstack_project"].includes(i.kind))).toHaveLength(4);
    expect(JSON.stringify(inventory)).not.toContain(neighbour);
    expect(inventory.obstacles.join()).not.toContain("in no list");
  });

  test("asks every list once; once more for all CloudStack projects, and for each, where there is one", async () => {
    const commands = ["listSnapshots", "listTemplates", "listPublicIpAddresses", "listIsos", "listVPCs", "listBackups"];
    await reader.readInventory(p0(), path);
    for (const command of commands) expect(asked(command), command).toEqual([undefined]);
    const { projectId } = emulator.addProject({ account: accountOf("a0-0"), name: "p" });
    await reader.readInventory(p0(), path);
    for (const command of commands) expect(asked(command), command).toEqual([undefined, undefined, "-1", projectId]);
  });

  test("asks for machines, disks and networks that are not for display, with the flag", async () => {
    await reader.readInventory(p0(), path);
    const flags = (command: string, flag: string) =>
      emulator
        .requests()
        .filter((r) => r.command === command)
        .map((r) => r.params[flag]);
    expect(flags("listVirtualMachines", "displayvm")).toEqual([undefined, "false"]);
    expect(flags("listVolumes", "displayvolume")).toEqual([undefined, "false"]);
    expect(flags("listNetworks", "displaynetwork")).toEqual([undefined, "false"]);
  });

  test("has each thing once, sorted, the same for every page size", async () => {
    const ann = accountOf("a0-0");
    for (let i = 0; i < 5; i += 1) emulator.addVolume({ account: ann, name: `v${i}` });
    const small = valueOf(await reader.readInventory(p0(), path));
    const large = valueOf(await botCloud(emulator).reader.readInventory(p0(), path));
    expect({ ...small, asOf: 0 }).toEqual({ ...large, asOf: 0 });
    expect(new Set(small.items.map((i) => `${i.kind} ${i.id}`)).size).toBe(small.items.length);
    expect(Object.keys(small).toSorted()).toEqual(["asOf", "domainId", "items", "obstacles", "path"]);
  });

  test.for([
    "listVirtualMachines",
    "listVolumes",
    "listSnapshots",
    "listTemplates",
    "listNetworks",
    "listPublicIpAddresses",
    "listProjects",
    "listAccounts",
    "listDomainChildren",
  ])("fails as a whole when %s fails", async (command) => {
    for (const kind of ["invalid_json", "html"] as const) {
      emulator.setFaults([{ kind, command }]);
      const read = await reader.readInventory(p0(), path);
      expect(read).toMatchObject({ ok: false, error: { details: { command, page: 1 } } });
    }
    emulator.setFaults([{ kind: "status", command, status: 432 }]);
    expect((await reader.readInventory(p0(), path)).ok).toBe(false);
  });

  test("a plug-in's list that is refused leaves it unproven, and is no obstacle; one that is spoilt is a failure", async () => {
    emulator.setFaults([{ kind: "status", command: "listKubernetesClusters", status: 432 }]);
    expect(valueOf(await reader.readInventory(p0(), path))).toMatchObject({
      obstacles: [],
      unproven: ["this key's role may not send listKubernetesClusters (432), so nobody knows what it would show: allow it in the role"],
    });
    emulator.setFaults([{ kind: "invalid_json", command: "listKubernetesClusters" }]);
    expect((await reader.readInventory(p0(), path)).ok).toBe(false);
  });

  test("a server that says as count how many rows the page has gives nothing, never a part (field 08)", async () => {
    for (let i = 0; i < 7; i += 1) emulator.addTemplate({ account: accountOf("a0-0"), name: `t${i}` });
    emulator.setFaults([{ kind: "page_count", command: "listTemplates" }]);
    expect(await reader.readInventory(p0(), path)).toMatchObject({
      ok: false,
      error: { kind: "contract_broken", details: { command: "listTemplates", page: 2 } },
    });
  });

  test("a plug-in that the server gets later is seen at once, and so is a rule that the role gets", async () => {
    emulator.adjust({ lacks: ["listKubernetesClusters"] });
    const blind = valueOf(await reader.readInventory(p0(), path));
    expect([isComplete(blind), blind.unproven]).toEqual([
      false,
      [expect.stringMatching(/does not know listKubernetesClusters \(401\): .*add kubernetes_cluster to CLOUDSTACK_ABSENT_KINDS/)],
    ]);
    const configured = bot({ CLOUDSTACK_ABSENT_KINDS: "kubernetes_cluster" }).reader;
    expect(isComplete(valueOf(await configured.readInventory(p0(), path)))).toBe(true);
    emulator.adjust({ lacks: [] });
    expect(isComplete(valueOf(await reader.readInventory(p0(), path)))).toBe(true);
  });

  test("totals that are late are asked for again, a few times, and then the inventory is unproven with both numbers", async () => {
    await reader.readInventory(p0(), path);
    emulator.setFaults([{ kind: "stale_totals" }]);
    emulator.addTemplate({ account: accountOf("a0-0"), name: "new" });
    const before = emulator.requests().length;
    const late = valueOf(await reader.readInventory(p0(), path));
    expect(late.unproven).toEqual(["account a0-0: CloudStack counts 0 templates and ISOs, the lists show 1"]);
    const asked = emulator
      .requests()
      .slice(before)
      .filter((r) => r.command === "listAccounts" && r.params["page"] === "1");
    expect(asked).toHaveLength(3);
    emulator.setFaults([]);
    expect(isComplete(valueOf(await reader.readInventory(p0(), path)))).toBe(true);
  });

  test("a child domain that is hidden is an obstacle", async () => {
    const sleeping = emulator.addDomain({ name: "sleeping", parent: p0(), inactive: true });
    emulator.addAccount({ domain: sleeping, name: "keeps-it-there" });
    expect(valueOf(await reader.readInventory(p0(), path)).obstacles).toEqual([
      "account keeps-it-there is in a child domain that is in no list: it is being deleted, or was left Inactive",
    ]);
  });

  test("an error number alone never means gone: a page size that is refused, or any other value", async () => {
    emulator.setFaults([{ kind: "status", command: "listDomains", status: 431 }]);
    expect(await reader.findDomain(p0())).toMatchObject({ ok: false, error: { code: "cloudstack.parameter" } });
    expect(await reader.readInventory(p0(), path)).toMatchObject({ ok: false, error: { code: "cloudstack.parameter" } });
    emulator.setFaults([{ kind: "status", command: "queryAsyncJobResult", status: 431 }]);
    expect(await reader.findJob(randomUUID() as never)).toMatchObject({ ok: false, error: { code: "cloudstack.parameter" } });
  });

  test("of a domain that is gone or moved is stale", async () => {
    expect(await reader.readInventory(randomUUID() as DomainId, path)).toMatchObject({ ok: false, error: { kind: "stale" } });
    expect(await reader.readInventory(p0(), "ROOT/ci/p1" as DomainPath)).toMatchObject({ ok: false, error: { kind: "stale" } });
  });
});

describe("small reads", () => {
  test("a deletion counts as done only when its event is completed without error", async () => {
    const api = createApi(optionsFor({ url: emulator.url, ...keysOf(emulator).delete }));
    const empty = emulator.addDomain({ name: "empty", parent: ci }) as DomainId;
    const full = domains[1] as DomainId;
    for (const id of [full, empty]) valueOf(await api.change("deleteDomain", { id, cleanup: "false" }));
    await eventually("the empty one is deleted", async () => valueOf(await reader.hasDeletionEvent(empty)));
    expect(valueOf(await reader.findDomain(empty))).toBeNull();
    expect(valueOf(await reader.hasDeletionEvent(full))).toBe(false);
    // The event belongs to the deleting account, which lies above the reading one: recording 28.
    const below = botCloud({ url: emulator.url, ...keysOf(emulator).read }).reader;
    expect(valueOf(await below.hasDeletionEvent(empty))).toBe(false);
  });

  test("a page size that the server does not give is found out by the probe", async () => {
    const greedy = botCloud(emulator, { pageSize: 501 }).reader;
    expect(await greedy.probe()).toMatchObject({ ok: false, error: { kind: "refused", code: "cloudstack.page_size" } });
  });
});

describe("a domain by UUID or path, as people write it", () => {
  test.each([
    ["its path", (_: DomainId) => "ROOT/ci/p3"],
    ["its path in capitals", () => "ROOT/CI/P3"],
    ["its UUID", (id: DomainId) => id],
    ["its UUID in capitals", (id: DomainId) => id.toUpperCase()],
  ])("%s finds it", async (_, write) => {
    const id = domains[3] as DomainId;
    expect(valueOf(await reader.findDomainNamed(write(id)))).toEqual({ id, path: "ROOT/ci/p3" });
  });

  test.each(["ROOT/ci/p", "ROOT/ci/p33", "ROOT/p3", "ROOT/ci/*", "ROOT/ci/p_", "6f1c9a1e-0000-4000-8000-00000000000a"])(
    "%s is none",
    async (word) => expect(valueOf(await reader.findDomainNamed(word))).toBeNull(),
  );

  test("the managed root, and ROOT itself", async () => {
    expect(valueOf(await reader.findDomainNamed("ROOT/ci"))?.id).toBe(ci);
    expect(valueOf(await reader.findDomainNamed("ROOT"))?.path).toBe("ROOT");
  });
});
