/**
 * Claim: nothing is approved, and no account deleted, while CloudStack's own totals say that there is more than the lists show, while a
 * list could not be asked, or while the account is not disabled; totals that follow late only make it wait. Cases C2, C3, field 01 and 05.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { readCommands } from "../../src/cloudstack/api/needs.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { optionsFor, valueOf } from "../cloudstack/support.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { approveReal, changeByHand, expectVeto, realCloud, type RealCloud, type RealCloudOptions } from "../support/real-cloud.ts";

let fresh: FreshDatabase;
let cloud: RealCloud | undefined;
beforeAll(async () => void (fresh = await freshDatabase()));
beforeEach(() => resetDatabase(fresh.db));
afterEach(() => cloud?.emulator.close());
afterAll(() => fresh.drop());

const usual = (c: RealCloud): void => {
  const machine = c.emulator.addMachine({ account: c.ann, name: "m", stopped: true });
  c.emulator.addVolume({ account: c.ann, name: "data", machine });
  c.emulator.addTemplate({ account: c.ann, name: "golden" });
  c.emulator.addMachine({ account: c.bob, name: "theirs" });
};
const world = async (more: (c: RealCloud) => void = () => undefined, o: RealCloudOptions = {}): Promise<RealCloud> =>
  (cloud = await realCloud(fresh.db, (c) => (usual(c), more(c)), o));
const tree = (c: RealCloud) => JSON.stringify(c.emulator.tree());
const rulesOf = (commands: readonly string[]) => [...commands.map((name) => `allow ${name}`), "deny *"];

/** Something that happens once, right before a command reaches the server. */
const atFirst = (c: RealCloud, command: string, happens: () => Promise<unknown>) => {
  let isOver = false;
  c.before(async (sent) => {
    if (sent !== command || isOver) return;
    isOver = true;
    await happens();
  });
};

test("what agrees is approved and deleted: the guards below refuse for their own reasons", async () => {
  const c = await world();
  await approveReal(c);
  expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
});

describe("no card with buttons", () => {
  test.each<[string, (c: RealCloud) => unknown, string]>([
    [
      "a template of a hypervisor that is gone",
      (c) => c.emulator.addTemplate({ account: c.ann, name: "xen", hypervisor: "XenServer" }),
      "account ann: CloudStack counts 2 templates and ISOs, the lists show 1",
    ],
    [
      "such a template beside one that is not ready: CloudStack counts both",
      (c) => {
        c.emulator.addTemplate({ account: c.ann, name: "half", hasNoCopy: true });
        c.emulator.addTemplate({ account: c.ann, name: "xen", hypervisor: "XenServer" });
      },
      "account ann: CloudStack counts 3 templates and ISOs, the lists show 2",
    ],
    ["a machine that is not for display", (c) => c.emulator.addMachine({ account: c.ann, name: "hid", hidden: true }), "running: hid"],
  ])("for %s", async (_what, make, words) => {
    await expectVeto(await world((c) => void make(c)), words);
  });

  test("while the lists show more than CloudStack counts", async () => {
    const c = await world();
    atFirst(c, "listVirtualMachines", async () => {
      c.emulator.setFaults([{ kind: "stale_totals" }]);
      c.emulator.addTemplate({ account: c.ann, name: "new" });
    });
    await expectVeto(c, "account ann: CloudStack counts 1 templates and ISOs, the lists show 2");
  });

  test("a template that no store has any more is looked for where the totals disagree, and is on the card", async () => {
    const c = await world((made) => void made.emulator.addTemplate({ account: made.ann, name: "lost", hasNoCopy: true }));
    await c.until(["proposed"]);
    expect(await c.view()).toMatchObject({ vetoes: [], blast: { templateNames: expect.arrayContaining(["golden", "lost"]) } });
    await c.approve("ada");
    await c.approve("ben");
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
  });

  test("what is not for display is on the card of a root administrator's key, and taken like anything else", async () => {
    const c = await world((made) => {
      made.emulator.addMachine({ account: made.ann, name: "hidden-machine", hidden: true, stopped: true });
      made.emulator.addVolume({ account: made.ann, name: "hidden-disk", hidden: true });
      made.emulator.addNetwork({ account: made.ann, name: "hidden-network", hidden: true });
    });
    await approveReal(c);
    expect((await c.view()).blast).toMatchObject({ counts: { machine: 2 }, machineNames: expect.arrayContaining(["hidden-machine"]) });
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
    const sent = c.emulator.requests().filter((r) => ["deleteVolume", "deleteNetwork", "destroyVirtualMachine"].includes(r.command));
    expect(sent.filter((r) => r.command === "destroyVirtualMachine")).toHaveLength(2);
    expect(sent.filter((r) => r.command === "deleteVolume")).toHaveLength(2);
    expect(sent.filter((r) => r.command === "deleteNetwork").length).toBeGreaterThanOrEqual(2);
  });

  test("a hidden network is looked for where a layer 2 network, which may be in the total or not, would make up for it", async () => {
    const c = await world((made) => {
      made.emulator.addNetwork({ account: made.ann, name: "layer2", layer2: true });
      made.emulator.addNetwork({ account: made.ann, name: "hidden-network", hidden: true });
    });
    await c.until(["proposed"]);
    const shown = await c.bot.deletions.reader.readInventory(c.domain as never, "ROOT/ci/a" as never);
    expect(
      valueOf(shown)
        .items.filter((i) => i.kind === "network")
        .map((i) => i.name),
    ).toEqual(expect.arrayContaining(["layer2", "hidden-network"]));
  });

  test("a domain administrator's key cannot show the hidden machine: both numbers are on the card", async () => {
    const c = await world((made) => void made.emulator.addMachine({ account: made.ann, name: "hid", hidden: true }), {
      ...{ readRules: ["allow *"], readType: "DomainAdmin" },
    });
    await expectVeto(c, "account ann: CloudStack counts 2 machines that run or are stopped, the lists show 1");
  });

  test.each(["listIsos", "listKubernetesClusters", "listBackups", "listVPCs", "listVMSnapshot"])(
    "while the key's role may not send %s",
    async (command) => {
      const lists = [...readCommands, "listKubernetesClusters", "listBackups"];
      await expectVeto(
        await world(undefined, { readRules: rulesOf(lists.filter((one) => one !== command)) }),
        `may not send ${command} (432)`,
      );
    },
  );

  test("while the server does not know a plug-in's list, until the configuration says that it has none", async () => {
    const lacks = ["listKubernetesClusters", "listBackups"];
    await expectVeto(await world(undefined, { emulator: { lacks } }), "add kubernetes_cluster to CLOUDSTACK_ABSENT_KINDS");
    await cloud?.emulator.close();
    await resetDatabase(fresh.db);
    const c = await world(undefined, { emulator: { lacks }, env: { CLOUDSTACK_ABSENT_KINDS: "kubernetes_cluster, backup" } });
    expect(await c.until(["proposed"])).toBe("proposed");
    expect((await c.view()).vetoes).toEqual([]);
    expect(c.sent("listBackups")).toBe(0);
  });
});

describe("a list that is refused once ends nothing", () => {
  /** Things that only such a list, or the way of asking for what is hidden, shows: without it the domain seems to have changed. */
  const more = (made: RealCloud): void => {
    made.emulator.addIso({ account: made.ann, name: "cd" });
    made.emulator.addVolume({ account: made.ann, name: "hidden-disk", hidden: true });
  };
  const refuse = (c: RealCloud, command: string, status: number) =>
    // Of ISOs both ways, as the totals would bring them back; of volumes the one that shows what is hidden.
    c.emulator.setFaults([
      { kind: "status", status, command, times: command === "listIsos" ? 2 : 1, afterCalls: command === "listVolumes" ? 1 : 0 },
    ]);

  test.each([
    ["listIsos", 530],
    ["listIsos", 432],
    ["listVMSnapshot", 531],
    ["listVolumes", 431],
  ] as const)("%s by %i", async (command, status) => {
    const c = await world(more);
    for (const phase of ["proposed", "grace", "expunging"]) {
      expect(await c.until([phase])).toBe(phase);
      refuse(c, command, status);
      if (phase === "proposed") {
        expect(await c.approve("ada")).toMatchObject({ ok: false, error: { code: expect.not.stringMatching("deletion.changed") } });
        refuse(c, command, status);
      }
      await c.advance();
      expect(await c.row()).toMatchObject({ phase, restore_by: null });
      for (const who of phase === "proposed" ? ["ada", "ben"] : []) expect(await c.approve(who)).toMatchObject({ ok: true });
    }
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
  });

  test("listIsos after the first thing is gone", async () => {
    const c = await world(more);
    await approveReal(c);
    atFirst(c, "deleteVolume", async () => refuse(c, "listIsos", 530));
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
    expect((await c.row()).restore_by).toBeNull();
  });
});

describe("after the approval", () => {
  test("a template that no list shows keeps its account: nothing more is done until it is seen", async () => {
    const c = await world();
    await approveReal(c);
    const hidden = c.emulator.addTemplate({ account: c.ann, name: "xen", hypervisor: "XenServer" });
    expect(await c.until(["deleted", "frozen", "closed"], 20)).toBe("cooling_off");
    expect((await c.row()).activity).toContain("CloudStack counts 2 templates and ISOs, the lists show 1");
    expect(c.sent("deleteAccount")).toBe(0);
    expect(tree(c)).toContain(hidden);
  });

  test("one that is hidden later keeps its account too, in the last phase", async () => {
    const c = await world();
    const made = ["second", "third"].map((name) => c.emulator.addTemplate({ account: c.ann, name, hypervisor: "Simulator" }));
    await approveReal(c);
    c.before(async (command) => (command === "deleteTemplate" ? c.emulator.adjust({ zoneHypervisors: ["VMware"] }) : undefined));
    expect(await c.until(["deleted", "frozen", "closed"], 20)).toBe("removing");
    expect((await c.row()).activity).toMatch(/CloudStack counts [12] templates and ISOs, the lists show [01]/);
    expect(c.sent("deleteAccount")).toBe(0);
    expect(made.filter((id) => tree(c).includes(id)).length).toBeGreaterThan(0);
    c.before(async () => undefined);
    c.emulator.adjust({ zoneHypervisors: ["Simulator"] });
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
  });

  test("totals that follow late make it wait, and it ends", async () => {
    const c = await world(undefined, { emulator: { totalsLagMs: 20_000 } });
    await approveReal(c);
    expect(await c.until(["deleted", "frozen", "closed"], 2_000)).toBe("deleted");
    expect((await c.row()).frozen_reason).toBeNull();
  });

  test("a template that a user began just before the quarantine is waited for, and people are asked about it", async () => {
    let eve: ReturnType<RealCloud["emulator"]["addAccount"]> | undefined;
    const slow = { jobMsOf: { createTemplate: 20_000 } };
    const c = await world(
      (made) => {
        eve = made.emulator.addAccount({ domain: made.domain, name: "eve", keys: true });
        made.emulator.addMachine({ account: eve.accountId, name: "hers", stopped: true });
      },
      { emulator: slow },
    );
    await approveReal(c);
    c.before(async (command, params) => {
      if (command !== "disableAccount" || params.get("id") !== eve?.accountId || eve?.keys === undefined) return;
      const { keys } = eve;
      eve = undefined;
      const hers = createApi(optionsFor({ url: c.emulator.url, ...keys }));
      const { volume } = valueOf(await hers.read("listVolumes", {})) as { volume: readonly { id: string }[] };
      const ostypeid = c.emulator.ids.osType;
      valueOf(await hers.change("createTemplate", { name: "racing", ostypeid, volumeid: volume[0]?.id ?? "" }));
    });
    expect(await c.until(["grace", "closed", "frozen"], 3)).toBe("quarantining");
    expect((await c.row()).activity).toBe(
      "waits for a job begun before the quarantine, which CloudStack still finishes: CreateTemplate of eve",
    );
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("closed");
    expect(await c.row()).toMatchObject({ closed_because: "changed", closed_reason: expect.stringContaining("template racing") });
    expect(tree(c)).toContain("racing");
  });

  test("an account that somebody enables in the last phase is not deleted", async () => {
    const c = await world();
    await approveReal(c);
    let isEnabled = false;
    c.before(async (command) => {
      if (command !== "deleteTemplate" || isEnabled) return;
      isEnabled = true;
      expect(await c.bot.parts.cloud.restorer.enableAccount(c.ann as never)).toMatchObject({ ok: true });
    });
    await c.until(["deleted", "frozen", "closed"], 30);
    expect((await c.row()).frozen_reason ?? (await c.row()).activity).toMatch(/account is no longer disabled: ann \(enabled\)/);
    expect(c.sent("deleteAccount")).toBe(0);
  });
});

describe("a neighbour (field 05, M6)", () => {
  const runningOnly = { emulator: { countRunningOnly: true } };

  test("that stops a machine is no reason, where CloudStack counts running machines only", async () => {
    let theirs = "";
    const c = await world((made) => void (theirs = made.emulator.addMachine({ account: made.bob, name: "b" })), runningOnly);
    await approveReal(c);
    atFirst(c, "destroyVirtualMachine", () => changeByHand(c, "stopVirtualMachine", { id: theirs }));
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
    expect(c.sent("stopVirtualMachine")).toBe(1);
  });

  test("whose machine is gone without a line in the log stops it", async () => {
    const c = await world(undefined, runningOnly);
    await approveReal(c);
    atFirst(c, "destroyVirtualMachine", () => changeByHand(c, "deleteAccount", { id: c.bob }));
    expect(await c.until(["deleted", "closed"], 20)).not.toBe("deleted");
    expect((await c.row()).frozen_reason ?? (await c.row()).activity).toContain("in beta 1 machine");
    expect(c.sent("deleteVolume") + c.sent("deleteTemplate")).toBe(0);
  });
});

describe("what a step asks", () => {
  test("at most 25 calls, each list once", async () => {
    const c = await world((made) => {
      for (const n of [2, 3, 4]) made.emulator.addMachine({ account: made.ann, name: `m${n}`, stopped: true });
      for (const n of [1, 2]) made.emulator.addVolume({ account: made.ann, name: `d${n}` });
      made.emulator.addAccount({ domain: made.domain, name: "eve" });
    });
    await approveReal(c);
    const before = c.emulator.requests().length;
    expect(await c.until(["deleted", "frozen", "closed"])).toBe("deleted");
    const calls = c.emulator.requests().slice(before);
    // A step begins with the mark, and ends with a call that changes something, and its job.
    const steps: string[][] = [];
    const beforeQuarantine = calls.find((call) => call.command === "listAsyncJobs");
    for (const call of calls) {
      const { command, params } = call;
      const { apikey, signature, expires, signatureversion, response, ...asked } = params;
      // Asked once in a deletion, before the first machine is destroyed and before the quarantine.
      if (command === "listConfigurations" || call === beforeQuarantine) continue;
      // How often its job is asked for is the server's to say.
      if (command === "queryAsyncJobResult") continue;
      if (command === "listAnnotations") steps.push([]);
      steps.at(-1)?.push(`${command} ${JSON.stringify(asked)}`);
    }
    const changing = ["disableAccount", "destroyVirtualMachine", "deleteVolume", "deleteTemplate", "deleteNetwork", "deleteAccount"];
    for (const command of changing)
      expect(steps.filter((step) => step.some((s) => s.startsWith(command))).length, command).toBeGreaterThan(0);
    // After the last one, the domain and its event are looked for once more.
    expect(steps.at(-1)?.splice(-2)).toEqual([expect.stringMatching(/^listDomains/), expect.stringMatching(/^listEvents/)]);
    for (const step of steps) {
      expect.soft(step.length, step.join("\n")).toBeLessThanOrEqual(25);
      const lists = step.filter((s) => s.startsWith("list"));
      expect.soft(lists.length - new Set(lists).size, lists.join("\n")).toBe(0);
    }
    expect(steps.length).toBeLessThanOrEqual(26);
  });
});
