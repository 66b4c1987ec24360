/**
 * Claims: what is not for display is on the card, and is given back like everything else; where a key cannot see it, nobody can approve. Who
 * keeps a template from being deleted, or a machine alive, counts until the first thing is lost. Cases C2, C4, C6, H9, field 01 and 03.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { optionsFor, valueOf } from "../cloudstack/support.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { approveReal, realCloud, type RealCloud, type RealCloudOptions } from "../support/real-cloud.ts";
import { op } from "../support/deletions.ts";
import { recordStop } from "../../src/store/stop-switch.ts";

let fresh: FreshDatabase;
let cloud: RealCloud | undefined;
beforeAll(async () => void (fresh = await freshDatabase()));
beforeEach(() => resetDatabase(fresh.db));
afterEach(() => cloud?.emulator.close());
afterAll(() => fresh.drop());

const HOUR = 3_600_000;
const world = async (fill: (c: RealCloud) => unknown, o: RealCloudOptions = {}): Promise<RealCloud> =>
  (cloud = await realCloud(fresh.db, (c) => void fill(c), o));

/** Approved, and at the point where CloudStack still keeps the destroyed machines. */
async function expungingWorld(fill: (c: RealCloud) => unknown): Promise<RealCloud> {
  const c = await world(fill);
  await approveReal(c);
  expect(await c.until(["expunging"])).toBe("expunging");
  return c;
}
async function restore(c: RealCloud): Promise<void> {
  const { version, digest, id } = await c.row();
  const by = { operator: { id: op("ada"), name: "ada", ciUserId: null }, isTeam: true };
  valueOf(await c.bot.services.deletions.restore({ deletionId: id as never, version, digest, by }));
  expect(await c.until(["closed"], 30)).toBe("closed");
}
/** Lets time pass in large steps until it ended. */
async function end(c: RealCloud): Promise<string> {
  for (let i = 0; i < 100 && !["deleted", "frozen", "closed"].includes((await c.row()).phase); i += 1) {
    await c.advance();
    c.w.now += 4 * HOUR;
  }
  return (await c.row()).phase;
}

describe("what is not for display is on the card", () => {
  test("a layer 2 network, which is in no total either", async () => {
    const c = await world(({ emulator, ann }) => emulator.addNetwork({ account: ann, name: "hidden-l2", layer2: true, hidden: true }));
    expect(await c.until(["proposed"])).toBe("proposed");
    expect((await c.view()).blast?.counts.network).toBe(1);
  });

  test("a key whose flag CloudStack ignores sees no more than others: nobody can approve", async () => {
    const c = await world(({ emulator, ann }) => emulator.addMachine({ account: ann, name: "m", stopped: true }), {
      readRules: ["allow *"],
      readType: "DomainAdmin",
    });
    expect(await c.until(["proposed"])).toBe("proposed");
    expect((await c.view()).vetoes.join()).toContain("CloudStack ignores displayvolume of listVolumes to this key");
  });
});

describe("what is not for display is given back", () => {
  const machine = ({ emulator, ann }: RealCloud) => emulator.addMachine({ account: ann, name: "hid", hidden: true, stopped: true });

  test("a machine, by Restore", async () => {
    const c = await expungingWorld(machine);
    await restore(c);
    expect((await c.row()).activity).toBe("everything is back as it was");
    expect(c.sent("recoverVirtualMachine")).toBe(1);
  });

  test("a machine, by a stop", async () => {
    const c = await expungingWorld(machine);
    await recordStop(fresh.db, { at: c.w.now, kind: "stop", byOperator: "ci:ada", reason: "wait" });
    await c.advance();
    expect(c.sent("recoverVirtualMachine")).toBe(1);
  });

  test("a disk, on its machine", async () => {
    const c = await expungingWorld(({ emulator, ann }) => {
      const on = emulator.addMachine({ account: ann, name: "m", stopped: true });
      emulator.addVolume({ account: ann, name: "hidden-disk", hidden: true, machine: on });
    });
    await restore(c);
    expect((await c.row()).activity).toBe("everything is back as it was");
    expect(c.sent("attachVolume")).toBe(1);
  });

  test("a machine that an administrator hid after the approval", async () => {
    let id = "";
    const c = await expungingWorld(({ emulator, ann }) => (id = emulator.addMachine({ account: ann, name: "m", stopped: true })));
    const api = createApi(optionsFor({ url: c.emulator.url, ...c.emulator.admin }));
    valueOf(await api.change("updateVirtualMachine", { id, displayvm: "false" }));
    await restore(c);
    expect(c.sent("recoverVirtualMachine")).toBe(1);
  });
});

describe("an obstacle that begins after the approval gives everything back", () => {
  test.each(["autoscale_group", "shared_file_system"] as const)("a %s of its owner's, without a machine yet", async (kind) => {
    const c = await world(({ emulator, ann }) => emulator.addMachine({ account: ann, name: "m", stopped: true }));
    await approveReal(c);
    c.emulator.addThing({ account: c.ann, kind, name: "late" });
    expect(await end(c)).toBe("closed");
    expect(c.sent("disableAccount")).toBe(0);
  });

  test.each([
    ["grace", { hidden: true }],
    ["grace", {}],
    ["expunging", { hidden: true }],
    ["expunging", {}],
  ] as const)("a neighbour's machine made of its template in %s: %o", async (phase, how) => {
    let template = "";
    const c = await world(({ emulator, ann }) => {
      emulator.addMachine({ account: ann, name: "m", stopped: true });
      template = emulator.addTemplate({ account: ann, name: "golden", isPublic: true });
    });
    await approveReal(c);
    expect(await c.until([phase])).toBe(phase);
    c.emulator.addMachine({ account: c.bob, name: "late-worker", template, stopped: true, ...how });
    // CloudStack keeps destroyed machines for a day here: a few hours pass at a look.
    expect(await end(c)).toBe("closed");
    expect((await c.row()).activity).toBe("everything is back as it was");
    expect(c.sent("deleteTemplate") + c.sent("deleteAccount")).toBe(0);
  });
});

test("a neighbour's machine that an administrator takes off display is no loss: the deletion ends", async () => {
  let theirs = "";
  const c = await expungingWorld(({ emulator, ann, bob }) => {
    emulator.addMachine({ account: ann, name: "m", stopped: true });
    theirs = emulator.addMachine({ account: bob, name: "worker" });
  });
  const api = createApi(optionsFor({ url: c.emulator.url, ...c.emulator.admin }));
  valueOf(await api.change("updateVirtualMachine", { id: theirs, displayvm: "false" }));
  expect(await end(c)).toBe("deleted");
});
