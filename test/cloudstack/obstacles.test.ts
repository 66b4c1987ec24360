/** Claim: whatever makes CloudStack refuse to delete a domain without the clean-up is found before anybody is asked, by name, and is a veto. */
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { runJob } from "../../src/cloudstack/api/jobs.ts";
import { createCloudStackReader } from "../../src/cloudstack/read/reader.ts";
import type { DomainId, DomainPath, JobId } from "../../src/core/ids.ts";
import { vetoesOf } from "../../src/deletion/build-view.ts";
import { optionsFor, valueOf } from "./support.ts";

let emulator: CloudStackEmulator;
let options: ReturnType<typeof optionsFor>;
let [ci, alpha, beta, ann] = ["", "", "", ""];

beforeEach(async () => {
  emulator = await startCloudStackEmulator({ jobMs: 5 });
  ci = addManagedRoot(emulator);
  alpha = emulator.addDomain({ name: "alpha", parent: ci });
  beta = emulator.addDomain({ name: "beta", parent: ci });
  ann = emulator.addAccount({ domain: alpha, name: "ann" }).accountId;
  options = optionsFor({ url: emulator.url, ...keysOf(emulator).delete });
});
afterEach(() => emulator.close());

const look = async (more: Partial<typeof options> = {}) =>
  valueOf(await createCloudStackReader({ ...options, ...more }).readInventory(alpha as DomainId, "ROOT/ci/alpha" as DomainPath));
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
  expect(vetoesOf(await look(), [])).toEqual([]);
  make();
  const inventory = await look();
  expect(inventory.obstacles).toContain(sentence);
  expect(vetoesOf(inventory, [])).toContain(sentence);
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
    const read = await createCloudStackReader(options).readInventory(alpha as DomainId, "ROOT/ci/alpha" as DomainPath);
    expect(read.ok).toBe(false);
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
