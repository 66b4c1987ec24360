/**
 * Claim: a click on Restore, Keep or Stop lets at most the call go through that is on the wire; another run, an old grant and another
 * transition do the same. Counted at the emulator, through the real clients.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { jobIdFor } from "../../src/core/derived-ids.ts";
import type { CiUserId, DeletionId } from "../../src/core/ids.ts";
import { ok } from "../../src/core/result.ts";
import { takePassage } from "../../src/deletion/passage.ts";
import { takeLease, updateDeletion } from "../../src/store/deletions.ts";
import { openIntents } from "../../src/store/intents.ts";
import { recordStop } from "../../src/store/stop-switch.ts";
import { resetDatabase } from "../sim/reset.ts";
import { valueOf } from "../cloudstack/support.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { expectRow, op } from "../support/deletions.ts";
import { emulatedWorld, type EmulatedWorld } from "../support/emulated-world.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
beforeEach(() => resetDatabase(fresh.db));
afterAll(() => fresh.drop());

const eve = { operator: { id: op("eve"), name: "Eve", ciUserId: null }, isTeam: true };
const mia = { operator: { id: op("mia"), name: "Mia", ciUserId: "u-mia" as CiUserId }, isTeam: false };
const TAKES = /^(?:destroy|delete|detach|disable|disassociate)/;

/** What people, or another replica, do in the middle of a teardown. */
const acts: readonly (readonly [string, (e: EmulatedWorld) => Promise<unknown>])[] = [
  [
    "Restore",
    async (e) => {
      const { version, digest } = await expectRow(fresh.db, e.id);
      return valueOf(await e.bot.services.deletions.restore({ deletionId: e.id as DeletionId, version, digest, by: eve }));
    },
  ],
  ["Keep", async (e) => valueOf(await e.bot.services.deletions.keep(e.id as DeletionId, mia))],
  ["Stop", async () => recordStop(fresh.db, { at: 1, kind: "stop", byOperator: "ci:eve", reason: "wait" })],
  ["another run", async (e) => takeLease(fresh.db, e.id)],
  [
    "what shows that those who approved are one person",
    async () => {
      const voters = "select 'T1/U1', voter, 1 from ballot where kind = 'deletion' and verdict = 'approve'";
      return fresh.db.exec(`insert into known_account ${voters} on conflict do nothing`);
    },
  ],
];

/** Two accounts with three stopped machines each, each with a disk; `act` happens once, when the bot sends the first request of `when`. */
async function worldWith(
  act: (e: EmulatedWorld) => Promise<unknown>,
  when: (params: URLSearchParams, e: EmulatedWorld) => boolean | Promise<boolean>,
) {
  const seen = { isDone: false, after: [] as string[] };
  let e: EmulatedWorld | null = null;
  const before = async (params: URLSearchParams): Promise<void> => {
    const command = params.get("command") ?? "";
    if (seen.isDone && TAKES.test(command)) seen.after.push(command);
    if (e === null || seen.isDone || !(await when(params, e))) return;
    seen.isDone = true;
    await act(e);
  };
  const made = await emulatedWorld(
    fresh.db,
    (emulator, domain) => {
      for (const name of ["ann", "bob"]) {
        const account = emulator.addAccount({ domain, name }).accountId;
        for (let i = 1; i <= 3; i += 1)
          emulator.addVolume({ account, name: `data${i}`, machine: emulator.addMachine({ account, name: `vm${i}`, stopped: true }) });
      }
    },
    { before },
  );
  e = { ...made, bot: made.bot.with({ ci: { project: async () => ok({ members: [{ userId: mia.operator.ciUserId }] } as never) } }) };
  return { e, seen };
}

const sends = (command: string) => (params: URLSearchParams) => params.get("command") === command;
/** The deleter's own read of the machines, between the guard's answer and the call. */
const reads = async (params: URLSearchParams, e: EmulatedWorld) =>
  params.get("command") === "listVirtualMachines" &&
  (await openIntents(fresh.db, { kind: "deletion", id: e.id })).some((i) => i.command === "destroy");

describe.each(acts)("%s", (what, act) => {
  test.each([
    ["the quarantine", "disableAccount is on the wire", sends("disableAccount")],
    ["the dismantling", "destroyVirtualMachine is on the wire", sends("destroyVirtualMachine")],
    ["the dismantling", "the deleter reads, before its call", reads],
    ["the removing", "deleteVolume is on the wire", sends("deleteVolume")],
  ] as const)("in %s, while %s: no call that takes something away follows", async (where, _, when) => {
    if (where === "the removing" && !["Stop", "another run"].includes(what)) return;
    const { e, seen } = await worldWith(act, when);
    for (let i = 0; i < 80 && !seen.isDone; i += 1) {
      await e.bot.advance(e.id);
      e.w.now += 500;
    }
    expect(seen).toEqual({ isDone: true, after: [] });
    if (what === "another run") return e.close();
    await e.bot.advance(e.id);
    expect(seen.after).toEqual([]);
    return e.close();
  });
});

test("without any click the same world is taken apart, so the calls above were kept away by the clicks", async () => {
  const { e, seen } = await worldWith(async () => undefined, sends("destroyVirtualMachine"));
  await e.until(["expunging"]);
  expect(seen.after.filter((c) => c === "destroyVirtualMachine")).toHaveLength(5);
  await e.close();
});

describe("a grant of the guard", () => {
  /** A grant for the first machine, and what its call answers. */
  async function granted() {
    const { e } = await worldWith(
      async () => undefined,
      () => false,
    );
    await e.until(["grace"]);
    const row = await expectRow(fresh.db, e.id);
    const { grant, fresh: now } = valueOf(await takePassage(row, e.bot.deletions));
    const machine = now.items.find((i) => i.kind === "machine");
    if (machine === undefined) throw new Error("no machine");
    const destroy = () => e.bot.deletions.deleter.destroyMachine(grant, machine, jobIdFor(randomUUID()));
    return { e, row, destroy, machine };
  }

  test.each<[string, (e: EmulatedWorld) => Promise<unknown>, string]>([
    ["is a minute old", async (e) => (e.w.now += 60_000), "deletion.grant_old"],
    ["is of a time to come: the clock was set back", async (e) => (e.w.now -= 1), "deletion.grant_old"],
    ["was followed by a restore", async (e) => updateDeletion(fresh.db, e.id, { restore_by: "Eve" }), "deletion.overtaken"],
    ["is of a phase before", async (e) => updateDeletion(fresh.db, e.id, { phase: "frozen" }), "deletion.overtaken"],
    [
      "is of the same phase, entered again",
      async (e) => {
        await updateDeletion(fresh.db, e.id, { phase: "frozen" });
        await updateDeletion(fresh.db, e.id, { phase: "grace" });
      },
      "deletion.overtaken",
    ],
    ["is of a run before", async (e) => takeLease(fresh.db, e.id), "deletion.overtaken"],
    ["was followed by a stop", acts[2]?.[1] ?? (async () => undefined), "cloudstack.stopped"],
  ])("that %s opens nothing", async (_, since, code) => {
    const { e, destroy } = await granted();
    await since(e);
    const before = e.sent().length;
    expect(await destroy()).toMatchObject({ ok: false, error: { code } });
    expect(e.sent()).toHaveLength(before);
    await e.close();
  });

  test("that is 59 seconds old still opens its call", async () => {
    const { e, destroy } = await granted();
    e.w.now += 59_000;
    expect(await destroy()).toEqual(ok(undefined));
    await e.close();
  });
});
