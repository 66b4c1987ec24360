/** Claim: whatever makes CloudStack refuse to delete a domain without the clean-up is found before anybody is asked, by name, and is a veto. */
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { runJob } from "../../src/cloudstack/api/jobs.ts";
import type { DomainId, DomainPath, JobId } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import type { Asker } from "../../src/core/people.ts";
import { looseLimits } from "../support/small-world.ts";
import { putInForce, testBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { at, openOne, op } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { botCloud, optionsFor, valueOf } from "./support.ts";

let emulator: CloudStackEmulator;
let fresh: FreshDatabase;
let options: ReturnType<typeof optionsFor>;
let [ci, alpha, beta, ann] = ["", "", "", ""];

beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db, looseLimits);
  emulator = await startCloudStackEmulator({ jobMs: 5 });
  ci = addManagedRoot(emulator);
  alpha = emulator.addDomain({ name: "alpha", parent: ci });
  beta = emulator.addDomain({ name: "beta", parent: ci });
  ann = emulator.addAccount({ domain: alpha, name: "ann" }).accountId;
  options = optionsFor({ url: emulator.url, ...keysOf(emulator).delete });
});
afterEach(async () => {
  await emulator.close();
  await fresh.drop();
});

/** The bot at this CloudStack. */
const bot = () =>
  testBot(fresh.db, {
    ...{ reader: botCloud(emulator).reader, now: () => at(20) },
    ci: { readProjectState: async () => ok("closed") },
  });
const read = () => bot().parts.cloud.reader.readInventory(alpha as DomainId, "ROOT/ci/alpha" as DomainPath);
const look = async () => valueOf(await read());
const ada: Asker = { operator: { id: op("ada"), name: "ada", ciUserId: null }, isTeam: true };

/** Lets the bot ask people about the domain; gives why nobody may approve, on the card and after a click on Approve. */
async function ask(): Promise<{ readonly phase: string; readonly vetoes: readonly string[]; readonly click: string }> {
  const { deletions } = bot().services;
  const row = await openOne(fresh.db, { domain: alpha, name: "alpha" });
  await bot().advance(row.id);
  const card = valueOf(await deletions.view(row.id));
  const clicked = await deletions.approve({ deletionId: row.id, version: card.version, digest: card.digest, by: ada, typedName: null });
  return { phase: card.phase, vetoes: card.vetoes, click: clicked.ok ? "approved" : clicked.error.message };
}
const deleteAlpha = () => {
  return runJob(createApi(options), "deleteDomain", { id: alpha, cleanup: "false" }, emulatorJob());
};
const emulatorJob = (): JobId => crypto.randomUUID() as JobId;

test.each<[string, () => unknown, string]>([
  [
    "a zone",
    () => emulator.addDedication({ kind: "zone", name: "z1", domain: alpha }),
    "zone z1 is dedicated to this domain: release it first",
  ],
  [
    "a pod",
    () => emulator.addDedication({ kind: "pod", name: "p1", domain: alpha }),
    "pod p1 is dedicated to this domain: release it first",
  ],
  [
    "a cluster",
    () => emulator.addDedication({ kind: "cluster", name: "c1", domain: alpha }),
    "cluster c1 is dedicated to this domain: release it first",
  ],
  [
    "a host",
    () => emulator.addDedication({ kind: "host", name: "h1", domain: alpha }),
    "host h1 is dedicated to this domain: release it first",
  ],
  [
    "an account's host",
    () => emulator.addDedication({ kind: "host", name: "h2", domain: alpha, account: ann }),
    "host h2 is dedicated to an account of it: release it first",
  ],
  [
    "a shared network",
    () => emulator.addSharedNetwork({ domain: alpha, name: "lan" }),
    "shared network lan: its owner has to remove it first",
  ],
  [
    "a Kubernetes cluster",
    () => emulator.addKubernetesCluster({ account: ann, name: "k" }),
    "Kubernetes cluster k: it has to be deleted first",
  ],
  [
    "a Kubernetes cluster of a CloudStack project",
    () => emulator.addKubernetesCluster({ account: emulator.addProject({ account: ann, name: "p" }).accountId, name: "k" }),
    "Kubernetes cluster k: it has to be deleted first",
  ],
  [
    "a CloudStack project",
    () => emulator.addProject({ account: ann, name: "p" }),
    "CloudStack project p: its owner has to delete it first",
  ],
  [
    "a child domain",
    () => emulator.addDomain({ name: "below", parent: alpha }),
    "child domain below: it has to be deleted first, with an approval of its own",
  ],
  [
    "a child domain's host",
    () => emulator.addDedication({ kind: "host", name: "h3", domain: emulator.addDomain({ name: "below", parent: alpha }) }),
    "host h3 is dedicated to this domain: release it first",
  ],
])("%s is an obstacle by name, and keeps the Approve button away", async (_what, make, sentence) => {
  make();
  const asked = await ask();
  expect(asked.phase).toBe("proposed");
  expect(asked.vetoes).toContain(sentence);
  expect(asked.click).toBe(`It cannot be approved now: ${asked.vetoes[0]}`);
});

test("without an obstacle a click on Approve counts", async () => {
  expect(await ask()).toEqual({ phase: "proposed", vetoes: [], click: "approved" });
});

test("what is a neighbour's is no obstacle", async () => {
  const bob = emulator.addAccount({ domain: beta, name: "bob" }).accountId;
  emulator.addDedication({ kind: "host", name: "h", domain: beta });
  emulator.addSharedNetwork({ domain: beta, name: "lan" });
  emulator.addSharedNetwork({ domain: ci, name: "above" });
  emulator.addKubernetesCluster({ account: bob, name: "k" });
  emulator.addProject({ account: bob, name: "p" });
  expect((await look()).obstacles).toEqual([]);
});

test.each(["listDedicatedHosts", "listNetworks", "listKubernetesClusters", "listProjects"])(
  "when %s cannot be read to its end, nothing is known and nobody is asked",
  async (command) => {
    emulator.addDedication({ kind: "host", name: "h", domain: alpha });
    emulator.addKubernetesCluster({ account: ann, name: "k" });
    emulator.addSharedNetwork({ domain: alpha, name: "lan" });
    emulator.addProject({ account: ann, name: "p" });
    emulator.setFaults([{ kind: "short_page", command }]);
    expect((await read()).ok).toBe(false);
    expect(await ask()).toMatchObject({ phase: "archiving" });
  },
);

test("CloudStack refuses for each of them, and the domain is there as before", async () => {
  const api = createApi(options);
  valueOf(await runJob(api, "deleteAccount", { id: ann }, emulatorJob()));
  const network = emulator.addSharedNetwork({ domain: alpha, name: "lan" });
  emulator.addDedication({ kind: "host", name: "h", domain: alpha });
  const refused = (text: string) => ({ ok: false, error: { kind: "rejected", message: expect.stringContaining(text) } });
  expect(await deleteAlpha()).toMatchObject(refused("1 non-removed networks"));
  valueOf(await runJob(api, "deleteNetwork", { id: network }, emulatorJob()));
  expect(await deleteAlpha()).toMatchObject(refused("it has dedicated resources."));
  expect((await look()).obstacles).toEqual(["host h is dedicated to this domain: release it first"]);
});

test("a domain that somebody deleted by hand has no jobs to wait for, and reads as gone", async () => {
  const { reader } = bot().parts.cloud;
  expect(valueOf(await reader.readRunningJobs(alpha as DomainId))).toEqual([]);
  await deleteAlpha();
  await runJob(createApi(options), "deleteAccount", { id: ann }, emulatorJob());
  await deleteAlpha();
  expect(valueOf(await reader.readRunningJobs(alpha as DomainId))).toEqual([]);
  const gone = await read();
  expect(gone.ok ? gone.value : gone.error.code).toBe("cloudstack.domain_gone");
});
