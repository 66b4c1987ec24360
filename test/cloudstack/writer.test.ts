/** Changes are proved by looking, asked for again without harm, and stay below the managed root; lost answers are never guessed at. */
import { randomUUID } from "node:crypto";
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { memberRole } from "../../src/cloudstack/api/wanted-roles.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { createCloudStackReader } from "../../src/cloudstack/read/reader.ts";
import { createCloudStackRestorer } from "../../src/cloudstack/write/restorer.ts";
import { createCloudStackWriter, type CloudStackWriter } from "../../src/cloudstack/write/writer.ts";
import type { AccountId, DomainId, JobId, UserId } from "../../src/core/ids.ts";
import type { ObservedReport } from "../../src/sync/planning/observed.ts";
import { optionsFor, sendJson, startToldServer, valueOf } from "./support.ts";

const uuid = <T extends string>(): T => randomUUID() as string as T;
const person = { username: "ann", email: "ann@example.org", firstName: "Ann", lastName: "Lee" };
const done = { ok: true, value: undefined };

let emulator: CloudStackEmulator;
let options: ReturnType<typeof optionsFor>;
let writer: CloudStackWriter;
let ci: DomainId;
beforeEach(async () => {
  emulator = await startCloudStackEmulator({ port: 0, jobMs: 5 });
  ci = addManagedRoot(emulator) as DomainId;
  options = optionsFor({ url: emulator.url, ...keysOf(emulator).write });
  writer = createCloudStackWriter(options);
});
afterEach(() => emulator.close());

/** The fleet, without our own accounts in the managed root. */
const fleet = async (): Promise<ObservedReport> => {
  const reader = createCloudStackReader(optionsFor({ url: emulator.url, ...keysOf(emulator).read }));
  const report = valueOf(await reader.readFleet({ withLimits: true }));
  return { ...report, accounts: report.accounts.filter((a) => a.domainId !== ci) };
};
const sent = (): readonly string[] =>
  emulator
    .requests()
    .map((r) => r.command)
    .filter((name) => !/^(list|queryAsync)/.test(name));

describe("outside the managed root", () => {
  test("no domain is made, neither under ROOT nor under another domain", async () => {
    const other = emulator.addDomain({ name: "other" });
    const inner = emulator.addDomain({ name: "inner", parent: ci });
    for (const parentId of [emulator.ids.rootDomain, other, inner, randomUUID()]) {
      expect(await writer.createDomain({ id: uuid<DomainId>(), name: "alpha", parentId: parentId as DomainId })).toMatchObject({
        ok: false,
        error: { kind: "refused" },
      });
    }
    expect(sent()).toEqual([]);
  });

  test("no account is made, changed, locked or unlocked, and no limit set, the managed root's own included", async () => {
    const other = emulator.addDomain({ name: "other" });
    // Whatever the key may do: the root administrator's could.
    const mighty = createCloudStackWriter(optionsFor({ url: emulator.url, ...emulator.admin }));
    for (const domain of [other, ci, emulator.ids.rootDomain]) {
      const domainId = domain as DomainId;
      const made = emulator.addAccount({ domain, name: `in-${domain.slice(0, 4)}` });
      const [accountId, userId] = [made.accountId as AccountId, made.userId as UserId];
      const results = [
        await mighty.createAccount({ id: uuid<AccountId>(), userId: uuid<UserId>(), domainId, person, role: memberRole }),
        await mighty.createUser({ id: uuid<UserId>(), accountId, person }),
        await mighty.updateUser({ userId, accountId, to: person }),
        await mighty.setRole({ accountId, role: memberRole }),
        await mighty.lockAccount({ accountId, jobId: uuid<JobId>() }),
        await mighty.unlockAccount(accountId),
        await mighty.setLimit({ domainId, type: "cpu", max: 1 }),
        await createCloudStackRestorer(optionsFor({ url: emulator.url, ...keysOf(emulator).delete })).enableAccount(accountId),
      ];
      for (const result of results)
        expect(result).toMatchObject({ ok: false, error: { kind: "refused", code: "cloudstack.outside_root" } });
    }
    expect(sent()).toEqual([]);
  });

  test("no machine is recovered or started", async () => {
    const bob = emulator.addAccount({ domain: emulator.addDomain({ name: "other" }), name: "bob" }).accountId;
    const machine = emulator.addMachine({ account: bob, name: "m", stopped: true });
    const restorer = createCloudStackRestorer(optionsFor({ url: emulator.url, ...keysOf(emulator).delete }));
    expect(await restorer.recoverMachine(machine)).toMatchObject({ ok: false, error: { code: "cloudstack.outside_root" } });
    expect(await restorer.startMachine(machine, uuid<JobId>())).toMatchObject({ ok: false, error: { code: "cloudstack.outside_root" } });
    expect(await restorer.startMachine("5", uuid<JobId>())).toMatchObject({ ok: false, error: { kind: "refused" } });
    expect(await restorer.recoverMachine(randomUUID())).toMatchObject({ ok: false, error: { code: "cloudstack.machine_gone" } });
    expect(sent()).toEqual([]);
  });

  test.for(["a/b", "a_b", "a%", "a b", String.raw`a\u0041`, "", "x".repeat(64), "ä", "a.b"])(
    "the name %j is refused before anything is sent",
    async (name) => {
      expect(await writer.createDomain({ id: uuid<DomainId>(), name, parentId: ci })).toMatchObject({
        ok: false,
        error: { kind: "refused" },
      });
      expect(emulator.requests()).toEqual([]);
    },
  );
});

describe("an answer that is lost", () => {
  test.for(["lost_after", "cut", "invalid_json"] as const)("after the effect (%s) is found out by looking", async (kind) => {
    const [id, accountId, userId, second] = [uuid<DomainId>(), uuid<AccountId>(), uuid<UserId>(), uuid<UserId>()];
    const to = { ...person, email: "new@example.org" };
    emulator.addRole({ name: "CI Owner", type: "User", rules: ["allow listDomains", "deny *"] });
    for (const [command, change] of [
      ["createDomain", () => writer.createDomain({ id, name: "alpha", parentId: ci })],
      ["createAccount", () => writer.createAccount({ id: accountId, userId, domainId: id, person, role: memberRole })],
      ["createUser", () => writer.createUser({ id: second, accountId, person: { ...person, username: "second" } })],
      ["updateUser", () => writer.updateUser({ userId, accountId, to })],
      ["updateResourceLimit", () => writer.setLimit({ domainId: id, type: "memory", max: 4096 })],
      ["updateAccount", () => writer.setRole({ accountId, role: "CI Owner" })],
      ["disableAccount", () => writer.lockAccount({ accountId, jobId: uuid<JobId>() })],
      ["enableAccount", () => writer.unlockAccount(accountId)],
    ] as const) {
      emulator.setFaults([{ kind, command, times: 1 }]);
      expect(await change(), command).toEqual(done);
    }
    expect(new Set(sent()).size).toBe(sent().length);
    expect(await fleet()).toMatchObject({
      domains: [{ path: "ROOT/ci/alpha", limits: { memory: 4096 } }],
      accounts: [{ state: "enabled", roleName: "CI Owner", users: [{ email: "new@example.org" }, { username: "second" }] }],
    });
  });

  test("before the effect stays open: nothing is there, and nobody claims that nothing will be", async () => {
    emulator.setFaults([{ kind: "lost_before", command: "createDomain" }]);
    expect(await writer.createDomain({ id: uuid<DomainId>(), name: "alpha", parentId: ci })).toMatchObject({
      ok: false,
      error: { kind: "indeterminate" },
    });
    expect((await fleet()).domains).toEqual([]);
  });

  test("a change that was made but cannot be looked at is open too", async () => {
    const id = uuid<DomainId>();
    await writer.createDomain({ id, name: "warm-up", parentId: ci });
    emulator.setFaults([{ kind: "html", command: "listDomains" }]);
    const result = await writer.createDomain({ id: uuid<DomainId>(), name: "alpha", parentId: ci });
    expect(result).toMatchObject({ ok: false, error: { kind: "indeterminate", code: "cloudstack.unconfirmed" } });
  });
});

test("a limit is set and read back where CloudStack lists a further one for each tag of hosts and disks, with the same type", async () => {
  const id = uuid<DomainId>();
  await writer.createDomain({ id, name: "alpha", parentId: ci });
  const root = createApi(optionsFor({ url: emulator.url, ...emulator.admin }));
  for (const name of ["resource.limit.host.tags", "resource.limit.storage.tags"])
    valueOf(await root.change("updateConfiguration", { name, value: "gpu,fast" }));
  for (const type of ["user_vm", "cpu", "memory", "volume", "primary_storage", "network"] as const)
    expect(await writer.setLimit({ domainId: id, type, max: 7 }), type).toEqual(done);
  expect((await fleet()).domains).toMatchObject([{ limits: { user_vm: 7, primary_storage: 7 } }]);
});

describe("what CloudStack did differently", () => {
  test("a domain that it accepted but put elsewhere is for a person to look at", async () => {
    // A server that takes every create and forgets the parent, as CloudStack does with a parameter it does not know.
    const id = randomUUID();
    const row = (name: string, level: number, of: string, parent?: string) => ({
      id: of,
      name,
      level,
      path: name,
      ...(parent === undefined ? {} : { parentdomainid: parent }),
    });
    const [root, managed] = [randomUUID(), randomUUID()];
    const known = new Map([
      [root, row("ROOT", 0, root)],
      [managed, row("ci", 1, managed, root)],
      [id, row("alpha", 1, id, root)],
    ]);
    const server = await startToldServer((form, response) => {
      if (form.get("command") === "createDomain") return sendJson(response, 200, { createdomainresponse: { domain: known.get(id) } });
      const found = [...known.values()].filter((d) => (form.has("id") ? d.id === form.get("id") : d.name === form.get("name")));
      sendJson(response, 200, { listdomainsresponse: { count: found.length, domain: found } });
    });
    const result = await createCloudStackWriter(optionsFor(server)).createDomain({
      id: id as DomainId,
      name: "alpha",
      parentId: managed as DomainId,
    });
    await server.close();
    expect(result).toMatchObject({
      ok: false,
      error: { kind: "stuck", code: "cloudstack.not_as_wanted", remedy: expect.stringContaining("ROOT") },
    });
  });

  test("an id that is taken by something else is a refusal, not success", async () => {
    const id = uuid<DomainId>();
    expect(await writer.createDomain({ id, name: "alpha", parentId: ci })).toEqual(done);
    expect(await writer.createDomain({ id, name: "beta", parentId: ci })).toMatchObject({ ok: false, error: { kind: "rejected" } });
    const account = { id: uuid<AccountId>(), userId: uuid<UserId>(), domainId: id, person, role: memberRole };
    expect(await writer.createAccount(account)).toEqual(done);
    const beta = uuid<DomainId>();
    await writer.createDomain({ id: beta, name: "beta", parentId: ci });
    expect(
      await writer.createAccount({ ...account, domainId: beta, userId: uuid<UserId>(), person: { ...person, username: "bob" } }),
    ).toMatchObject({ ok: false });
  });

  test("a member whose user is gone is told apart from one who changed", async () => {
    const alpha = emulator.addDomain({ name: "alpha", parent: ci });
    const { accountId } = emulator.addAccount({ domain: alpha, name: "ann" });
    const result = await writer.updateUser({ userId: uuid<UserId>(), accountId: accountId as AccountId, to: person });
    expect(result).toMatchObject({ ok: false, error: { kind: "stale", code: "cloudstack.user_gone" } });
  });
});

describe("a role that the writer cannot hand out", () => {
  test("is refused before anything is sent, with the reason and what to do", async () => {
    const id = uuid<DomainId>();
    await writer.createDomain({ id, name: "alpha", parentId: ci });
    for (let i = 0; i < 3; i++) {
      expect(
        await writer.createAccount({ id: uuid<AccountId>(), userId: uuid<UserId>(), domainId: id, person, role: "User" }),
      ).toMatchObject({
        ok: false,
        error: {
          kind: "refused",
          code: "cloudstack.no_role",
          message: 'CloudStack shows this key no role "User": there is none, or it may do something that this key may not',
          remedy: expect.stringContaining('ends in "deny *"'),
        },
      });
    }
    expect(sent()).toEqual(["createDomain"]);
    expect(
      options.calls.filter((call) => call.command === "listRoles"),
      "one pass asks once",
    ).toHaveLength(1);
  });

  test("is refused by CloudStack where it has no deny * at its end, and that is told as it is", async () => {
    const id = uuid<DomainId>();
    await writer.createDomain({ id, name: "alpha", parentId: ci });
    emulator.addRole({ name: "Loose", type: "User", rules: ["allow listDomains"] });
    const account = { id: uuid<AccountId>(), userId: uuid<UserId>(), domainId: id, person, role: "Loose" };
    expect(await writer.createAccount(account)).toMatchObject({
      ok: false,
      error: { code: "cloudstack.more_rights", remedy: expect.stringContaining('"deny *"') },
    });
    expect((await fleet()).accounts).toEqual([]);
  });

  test("an account that may do more is changed by nobody but the deleting key's restorer", async () => {
    const alpha = emulator.addDomain({ name: "alpha", parent: ci });
    const made = emulator.addAccount({ domain: alpha, name: "boss", role: emulator.ids.domainAdminRole, state: "disabled" });
    const accountId = made.accountId as AccountId;
    const refused = { ok: false, error: { code: "cloudstack.more_rights" } };
    expect(await writer.unlockAccount(accountId)).toMatchObject(refused);
    expect(await writer.updateUser({ userId: made.userId as UserId, accountId, to: person })).toMatchObject(refused);
    const restorer = createCloudStackRestorer(optionsFor({ url: emulator.url, ...keysOf(emulator).delete }));
    expect(await restorer.enableAccount(accountId)).toEqual(done);
  });
});

test("nobody learns a password, and no two are the same", async () => {
  const id = uuid<DomainId>();
  await writer.createDomain({ id, name: "alpha", parentId: ci });
  const made: string[] = [];
  const watching = createCloudStackWriter({ ...options, newId: () => (made.push(randomUUID()), made.at(-1) ?? "") });
  for (const username of ["ann", "bob"]) {
    expect(
      await watching.createAccount({
        id: uuid<AccountId>(),
        userId: uuid<UserId>(),
        domainId: id,
        person: { ...person, username },
        role: memberRole,
      }),
    ).toEqual(done);
  }
  expect(new Set(made).size).toBe(4);
  expect(JSON.stringify([options.calls, emulator.requests()])).not.toContain(made[0]);
});
