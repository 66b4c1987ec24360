/**
 * Claim: what keeps a domain from being deleted, and is in none of its own lists, is on the card before anybody approves, and is looked for
 * again before anything is destroyed; what goes along without a copy is named on the card, as far as the key may ask. Field 03, 04; M7.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { renderCard } from "../../src/bot/render/card.ts";
import { alongLists, deleteLists, readCommands } from "../../src/cloudstack/api/needs.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { approveReal, changeByHand, expectVeto, realCloud, type RealCloud, type RealCloudOptions } from "../support/real-cloud.ts";

let fresh: FreshDatabase;
let cloud: RealCloud | undefined;
beforeAll(async () => void (fresh = await freshDatabase()));
beforeEach(() => resetDatabase(fresh.db));
afterEach(() => cloud?.emulator.close());
afterAll(() => fresh.drop());

const world = async (fill: (c: RealCloud) => void, o: RealCloudOptions = {}): Promise<RealCloud> =>
  (cloud = await realCloud(fresh.db, fill, o));
const usual = (c: RealCloud): string => {
  c.emulator.addMachine({ account: c.ann, name: "m", stopped: true });
  return c.emulator.addTemplate({ account: c.ann, name: "golden", isPublic: true });
};
/** Takes the right to one command away from the deleting key, by which a deletion reads. */
const forbid = (c: RealCloud, command: string): void => c.emulator.forbid({ role: c.emulator.findRole("Twokey delete") ?? "", command });
const cardText = async (c: RealCloud): Promise<string> => JSON.stringify(renderCard(await c.view(), "test").blocks);

describe("what others use (field 03)", () => {
  test("a template that a neighbour's machine was made from is named with the machine, until that is gone", async () => {
    let theirs = "";
    const c = await world((made) => {
      theirs = made.emulator.addMachine({ account: made.bob, name: "beta-worker", template: usual(made) });
    });
    await expectVeto(c, "template golden is used by a machine outside this domain: beta-worker (bob in ROOT/ci/beta)");
    await changeByHand(c, "destroyVirtualMachine", { id: theirs, expunge: "true" });
    await c.advance();
    expect((await c.view()).vetoes).toEqual([]);
    await approveReal(c);
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
  });

  test("so is one that is not for display", async () => {
    const hidden = { name: "hid", hidden: true, stopped: true };
    const c = await world((made) => void made.emulator.addMachine({ account: made.bob, ...hidden, template: usual(made) }));
    await expectVeto(c, "template golden is used by a machine outside this domain: hid (bob in ROOT/ci/beta)");
  });

  test("so is an ISO in the drive of a neighbour's machine", async () => {
    const c = await world((made) => {
      const machine = made.emulator.addMachine({ account: made.bob, name: "beta-worker" });
      made.emulator.addIso({ account: made.ann, name: "installer", machine });
    });
    await expectVeto(c, "iso installer is used by a machine outside this domain: beta-worker");
  });

  test("the domain's own machines are no others", async () => {
    const c = await world((made) => {
      made.emulator.addMachine({ account: made.ann, name: "own", stopped: true, template: usual(made) });
    });
    await approveReal(c);
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
  });

  test("a machine that is made from it after the approval keeps everything: nothing is destroyed, people are asked again", async () => {
    let template = "";
    const c = await world((made) => void (template = usual(made)));
    await approveReal(c);
    expect(await c.until(["grace"])).toBe("grace");
    c.emulator.addMachine({ account: c.bob, name: "late-worker", template });
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("closed");
    expect((await c.row()).closed_because).toBe("changed");
    const events = await fresh.db.many(z.object({ data: z.unknown() }), "select data from deletion_event");
    expect(JSON.stringify(events)).toContain("template golden is used by a machine outside this domain: late-worker");
    expect(c.sent("destroyVirtualMachine")).toBe(0);
  });
});

test("a template that becomes ready in another zone too is the same template (field 04)", async () => {
  const zone = { id: "00000000-0000-4000-8000-0000000000aa", name: "vmware", isReady: false };
  const c = await world((made) => void made.emulator.addTemplate({ account: made.ann, name: "two-zones", otherZones: [zone] }));
  expect(await c.until(["proposed"])).toBe("proposed");
  const { digest, id } = await c.row();
  expect((await c.view()).vetoes).toEqual([]);
  zone.isReady = true;
  await c.advance();
  expect(await c.row()).toMatchObject({ id, digest, phase: "proposed" });
  await approveReal(c);
  expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
});

describe("what keeps machines alive", () => {
  test.each<[string, (c: RealCloud) => unknown, string]>([
    [
      "an autoscale group without a machine",
      (c) => c.emulator.addThing({ account: c.ann, kind: "autoscale_group", name: "web" }),
      "autoscale group web: it has to be deleted first",
    ],
    [
      "a machine of an autoscale group",
      (c) => c.emulator.addMachine({ account: c.ann, name: "w1", stopped: true, autoscaleGroup: "web" }),
      "machine w1 is in the autoscale group web",
    ],
    [
      "a shared file system",
      (c) => c.emulator.addThing({ account: c.ann, kind: "shared_file_system", name: "home" }),
      "shared file system home: it has to be deleted first",
    ],
    [
      "a machine that serves one",
      (c) => c.emulator.addMachine({ account: c.ann, name: "nfs", stopped: true, servesFiles: true }),
      "machine nfs serves a shared file system",
    ],
    [
      "a protected machine",
      (c) => c.emulator.addMachine({ account: c.ann, name: "kept", stopped: true, deleteProtection: true }),
      "machine kept is protected from deletion",
    ],
    [
      "a protected disk",
      (c) => c.emulator.addVolume({ account: c.ann, name: "kept", deleteProtection: true }),
      "volume kept is protected from deletion",
    ],
    ["a VPC", (c) => c.emulator.addVpc({ account: c.ann, name: "cloud" }), "VPC cloud: it has to be deleted first"],
  ])("%s keeps the button away", async (_what, make, words) => {
    await expectVeto(await world((c) => (usual(c), void make(c))), words);
  });

  test.each(["listAutoScaleVmGroups", "listSharedFileSystems", "listAsyncJobs"])("so does a role that may not send %s", async (command) => {
    await expectVeto(await world((c) => (usual(c), forbid(c, command))), `may not send ${command} (432)`);
  });

  test("a server without shared file systems says so by configuration only", async () => {
    const lacks = ["listSharedFileSystems"];
    await expectVeto(await world((c) => void usual(c), { emulator: { lacks } }), "add shared_file_system to CLOUDSTACK_ABSENT_KINDS");
    await cloud?.emulator.close();
    await resetDatabase(fresh.db);
    const c = await world((made) => void usual(made), { emulator: { lacks }, env: { CLOUDSTACK_ABSENT_KINDS: "shared_file_system" } });
    expect(await c.until(["proposed"])).toBe("proposed");
    expect((await c.view()).vetoes).toEqual([]);
  });
});

describe("what goes along without a copy (M7)", () => {
  const small = (c: RealCloud): void => {
    usual(c);
    const add = (kind: Parameters<RealCloud["emulator"]["addThing"]>[0]["kind"], name: string, fields = {}) =>
      c.emulator.addThing({ account: c.ann, kind, name, fields });
    for (const name of ["laptop", "build"]) add("key_pair", name);
    add("affinity_group", "apart");
    add("security_group", "default");
    add("vpn_user", "v", { username: "vic" });
    add("certificate", "www");
    add("service_offering", "ours only", { domainid: c.domain });
    add("network_offering", "shared with beta", { domainid: `${c.domain},${c.beta}` });
    c.emulator.addThing({ account: c.bob, kind: "key_pair", name: "not-ours" });
  };

  test("is named on the card by kind and name, and what is not ours is not", async () => {
    const c = await world(small);
    expect(await c.until(["proposed"])).toBe("proposed");
    expect((await c.view()).alsoTaken).toEqual([
      { what: "key pair", names: ["build", "laptop"] },
      { what: "affinity group", names: ["apart"] },
      { what: "VPN user", names: ["v"] },
      { what: "certificate", names: ["www"] },
      { what: "service offering", names: ["ours only"] },
    ]);
    expect(await cardText(c)).toContain(
      "*Also removed, without a copy:* 2 key pairs (`build`, `laptop`), 1 affinity group (`apart`), 1 VPN user",
    );
  });

  test("is asked for once, when the card is made; a key pair made later does not ask people again", async () => {
    const c = await world(small);
    await approveReal(c);
    const asked = c.sent("listSSHKeyPairs");
    c.emulator.addThing({ account: c.ann, kind: "key_pair", name: "late" });
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
    expect([asked, c.sent("listSSHKeyPairs")]).toEqual([1, 1]);
  });

  test("is not known where the key may not ask, and the card says so; that keeps no button away", async () => {
    const c = await world((made) => {
      small(made);
      for (const command of ["listSSHKeyPairs", "listSslCerts"]) forbid(made, command);
    });
    expect(await c.until(["proposed"])).toBe("proposed");
    const view = await c.view();
    expect(view.vetoes).toEqual([]);
    expect(view.alsoTaken.filter((one) => one.names === null).map((one) => one.what)).toEqual(["key pair", "certificate"]);
    expect(await cardText(c)).toContain("Not known, since the deleting key may not ask: key pairs, certificates.");
  });

  test("the lists that only name are none that a deletion needs", () => {
    const needed: readonly string[] = [...readCommands, ...deleteLists];
    expect(alongLists.filter((command) => needed.includes(command))).toEqual([]);
  });
});
