/** Claim: the domains beside one are counted in one list, and the log tells what was removed by hand from what a clean-up took. */
import { addManagedRoot } from "../../demo/keys.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import type { CloudStackReader } from "../../src/cloudstack/read/reader.ts";
import type { DomainId, Instant } from "../../src/core/ids.ts";
import { eventually } from "../support/eventually.ts";
import { botCloud, optionsFor, startToldServer, sendJson, valueOf } from "./support.ts";

let emulator: CloudStackEmulator;
let reader: CloudStackReader;
let [own, beta, ann, machine] = ["", "", "", ""];

beforeEach(async () => {
  emulator = await startCloudStackEmulator({ jobMs: 5 });
  const ci = addManagedRoot(emulator);
  own = emulator.addDomain({ name: "alpha", parent: ci });
  beta = emulator.addDomain({ name: "beta", parent: ci });
  emulator.addMachine({ account: emulator.addAccount({ domain: own, name: "own" }).accountId, name: "ours" });
  ann = emulator.addAccount({ domain: beta, name: "ann" }).accountId;
  machine = emulator.addMachine({ account: ann, name: "m" });
  emulator.addTemplate({ account: ann, name: "t" });
  const below = emulator.addDomain({ name: "below", parent: beta });
  emulator.addVolume({ account: emulator.addAccount({ domain: below, name: "bob" }).accountId, name: "v" });
  emulator.addMachine({
    account: emulator.addAccount({ domain: emulator.addDomain({ name: "elsewhere" }), name: "eve" }).accountId,
    name: "x",
  });
  ({ reader } = botCloud(emulator));
});
afterEach(() => emulator.close());

const neighbours = async () => valueOf(await reader.readNeighbours(own as DomainId)).neighbours;
const api = () => createApi(optionsFor({ url: emulator.url, ...emulator.admin }));

test("only the domains beside it, each with all below it, in one list", async () => {
  expect(await neighbours()).toEqual([{ id: beta, name: "beta", machines: 1, volumes: 2, templates: 1 }]);
  expect(emulator.requests().map((r) => r.command)).toEqual(["listDomains"]);
});

test("what they hold by id, of one or of all, with all below each, without what is destroyed, and CloudStack projects included", async () => {
  const project = emulator.addProject({ account: ann, name: "p" });
  const inProject = emulator.addMachine({ account: project.accountId, name: "pm" });
  const seen = valueOf(await reader.readNeighbours(own as DomainId));
  const idsOf = (held: Readonly<Record<string, readonly { kind: string; id: string }[]>>, kind: string) =>
    held[beta]?.filter((h) => h.kind === kind).map((h) => h.id) ?? [];
  const all = valueOf(await reader.readHoldings(seen, "all"));
  expect(Object.keys(all)).toEqual([beta]);
  expect(idsOf(all, "machine").toSorted()).toEqual([machine, inProject].toSorted());
  expect(idsOf(all, "volume")).toHaveLength(3);
  expect(all[beta]?.filter((h) => h.machineId === machine)).toHaveLength(1);
  expect(valueOf(await reader.readHoldings(seen, [beta]))).toEqual(all);
  valueOf(await api().change("destroyVirtualMachine", { id: machine }));
  await eventually(
    "the machine is held no more",
    async () => !idsOf(valueOf(await reader.readHoldings(seen, [beta])), "machine").includes(machine),
  );
});

test("a machine that its owner destroys is in the log, and counted once", async () => {
  valueOf(await api().change("destroyVirtualMachine", { id: machine }));
  await eventually("the machine is counted no more", async () => (await neighbours())[0]?.machines === 0);
  const found = valueOf(await reader.readRemovals(beta, 0 as Instant));
  expect(found).toMatchObject([{ kind: "machine", id: machine }]);
  expect(valueOf(await reader.readRemovals(beta, (Date.now() + 3600_000) as Instant))).toEqual([]);
});

test("what happened to domains, accounts and users below the managed root is told with its id and its domain; what happened elsewhere is not", async () => {
  valueOf(await api().change("stopVirtualMachine", { id: machine }));
  valueOf(await api().change("disableAccount", { id: ann, lock: "true" }));
  await eventually("it is done", async () => valueOf(await reader.readTouched(0 as Instant)).some((t) => t.resourceId === ann));
  const content = valueOf(await reader.readTouched(0 as Instant)).filter((t) => t.isContent);
  expect(content).toContainEqual(expect.objectContaining({ resourceId: machine, domainId: beta }));
  expect(content.map((t) => t.resourceId)).not.toContain(ann);
  const log = emulator.requests().findLast((r) => r.command === "listEvents");
  expect(log?.params["domainid"]).toBe(valueOf(await reader.readManagedRoot()).id);
  expect(valueOf(await reader.readTouched((Date.now() + 3600_000) as Instant))).toEqual([]);
  const before = emulator.requests().length;
  await reader.readTouched(0 as Instant);
  expect(emulator.requests()).toHaveLength(before + 1);
});

test("what an account's clean-up takes is missing, and the log is silent about it", async () => {
  valueOf(await api().change("deleteAccount", { id: ann }));
  await eventually("all is gone", async () => (await neighbours())[0]?.machines === 0 && (await neighbours())[0]?.templates === 0);
  expect(valueOf(await reader.readRemovals(beta, 0 as Instant))).toEqual([]);
});

test("a server that leaves the totals out is refused: nothing could be seen to vanish", async () => {
  const told = await startToldServer((_form, response) =>
    sendJson(response, 200, {
      listdomainsresponse: {
        count: 3,
        domain: [
          { id: "6f1c9a1e-0000-4000-8000-000000000001", name: "ROOT", level: 0, path: "ROOT" },
          {
            id: "6f1c9a1e-0000-4000-8000-000000000002",
            name: "ci",
            level: 1,
            path: "ROOT/ci",
            parentdomainid: "6f1c9a1e-0000-4000-8000-000000000001",
          },
          {
            id: "6f1c9a1e-0000-4000-8000-000000000003",
            name: "b",
            level: 2,
            path: "ROOT/ci/b",
            parentdomainid: "6f1c9a1e-0000-4000-8000-000000000002",
          },
        ],
      },
    }),
  );
  const blind = await botCloud(told).reader.readNeighbours(own as DomainId);
  await told.close();
  expect(blind).toMatchObject({ ok: false, error: { kind: "contract_broken" } });
});
