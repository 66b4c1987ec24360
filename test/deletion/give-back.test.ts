/**
 * Claim: Restore and Keep give each thing the state that it had when people approved, at whatever moment they come and also while
 * everything is stopped; what cannot be given back is named. A stop or a freeze first brings back what CloudStack would expunge.
 */
import { z } from "zod";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import type { CiUserId, DeletionId } from "../../src/core/ids.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";
import { failure } from "../../src/core/failure.ts";
import { err, ok } from "../../src/core/result.ts";
import { REST_MS } from "../../src/deletion/reasons.ts";
import { sweepDeletions } from "../../src/deletion/runner.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import { updateDeletion } from "../../src/store/deletions.ts";
import { recordIntent } from "../../src/store/intents.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import { resetDatabase } from "../sim/reset.ts";
import { optionsFor, valueOf } from "../cloudstack/support.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow, op } from "../support/deletions.ts";
import { emulatedWorld, type EmulatedWorld } from "../support/emulated-world.ts";
import type { TestBot } from "../support/bot.ts";
import { resumeByTwo } from "../support/stop.ts";

const HOUR = 3_600_000;
const SAID = "select data ->> 'sentence' as sentence from deletion_event where deletion_id = $1 and kind = 'restore asked'";
let fresh: FreshDatabase;
let e: EmulatedWorld;
let cards: DeletionView[] = [];
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  cards = [];
});
afterAll(() => fresh.drop());

/** Three accounts in three states; the enabled one has two stopped machines, one of them with two disks, and a disk of its own. */
function fill(emulator: CloudStackEmulator, domain: string): void {
  const [ann] = (["enabled", "locked", "disabled"] as const).map((state) => emulator.addAccount({ domain, name: state, state }).accountId);
  const account = ann ?? "";
  const machine = emulator.addMachine({ account, name: "vm", stopped: true });
  for (const name of ["data1", "data2"]) emulator.addVolume({ account, name, machine });
  emulator.addMachine({ account, name: "second", stopped: true });
  emulator.addVolume({ account, name: "loose" });
}

const away = err(failure("unavailable", "test.away", "it could not be read"));
const by = { operator: { id: op("eve"), name: "Eve", ciUserId: null }, isTeam: true };
const mia = { operator: { id: op("mia"), name: "Mia", ciUserId: "u-mia" as CiUserId }, isTeam: false };
const stop = () => recordStop(fresh.db, { at: 1, kind: "stop", byOperator: "ci:eve", reason: "something is wrong" });
const row = () => expectRow(fresh.db, e.id);
const restore = async () => {
  const { version, digest } = await row();
  return valueOf(await e.bot.services.deletions.restore({ deletionId: e.id as DeletionId, version, digest, by }));
};

/** A world that stands in a phase; CloudStack keeps destroyed machines for a day. */
/** An administrator's own calls. */
const byHand = () => createApi(optionsFor({ url: e.emulator.url, ...e.emulator.admin }));

async function worldIn(phase: string, keeper: Parameters<typeof emulatedWorld>[2] = {}): Promise<void> {
  const made = await emulatedWorld(fresh.db, fill, keeper, { expungeDelayMs: 24 * HOUR, expungeIntervalMs: HOUR });
  const bot = made.bot.with({
    ci: { project: async () => ok({ members: [{ userId: mia.operator.ciUserId }] } as never) },
    cards: { showCard: async (view) => void cards.push(view) },
  });
  e = { ...made, bot };
  await e.until([phase]);
  expect((await row()).phase).toBe(phase);
}

/** What people would see in CloudStack: accounts and machines with their states, disks with their machines. */
async function seen(): Promise<readonly string[]> {
  const { items } = await e.inventory();
  const name = (id: string | null) => items.find((i) => i.id === id)?.name ?? "no machine";
  return items
    .flatMap((i) =>
      i.kind === "account" || i.kind === "machine"
        ? [`${i.kind} ${i.name}: ${i.state}`]
        : i.kind === "volume"
          ? [`disk ${i.name} on ${name(i.parentId)}`]
          : [],
    )
    .toSorted();
}
const asApproved = [
  "account disabled: disabled",
  "account enabled: enabled",
  "account locked: locked",
  "disk ROOT-1 on vm",
  "disk ROOT-2 on second",
  "disk data1 on vm",
  "disk data2 on vm",
  "disk loose on no machine",
  "machine second: Stopped",
  "machine vm: Stopped",
];

describe.each(["quarantining", "grace", "dismantling", "expunging"] as const)("in %s", (phase) => {
  test.each<[string, () => Promise<unknown>]>([
    ["Restore", restore],
    ["Keep, by a member,", async () => valueOf(await e.bot.services.deletions.keep(e.id as DeletionId, mia))],
    ["an active project", async () => (e.w.project = "active")],
  ])("%s gives everything the state that it had", async (_, asked) => {
    // Quarantine and dismantling end by themselves: a stop keeps them where they are.
    const isShort = phase === "quarantining" || phase === "dismantling";
    const command = phase === "quarantining" ? "disableAccount" : "destroyVirtualMachine";
    let isStopped = false;
    await worldIn(isShort ? "cooling_off" : phase, {
      after: async (params) => {
        if (!isShort || isStopped || params.get("command") !== command) return;
        isStopped = true;
        await stop();
      },
    });
    if (isShort) {
      for (let i = 0; i < 20 && !isStopped; i += 1) {
        e.w.now += 500;
        await e.bot.advance(e.id);
      }
      expect((await row()).phase).toBe(phase);
      if (_ === "an active project") await resumeByTwo(fresh.db, e.w.now);
    }
    await asked();
    await e.until(["closed"]);
    expect(await row()).toMatchObject({ phase: "closed", closed_reason: "everything is back as it was" });
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });
});

test("giving back does not wait until the stop ends", async () => {
  await worldIn("expunging");
  await stop();
  await restore();
  await e.bot.advance(e.id);
  expect(await row()).toMatchObject({ phase: "closed", closed_reason: "everything is back as it was" });
  expect(await seen()).toEqual(asApproved);
  await e.close();
});

describe("at rest", () => {
  const atRest = asApproved
    .map((one) => (one.startsWith("account") ? one.replace(/: .*/, ": disabled") : one.replace(/(data\d) on vm/, "$1 on no machine")))
    .toSorted();

  /** Days go by, and CloudStack expunges what it may. */
  async function days(n: number): Promise<void> {
    for (let hour = 0; hour < n * 24; hour += 6) {
      e.w.now += 6 * HOUR;
      await e.bot.advance(e.id);
    }
  }
  const hinders: readonly (readonly [string, string, () => Promise<unknown>])[] = [
    ["a stop", "expunging", stop],
    ["a freeze", "frozen", async () => updateDeletion(fresh.db, e.id, { phase: "frozen", frozen_reason: "odd" })],
  ];

  test.each(hinders)("%s in expunging brings the machines back, and nothing expires", async (_, phase, happens) => {
    await worldIn("expunging");
    await happens();
    await e.bot.advance(e.id);
    expect(await row()).toMatchObject({ phase, expunge_after: null });
    expect(await seen()).toEqual(atRest);
    const sent = e.sent().length;
    await days(4);
    expect(await row()).toMatchObject({ phase });
    expect(await seen()).toEqual(atRest);
    expect(e.sent()).toHaveLength(sent);
    await restore();
    await e.until(["closed"]);
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });

  const keptBack: readonly (readonly [string, () => TestBot])[] = [
    ["the CI database cannot be read", () => e.bot.with({ ci: { readProjectState: async () => away } })],
    ["the clocks disagree", () => e.bot.with({ clockSkew: async () => ({ ms: 3 * HOUR, against: "CloudStack" }) })],
    ["the approvers cannot be read", () => e.bot.with({ approvers: { approversNow: async () => away } })],
    ["CloudStack's lists cannot be read", () => e.bot.with({ reader: { readNeighbours: async () => away } })],
    [
      "CloudStack has not told how a call ended",
      () =>
        e.bot.with({ reader: { readNeighbours: async () => err(failure("indeterminate", "cloudstack.lost_answer", "it is not known")) } }),
    ],
  ];

  test.each(keptBack)("while %s, nothing expires, and it goes on by itself afterwards", async (_, amiss) => {
    await worldIn("expunging");
    const bot = amiss();
    for (let hour = 0; hour < 30; hour += 1) {
      e.w.now += HOUR;
      await bot.advance(e.id);
    }
    expect(await row()).toMatchObject({
      phase: "expunging",
      expunge_after: null,
      activity: expect.stringContaining("CloudStack expunges none of its machines meanwhile") as string,
    });
    expect(await seen()).toEqual(atRest);
    await e.until(["deleted"], 6 * HOUR);
    expect((await row()).phase).toBe("deleted");
    await e.close();
  });

  test("a wait that begins shortly before CloudStack expunges does not let it", async () => {
    await worldIn("expunging");
    e.w.now += 24 * HOUR - REST_MS;
    await e.bot.with({ ci: { readProjectState: async () => away } }).advance(e.id);
    expect(await row()).toMatchObject({ phase: "expunging", expunge_after: null });
    expect(await seen()).toEqual(atRest);
    await e.close();
  });

  test("one read that failed an hour before CloudStack expunges does not start the whole time again", async () => {
    await worldIn("expunging");
    const { expunge_after } = await row();
    e.w.now += 23 * HOUR;
    await e.bot.with({ ci: { readProjectState: async () => away } }).advance(e.id);
    await e.bot.advance(e.id);
    expect(await row()).toMatchObject({ phase: "expunging", expunge_after });
    expect(e.sent()).not.toContain("recoverVirtualMachine");
    await e.until(["deleted"], HOUR);
    expect((await row()).phase).toBe("deleted");
    await e.close();
  });

  test("a deletion whose machines are brought to rest again and again is told from the third time on", async () => {
    await worldIn("expunging");
    const told = () => e.w.notes.filter((note) => note.startsWith("rests"));
    for (let i = 0; i < 3; i += 1) {
      expect(told()).toEqual([]);
      e.w.now += 24 * HOUR - REST_MS;
      await e.bot.with({ ci: { readProjectState: async () => away } }).advance(e.id);
      expect((await row()).expunge_after).toBeNull();
      await e.bot.advance(e.id);
    }
    expect(told()).toEqual([expect.stringContaining("Its machines were recovered 3 times before CloudStack expunged them")]);
    await e.close();
  });

  test("what was brought back is destroyed again once two people resume, and only then expunged", async () => {
    await worldIn("expunging");
    await stop();
    await days(2);
    await resumeByTwo(fresh.db, e.w.now);
    await e.bot.advance(e.id);
    const { phase, expunge_after } = await row();
    expect(phase).toBe("expunging");
    expect(e.w.now + 24 * HOUR - (expunge_after ?? 0)).toBeLessThan(1000);
    expect((await seen()).filter((one) => one.startsWith("machine"))).toEqual(["machine second: Destroyed", "machine vm: Destroyed"]);
    await e.until(["deleted"], 6 * HOUR);
    expect((await row()).phase).toBe("deleted");
    await e.close();
  });

  test("where only some came back before two people resumed, those are destroyed again; nobody else is taken for needing them", async () => {
    await worldIn("expunging");
    e.emulator.setFaults([{ kind: "status", status: 530, command: "recoverVirtualMachine", times: 1 }]);
    await stop();
    await e.bot.advance(e.id);
    expect((await seen()).filter((one) => one.includes("Stopped"))).toHaveLength(1);
    expect((await row()).expunge_after).not.toBeNull();
    e.w.now += 1000;
    await resumeByTwo(fresh.db, e.w.now);
    await e.bot.advance(e.id);
    expect(await row()).toMatchObject({ phase: "expunging", restore_by: null });
    expect((await seen()).filter((one) => one.startsWith("machine"))).toEqual(["machine second: Destroyed", "machine vm: Destroyed"]);
    // What comes back now was brought back by somebody else.
    const vm = (await e.inventory()).items.find((i) => i.name === "vm" && i.kind === "machine")?.id ?? "";
    valueOf(await byHand().change("recoverVirtualMachine", { id: vm }));
    await e.until(["closed"]);
    expect(await row()).toMatchObject({ phase: "closed", closed_because: "changed" });
    const said = await fresh.db.many(z.object({ sentence: z.string() }), SAID, [e.id]);
    expect(said).toEqual([{ sentence: "a machine that was destroyed is there again: vm; somebody needs it; people will be asked again" }]);
    await e.close();
  });

  test("a machine that CloudStack does not give back is asked for until it does, and keeps no other back", async () => {
    await worldIn("expunging");
    e.emulator.setFaults([{ kind: "status", status: 530, command: "recoverVirtualMachine", times: 5 }]);
    await stop();
    // Two are asked for each time; the sixth call is the first that is not refused.
    for (let i = 0; i < 3; i += 1) await e.bot.advance(e.id);
    expect(await row()).toMatchObject({ activity: expect.stringContaining("its machines are not back yet") as string });
    expect(cards.at(-1)?.expungesAfter).toBe((await row()).expunge_after);
    expect((await row()).expunge_after).not.toBeNull();
    expect((await seen()).filter((one) => one.includes("Stopped"))).toHaveLength(1);
    await e.bot.advance(e.id);
    expect(await row()).toMatchObject({ expunge_after: null });
    expect(await seen()).toEqual(atRest);
    await e.close();
  });
});

test("a freeze whose process died before the machines were back is found by the sweep, and one at rest is left alone", async () => {
  await worldIn("expunging");
  await updateDeletion(fresh.db, e.id, { phase: "frozen", frozen_reason: "odd" });
  const found: string[] = [];
  const bot = e.bot.with({ enqueue: async (_name, id) => void found.push(id) });
  await sweepDeletions(bot.deletions);
  expect(found).toEqual([e.id]);
  await bot.advance(e.id);
  expect(await row()).toMatchObject({
    phase: "frozen",
    expunge_after: null,
    activity: expect.stringContaining("nothing expires") as string,
  });
  await e.close();
});

describe("what could not be brought back", () => {
  test("an expunged machine, and the disk that was on it, are named", async () => {
    await worldIn("expunging");
    const vm = (await e.inventory()).items.find((i) => i.name === "vm")?.id ?? "";
    const api = byHand();
    await api.change("expungeVirtualMachine", { id: vm });
    e.w.now += 1000;
    await restore();
    await e.until(["closed"]);
    const [end, ...named] = ((await row()).closed_reason ?? "").split(/: |; /);
    expect(end).toBe("could not be brought back");
    const lost = ["machine vm is gone", "volume ROOT-1 is gone", "volume data1 is not on vm", "volume data2 is not on vm"];
    expect(named.toSorted()).toEqual(lost);
    expect((await seen()).filter((one) => one.startsWith("account") || one.includes("second"))).toEqual(
      asApproved.filter((one) => one.startsWith("account") || one.includes("second")),
    );
    await e.close();
  });

  test("a machine that is just being expunged is not said to be back", async () => {
    await worldIn("expunging");
    const { readInventory } = e.bot.deletions.reader;
    const expunging = (i: InventoryItem): InventoryItem => (i.name === "vm" && i.kind === "machine" ? { ...i, state: "Expunging" } : i);
    const bot = e.bot.with({
      reader: {
        readInventory: async (...of) => {
          const read = await readInventory(...of);
          return read.ok ? ok({ ...read.value, items: read.value.items.map(expunging) }) : read;
        },
      },
    });
    await restore();
    await bot.advance(e.id);
    expect((await row()).closed_reason).toContain("could not be brought back: machine vm is Expunging, and was Stopped");
    await e.close();
  });

  test("a disk that CloudStack refuses to attach for half a day is named with its reason, and all else is back", async () => {
    await worldIn("expunging");
    e.emulator.setFaults([{ kind: "status", status: 530, command: "attachVolume" }]);
    await restore();
    await run(e.bot, 20, HOUR / 2);
    expect((await row()).phase).toBe("expunging");
    await run(e.bot, 80, HOUR / 2);
    const { phase, closed_reason } = await row();
    expect(phase).toBe("closed");
    for (const one of ["data1", "data2"]) expect(closed_reason).toContain(`volume ${one} is not on vm (attachVolume: `);
    expect(await seen()).toEqual(expect.arrayContaining(asApproved.filter((one) => !one.includes("data"))));
    await e.close();
  });

  test("an account is asked for until CloudStack enables it, and the card says so; all else is back at once", async () => {
    await worldIn("expunging");
    e.emulator.setFaults([{ kind: "status", status: 530, command: "enableAccount" }]);
    await restore();
    await run(e.bot, 60, HOUR);
    const { phase, activity } = await row();
    expect([phase, activity]).toEqual(["expunging", expect.stringContaining("is not enabled yet, and is asked for again")]);
    expect(await seen()).toEqual(expect.arrayContaining(asApproved.filter((one) => !/account (?:enabled|locked)/.test(one))));
    e.emulator.setFaults([]);
    await e.until(["closed"]);
    expect((await row()).closed_reason).toBe("everything is back as it was");
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });

  // Three refusals, about 90 seconds, were the end of it before, although CloudStack kept the machines for a day.
  test("a machine is asked for as long as CloudStack keeps it, and the card says so until it is back", async () => {
    await worldIn("expunging");
    e.emulator.setFaults([{ kind: "status", status: 530, command: "recoverVirtualMachine" }]);
    await restore();
    await run(e.bot, 23, HOUR);
    const { phase, activity, expunge_after } = await row();
    expect(phase).toBe("expunging");
    expect(activity).toContain("is not back yet, and is asked for again while CloudStack keeps it");
    expect(cards.at(-1)?.expungesAfter).toBe(expunge_after);
    e.emulator.setFaults([]);
    await e.until(["closed"]);
    expect(await row()).toMatchObject({ closed_reason: "everything is back as it was" });
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });

  test("a machine that CloudStack refuses until its time has passed is named then, with the reason, and all else is back", async () => {
    await worldIn("expunging");
    // Each thing is still listed as destroyed when its time is over: CloudStack expunges at an interval of its own.
    const expungeAfter = (await row()).expunge_after ?? 0;
    e.emulator.setFaults([{ kind: "status", status: 530, command: "recoverVirtualMachine" }]);
    await restore();
    await run(e.bot, 3);
    e.w.now = expungeAfter;
    await e.bot.advance(e.id);
    const { phase, closed_reason } = await row();
    expect(phase).toBe("closed");
    for (const one of ["vm", "second"])
      expect(closed_reason).toContain(`machine ${one} is Destroyed, and was Stopped (recoverVirtualMachine: `);
    expect((await seen()).filter((one) => one.startsWith("account"))).toEqual(asApproved.filter((one) => one.startsWith("account")));
    await e.close();
  });

  test("a machine that is gone before a stop could bring it back is named on the card", async () => {
    await worldIn("expunging");
    const vm = (await e.inventory()).items.find((i) => i.name === "vm")?.id ?? "";
    valueOf(await byHand().change("expungeVirtualMachine", { id: vm }));
    e.w.now += 1000;
    await updateDeletion(fresh.db, e.id, { phase: "frozen", frozen_reason: "odd" });
    await e.bot.advance(e.id);
    const { activity, expunge_after } = await row();
    expect(expunge_after).toBeNull();
    expect(activity).toContain("could not be brought back, CloudStack no longer has it: vm; its machines are brought back");
    expect(activity).toContain("(second)");
    await e.close();
  });

  test("what somebody made, or changed, since the approval is told", async () => {
    await worldIn("grace");
    const items = (await e.inventory()).items;
    const id = (name: string) => items.find((i) => i.name === name)?.id ?? "";
    e.emulator.addVolume({ account: id("enabled"), name: "extra" });
    await byHand().change("enableAccount", { id: id("disabled") });
    await restore();
    await e.until(["closed"]);
    expect((await row()).closed_reason).toBe(
      "could not be brought back: account disabled is enabled, and was disabled; new since the approval: volume extra",
    );
    await e.close();
  });

  test("a domain that was renamed meanwhile is given back where it is now", async () => {
    await worldIn("grace");
    const api = byHand();
    valueOf(await api.change("updateDomain", { id: e.row.domain_id, name: "a-old" }));
    await restore();
    await e.until(["closed"]);
    expect(await row()).toMatchObject({ phase: "closed", closed_reason: "everything is back as it was" });
    await e.close();
  });

  test("a crash between enabling and locking an account leaves nobody in", async () => {
    await worldIn("grace");
    const locked = (await e.inventory()).items.find((i) => i.name === "locked")?.id ?? "";
    await byHand().change("enableAccount", { id: locked });
    await restore();
    await e.until(["closed"]);
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });
});

/** Lets a bot that is not the usual one run. */
async function run(bot: TestBot, times: number, stepMs = 1000): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    await bot.advance(e.id);
    e.w.now += stepMs;
  }
}
const machinesBack = (one: string) => one === "machine second: Stopped" || one === "machine vm: Stopped";

describe("what cannot be read keeps nothing else back", () => {
  /** Every list that giving back can do without. */
  const others = [
    "listSnapshots",
    "listVMSnapshot",
    "listTemplates",
    "listIsos",
    "listNetworks",
    "listVPCs",
    "listPublicIpAddresses",
  ].concat(
    ["listProjects", "listKubernetesClusters", "listBackups"],
    ["Zones", "Pods", "Clusters", "Hosts"].map((of) => `listDedicated${of}`),
  );

  test.each<[string, () => Promise<unknown>]>([
    ["Restore", restore],
    ["a stop", stop],
  ])("while all other lists answer 530, %s brings the machines back before CloudStack expunges them", async (what, asked) => {
    await worldIn("expunging");
    e.emulator.setFaults(others.map((command) => ({ kind: "status", status: 530, command })));
    await asked();
    await run(e.bot, 6, 5 * HOUR);
    expect((await row()).phase).toBe("expunging");
    e.emulator.setFaults([]);
    const now = await seen();
    if (what === "Restore") expect(now).toEqual(asApproved);
    else expect(now.filter(machinesBack)).toHaveLength(2);
    if (what === "Restore") await e.until(["closed"]);
    expect((await row()).phase).toBe(what === "Restore" ? "closed" : "expunging");
    await e.close();
  });

  test("a machine that cannot be read keeps no other back", async () => {
    await worldIn("expunging");
    const { findThing } = e.bot.parts.cloud.reader;
    const bot = e.bot.with({ reader: { findThing: async (a, i) => ("name" in i && i.name === "vm" ? away : findThing(a, i)) } });
    await restore();
    await run(bot, 1);
    expect((await row()).phase).toBe("expunging");
    expect((await seen()).filter(machinesBack)).toEqual(["machine second: Stopped"]);
    await e.until(["closed"]);
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });
});

describe("a call of which nobody knows how it ended", () => {
  test.each(["quarantineAccount", "destroyMachine"] as const)("%s, and a domain renamed by hand: Restore gives it back", async (name) => {
    await worldIn("cooling_off");
    let isLost = false;
    const lost = e.bot.with({
      deleter: {
        [name]: async () => {
          isLost = true;
          return err(failure("indeterminate", "cloudstack.lost_answer", "the connection ended before the answer"));
        },
      },
    });
    for (let i = 0; i < 20 && !isLost; i += 1) await run(lost, 1, 500);
    expect(isLost).toBe(true);
    const api = byHand();
    valueOf(await api.change("updateDomain", { id: e.row.domain_id, name: "a-old" }));
    await restore();
    await e.until(["closed"]);
    expect(await row()).toMatchObject({ phase: "closed", closed_reason: "everything is back as it was" });
    await e.close();
  });

  const begun = async () => {
    const item = (await e.inventory()).items.find((i) => i.name === "vm" && i.kind === "machine")?.id;
    const owner = { kind: "deletion", id: e.id } as const;
    await recordIntent(fresh.db, {
      id: crypto.randomUUID(),
      owner,
      command: "destroy",
      params: { item, name: "vm", kind: "machine" },
      at: e.w.now,
    });
  };

  test.each([
    ["while it cannot be looked up, all is given back", async () => away, asApproved.filter(machinesBack)],
    ["while its job runs, all else is", async () => ok({ state: "running" as const }), ["machine second: Stopped"]],
  ])("%s, and it ends once that is known", async (_, findJob, back) => {
    await worldIn("expunging");
    await begun();
    await restore();
    await run(e.bot.with({ reader: { findJob } }), 2);
    expect((await row()).phase).toBe("expunging");
    expect((await seen()).filter(machinesBack)).toEqual(back);
    expect(await seen()).toContain("account enabled: enabled");
    await e.until(["closed"]);
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });

  test("a stop brings no machine to rest of which a job still runs, and all others", async () => {
    await worldIn("expunging");
    await begun();
    await stop();
    await run(e.bot.with({ reader: { findJob: async () => ok({ state: "running" as const }) } }), 2);
    expect((await row()).expunge_after).not.toBeNull();
    expect((await seen()).filter(machinesBack)).toEqual(["machine second: Stopped"]);
    await run(e.bot, 1);
    expect((await row()).expunge_after).toBeNull();
    expect((await seen()).filter(machinesBack)).toHaveLength(2);
    await e.close();
  });
});

describe("whom somebody had locked is never left open", () => {
  const locked = async () => (await seen()).find((one) => one.startsWith("account locked"));

  test("where CloudStack refuses the lock for a while", async () => {
    await worldIn("grace");
    e.emulator.setFaults([{ kind: "status", status: 530, command: "disableAccount", times: 3 }]);
    await restore();
    await e.until(["closed"]);
    expect((await row()).closed_reason).toBe("everything is back as it was");
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });

  test("where it refuses the lock for good: the account is disabled again, is not enabled without end, and named", async () => {
    await worldIn("grace");
    const no = err(failure("rejected", "cloudstack.internal", "it does not lock"));
    const { findThing } = e.bot.parts.cloud.reader;
    const bot = e.bot.with({
      restorer: { lockAccount: async () => no },
      // Something else keeps the end away.
      reader: { findThing: async (a, i) => (i.kind === "volume" ? away : findThing(a, i)) },
    });
    await restore();
    for (let i = 0; i < 6; i += 1) {
      await run(bot, 1);
      expect(await locked()).toBe("account locked: disabled");
    }
    expect(e.sent().filter((command) => command === "enableAccount")).toHaveLength(4);
    await e.until(["closed"]);
    expect((await row()).closed_reason).toBe(
      "could not be brought back: account locked is disabled, and was locked (CloudStack refused to lock it)",
    );
    await e.close();
  });

  test("while it refuses the lock and disabling too, it is tried again, and nothing is closed", async () => {
    await worldIn("grace");
    e.emulator.setFaults([{ kind: "status", status: 530, command: "disableAccount" }]);
    await restore();
    await run(e.bot, 6);
    expect((await row()).phase).toBe("grace");
    e.emulator.setFaults([]);
    await e.until(["closed"]);
    expect((await row()).closed_reason).toBe("everything is back as it was");
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });
});

describe("whom our own quarantine shut out is let in, whatever became of its call", () => {
  const asked: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["Restore", restore],
    ["an active project", async () => (e.w.project = "active")],
  ];

  test.each(asked)("its job was forgotten: %s", async (_, ask) => {
    await worldIn("cooling_off");
    e.emulator.setFaults([{ kind: "lost_job", command: "disableAccount" }]);
    await e.until(["grace"]);
    expect((await seen()).filter((one) => one.startsWith("account")).every((one) => one.endsWith(": disabled"))).toBe(true);
    e.emulator.setFaults([]);
    await ask();
    await e.until(["closed"], HOUR);
    expect((await row()).closed_reason).toBe("everything is back as it was");
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });

  // `AccountManagerImpl.disableAccount` sets the state first, then stops the machines; when one cannot be stopped, the job fails.
  test.each(asked)("its job failed after it had its effect: %s", async (_, ask) => {
    await worldIn("cooling_off");
    const { quarantineAccount } = e.bot.deletions.deleter;
    const no = err(failure("rejected", "cloudstack.internal", "disableAccount: unable to stop vm"));
    const failing = e.bot.with({
      deleter: {
        quarantineAccount: async (...of) => {
          const done = await quarantineAccount(...of);
          return done.ok ? no : done;
        },
      },
    });
    for (let i = 0; i < 60 && (await row()).phase !== "grace"; i += 1) await run(failing, 1, 500);
    expect((await row()).phase).toBe("grace");
    await ask();
    await e.until(["closed"], HOUR);
    expect((await row()).closed_reason).toBe("everything is back as it was");
    expect(await seen()).toEqual(asApproved);
    await e.close();
  });
});

/** Recovers a machine by hand. */
async function recoverByHand(name: string): Promise<void> {
  const id = (await e.inventory()).items.find((i) => i.name === name && i.kind === "machine")?.id ?? "";
  valueOf(await byHand().change("recoverVirtualMachine", { id }));
  e.w.now += 1000;
}

describe("a machine that somebody recovered by hand is somebody's need", () => {
  /** It is given back, and people are asked again. */
  async function expectNeeded(name: string): Promise<void> {
    await e.until(["closed"]);
    expect(await row()).toMatchObject({ phase: "closed", closed_because: "changed", closed_reason: "everything is back as it was" });
    const said = await fresh.db.many(z.object({ sentence: z.string() }), SAID, [e.id]);
    expect(said).toEqual([
      { sentence: `a machine that was destroyed is there again: ${name}; somebody needs it; people will be asked again` },
    ]);
    expect(await seen()).toEqual(asApproved);
    await e.close();
  }

  test("right before a stop", async () => {
    await worldIn("expunging");
    await recoverByHand("vm");
    await stop();
    await e.bot.advance(e.id);
    expect((await row()).expunge_after).toBeNull();
    e.w.now += 1000;
    await resumeByTwo(fresh.db, e.w.now);
    await e.bot.advance(e.id);
    await expectNeeded("vm");
  });

  test("while the CI database cannot be read for longer than machines stay destroyed", async () => {
    await worldIn("expunging");
    await recoverByHand("vm");
    await run(e.bot.with({ ci: { readProjectState: async () => away } }), 4, HOUR / 3);
    expect((await row()).expunge_after).toBeNull();
    await e.bot.advance(e.id);
    await expectNeeded("vm");
  });

  test("while the destruction of another one is refused", async () => {
    await worldIn("grace");
    e.emulator.setFaults([{ kind: "status", status: 530, command: "destroyVirtualMachine", afterCalls: 1, times: 2 }]);
    await e.until(["dismantling"]);
    const gone = (await e.inventory()).items.find((i) => i.kind === "machine" && i.state === "Destroyed")?.name ?? "";
    await recoverByHand(gone);
    await e.bot.advance(e.id);
    await expectNeeded(gone);
  });

  test("a recovery of ours that CloudStack refused, and carried out all the same, is nobody's need", async () => {
    await worldIn("expunging");
    const { recoverMachine } = e.bot.deletions.restorer;
    const failing = e.bot.with({
      restorer: {
        recoverMachine: async (...of) => {
          const done = await recoverMachine(...of);
          return done.ok ? err(failure("rejected", "cloudstack.internal", "recoverVirtualMachine: failed")) : done;
        },
      },
    });
    await stop();
    for (let i = 0; i < 2; i += 1) await failing.advance(e.id);
    expect((await row()).expunge_after).toBeNull();
    e.w.now += 1000;
    await resumeByTwo(fresh.db, e.w.now);
    await e.until(["deleted", "closed"], 6 * HOUR);
    expect((await row()).phase).toBe("deleted");
    await e.close();
  });

  test("while a recovery of ours was refused, and what became of it could not be read", async () => {
    await worldIn("expunging");
    const { findThing } = e.bot.deletions.reader;
    let isBlind = false;
    const failing = e.bot.with({
      restorer: {
        recoverMachine: async () => {
          isBlind = true;
          return err(failure("rejected", "cloudstack.internal", "recoverVirtualMachine: no room on the storage"));
        },
      },
      reader: {
        // The look right after that call is lost.
        findThing: async (...of) => {
          if (!isBlind) return findThing(...of);
          isBlind = false;
          return away;
        },
      },
    });
    await stop();
    await failing.advance(e.id);
    await recoverByHand("vm");
    await e.bot.advance(e.id);
    e.w.now += 1000;
    await resumeByTwo(fresh.db, e.w.now);
    await e.bot.advance(e.id);
    await expectNeeded("vm");
  });

  test("a destruction that never arrived is nobody's need", async () => {
    await worldIn("grace");
    let isLost = false;
    const { destroyMachine } = e.bot.deletions.deleter;
    const lost = e.bot.with({
      deleter: {
        destroyMachine: async (...of) => {
          if (isLost) return destroyMachine(...of);
          isLost = true;
          return err(failure("indeterminate", "cloudstack.lost_answer", "the connection ended before the answer"));
        },
      },
    });
    for (let i = 0; i < 60 && (await row()).phase !== "expunging"; i += 1) await run(lost, 1, 500);
    expect([isLost, (await row()).phase]).toEqual([true, "expunging"]);
    await e.close();
  });
});

describe("whom somebody else shut out is not let in", () => {
  const shutOut = async (state: string) => {
    const account = (await e.inventory()).items.find((i) => i.kind === "account" && i.name === "enabled")?.id ?? "";
    const api = byHand();
    valueOf(await api.change("disableAccount", { id: account, lock: String(state === "locked") }));
    e.w.now += 60;
  };
  /** Restores and compares: all is as approved, but this account. */
  const expectShutOut = async (state: string, why: string) => {
    await restore();
    await e.until(["closed"]);
    expect(await seen()).toEqual(asApproved.map((one) => (one === "account enabled: enabled" ? `account enabled: ${state}` : one)));
    expect((await row()).closed_reason).toBe(`could not be brought back: account enabled is ${state}, and was enabled (${why})`);
  };
  const whys = { disabled: "this deletion did not disable it", locked: "it was locked when its quarantine began" };

  test.each(["disabled", "locked"] as const)("in the cool-off: %s", async (state) => {
    await worldIn("cooling_off");
    await shutOut(state);
    await e.until(["grace"]);
    await expectShutOut(state, whys[state]);
    await e.close();
  });

  test("after CloudStack refused the quarantine's call, and the account was enabled still", async () => {
    // The deleter has just asked for this account: the next call disables it.
    const refusal = rightBefore(async () => e.emulator.setFaults([{ kind: "status", status: 530, command: "disableAccount", times: 1 }]));
    await worldIn("cooling_off", { before: refusal.before });
    const refused = z.object({ name: z.string() });
    const sql = "select i.params ->> 'name' as name from intent i join outcome o on o.intent_id = i.id and o.result = 'refused'";
    for (let i = 0; i < 20 && (await fresh.db.many(refused, sql)).length === 0; i += 1) await run(e.bot, 1, 500);
    expect(await fresh.db.many(refused, sql)).toEqual([{ name: "enabled" }]);
    await shutOut("disabled");
    await e.until(["grace"]);
    await expectShutOut("disabled", whys.disabled);
    await e.close();
  });

  /** Something happens after the look before the quarantine: the deleter asks for the account itself, right before it disables it. */
  const rightBefore = (happens: () => Promise<unknown>) => {
    let isOver = false;
    const before = async (params: URLSearchParams) => {
      if (isOver || params.get("command") !== "listAccounts" || !params.has("id")) return;
      const { items } = await e.inventory();
      if (items.find((i) => i.id === params.get("id"))?.name !== "enabled" || isOver) return;
      isOver = true;
      await happens();
    };
    return { before, isOver: () => isOver };
  };

  test("a machine that is started right before the quarantine's call runs on: the domain is needed", async () => {
    const started = rightBefore(async () => {
      const vm = (await e.inventory()).items.find((i) => i.name === "vm")?.id ?? "";
      const api = byHand();
      valueOf(await api.change("startVirtualMachine", { id: vm }));
      e.w.now += 60;
    });
    await worldIn("cooling_off", { before: started.before });
    await e.until(["closed", "grace"]);
    expect(started.isOver()).toBe(true);
    expect(await row()).toMatchObject({ phase: "closed", closed_because: "changed" });
    expect(await seen()).toEqual(asApproved.map((one) => (one === "machine vm: Stopped" ? "machine vm: Running" : one)));
    await e.close();
  });

  test.each(["disabled", "locked"] as const)("between the look before the quarantine and its call: %s", async (state) => {
    const shut = rightBefore(() => shutOut(state));
    await worldIn("cooling_off", { before: shut.before });
    await e.until(["grace"]);
    expect(shut.isOver()).toBe(true);
    await expectShutOut(state, whys[state]);
    await e.close();
  });
});

test("what had run is started, with its disks on it again", async () => {
  await worldIn("expunging");
  const vm = (await e.inventory()).items.find((i) => i.name === "vm")?.id ?? "";
  await updateDeletion(fresh.db, e.id, { ran_machines: [vm] });
  await restore();
  await e.until(["closed"]);
  expect((await row()).closed_reason).toBe("everything is back as it was");
  expect(await seen()).toEqual(asApproved.map((one) => (one === "machine vm: Stopped" ? "machine vm: Running" : one)));
  const order = e
    .sent()
    .filter((command) => ["recoverVirtualMachine", "enableAccount", "attachVolume", "startVirtualMachine"].includes(command));
  expect(order.at(-1)).toBe("startVirtualMachine");
  await e.close();
});

test("what had run is started once its owner is enabled, however long that took", async () => {
  await worldIn("expunging");
  const vm = (await e.inventory()).items.find((i) => i.name === "vm")?.id ?? "";
  await updateDeletion(fresh.db, e.id, { ran_machines: [vm] });
  e.emulator.setFaults([{ kind: "status", status: 530, command: "enableAccount" }]);
  await restore();
  await run(e.bot, 60, HOUR);
  expect(e.sent().filter((command) => command === "startVirtualMachine")).toEqual([]);
  e.emulator.setFaults([]);
  await e.until(["closed"]);
  expect((await row()).closed_reason).toBe("everything is back as it was");
  await e.close();
});
