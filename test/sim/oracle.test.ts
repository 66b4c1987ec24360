/**
 * Claims: the simulation's oracle counts no approval of who closed the project, though the bot forgot to write that person down, or knows
 * them as somebody else; it lets nothing be given back that nobody asked back, nothing be taken that was asked back, nothing wait for ever.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeletionId, DomainId, DomainPath } from "../../src/core/ids.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, insertWithAnyWaits, policy } from "../support/deletions.ts";
import { byHand } from "./by-hand.ts";
import type { Process } from "./crash.ts";
import { openDoor } from "./door.ts";
import { Oracle } from "./oracle.ts";
import { team } from "./people.ts";
import { resetDatabase } from "./reset.ts";
import { createWorld, passed, times } from "./world.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const process: Process = { name: "A1", points: 0, dieAt: Number.POSITIVE_INFINITY, dead: false, skewMs: 0, apiKeys: new Set(["key"]) };

const HOUR = 3_600_000;
const id = "6f1c9a1e-0000-4000-8000-0000000000dd" as DeletionId;

/** A world with one deletion, of a domain with one account, and the oracle over it. */
async function scene(closedBy: string) {
  await resetDatabase(fresh.db);
  const w = await createWorld(1, fresh.db);
  const oracle = new Oracle(w);
  const ci = w.cloud.tree().children.find((d) => d.name === "ci");
  const domain = w.cloud.addDomain({ name: "doomed", parent: ci?.id ?? "" });
  const account = w.cloud.addAccount({ domain, name: "ann" }).accountId;
  const machine = w.cloud.addMachine({ account, name: "vm" });
  oracle.refresh();
  const place = { domain_id: domain as DomainId, path: "ROOT/ci/doomed" as DomainPath, slug: "doomed", name: "doomed" };
  const evidence = { kind: "closed", projectId: "p-9", slug: "doomed", closedAt: at(0), closedBy } as never;
  await insertWithAnyWaits(fresh.db, { id, ...place, project_id: "p-9" as never, policy, opened_at: at(1), requesters: [], evidence });
  const judge = async (command: string, target: string): Promise<readonly string[]> => {
    w.violations.splice(0);
    oracle.evidence.set("A1 p-9", { state: "closed", used: false });
    await oracle.judge(new URLSearchParams({ command, id: target }), process);
    return w.violations;
  };
  return { w, oracle, account, machine, judge };
}

/** Writes a deletion's state past every rule of the database. */
async function put(change: string): Promise<void> {
  await fresh.db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await q.exec(`update deletion set ${change}`);
  });
}

const of = (invariant: string, violations: readonly string[]): readonly string[] => violations.filter((v) => v.startsWith(invariant));

test.each([
  ["who closed it and one more", "u1", ["INV-2: disableAccount in ROOT/ci/doomed with 1 approvals that count"]],
  [
    "the same, whose row in the CI database was another one",
    "u1-again",
    ["INV-2: disableAccount in ROOT/ci/doomed with 1 approvals that count"],
  ],
  ["two others", "u3", []],
] as const)("approved by %s", async (_who, closedBy, expected) => {
  const { w, account, judge } = await scene(closedBy);
  w.approvals.set(id, new Map(team.slice(0, 2).map((p) => [p.operator.id, { at: 0, isSure: true }] as const)));
  expect(of("INV-2", await judge("disableAccount", account))).toEqual(expected);
  await w.cloud.close();
});

test("while everything is stopped, only what was asked back is given back", async () => {
  const { w, account, machine, judge } = await scene("u3");
  Object.assign(w.stop, { isOn: true, since: 0 });
  const notAsked = "while everything is stopped, and nobody asked for ROOT/ci/doomed back";
  expect(of("INV-3", await judge("enableAccount", account))).toEqual([`INV-3: enableAccount ${notAsked}`]);
  expect(of("INV-3", await judge("startVirtualMachine", machine))).toEqual([`INV-3: startVirtualMachine ${notAsked}`]);
  await put("restore_by = 'Ada'");
  for (const command of ["enableAccount", "startVirtualMachine"]) expect(of("INV-3", await judge(command, account)), command).toEqual([]);
  await w.cloud.close();
});

test("once it was asked back, nothing is taken any more", async () => {
  const { w, machine, judge } = await scene("u3");
  w.approvals.set(id, new Map(team.slice(0, 2).map((p) => [p.operator.id, { at: 0, isSure: true }] as const)));
  expect(of("INV-3", await judge("destroyVirtualMachine", machine))).toEqual([]);
  w.askedBack.add(id);
  const late = ["INV-3: destroyVirtualMachine in ROOT/ci/doomed after it was asked back"];
  expect(of("INV-3", await judge("destroyVirtualMachine", machine))).toEqual(late);
  await w.cloud.close();
});

test("a clock that is set back does not take away what has been waited", async () => {
  const { w, machine, judge } = await scene("u3");
  const said = passed(w);
  w.approvals.set(id, new Map(team.slice(0, 2).map((p) => [p.operator.id, { at: said, isSure: true }] as const)));
  w.clock.at += times.coolOffMs + times.graceMs - HOUR / 4;
  expect(of("INV-3", await judge("destroyVirtualMachine", machine))).toEqual([
    "INV-3: destroyVirtualMachine in ROOT/ci/doomed 900000 ms too early",
  ]);
  w.clock.at += HOUR / 4;
  expect(of("INV-3", await judge("destroyVirtualMachine", machine))).toEqual([]);
  w.clock.at -= HOUR / 2;
  w.clock.setBackMs += HOUR / 2;
  expect(of("INV-3", await judge("destroyVirtualMachine", machine))).toEqual([]);
  await w.cloud.close();
});

/** The machine of a deletion, destroyed by it, or by somebody else; what the oracle says of its recovery. */
async function destroyed(by: "the deletion" | "somebody else" = "the deletion") {
  const s = await scene("u3");
  const change = "phase = 'expunging'";
  await put(change);
  if (by === "the deletion") await s.judge("destroyVirtualMachine", s.machine);
  openDoor((request, response) => s.w.cloud.serve(request, response));
  expect(await byHand(s.w, "destroyVirtualMachine", { id: s.machine })).toBe(true);
  s.oracle.refresh();
  await put(`expunge_after = ${s.w.clock.at + HOUR}`);
  return {
    ...s,
    recover: async () => of("INV-9", await s.judge("recoverVirtualMachine", s.machine)).map((v) => v.replace(/^.*doomed, /, "")),
  };
}

describe("a machine is recovered", () => {
  const tooEarly = ["which nobody asked back, and which CloudStack still keeps for long"];

  test("when it was asked back, when it stands, and shortly before CloudStack may expunge it", async () => {
    const { w, recover } = await destroyed();
    expect(await recover()).toEqual(tooEarly);
    for (const change of ["restore_by = 'Ada'", "restore_by = null, phase = 'frozen', frozen_from = 'expunging'"]) {
      await put(change);
      expect(await recover(), change).toEqual([]);
    }
    await put("phase = 'expunging', frozen_from = null");
    w.clock.at += HOUR / 2;
    expect(await recover()).toEqual(tooEarly);
    Object.assign(w.stop, { isOn: true, since: 0 });
    expect(await recover()).toEqual([]);
    w.stop.isOn = false;
    w.clock.at += HOUR / 4;
    expect(await recover()).toEqual([]);
    await w.cloud.close();
  });

  test("when something has kept its deletion back for half an hour", async () => {
    const { w, recover } = await destroyed();
    w.clock.at += (HOUR * 40) / 60;
    await put(`waiting_for = 'unavailable', waiting_since = ${w.clock.at - HOUR / 3}`);
    expect(await recover()).toEqual(tooEarly);
    await put(`waiting_since = ${w.clock.at - HOUR / 2}`);
    expect(await recover()).toEqual([]);
    await w.cloud.close();
  });

  test("not when somebody else destroyed it, nor when it is not destroyed", async () => {
    const { w, recover } = await destroyed("somebody else");
    await put("restore_by = 'Ada'");
    expect(await recover()).toEqual(["which no deletion under way has destroyed"]);
    await w.cloud.close();
    const { w: other, machine, judge } = await scene("u3");
    await put("phase = 'expunging', restore_by = 'Ada'");
    await judge("destroyVirtualMachine", machine);
    expect((await judge("recoverVirtualMachine", machine))[0]).toMatch(/which is (?:Running|Stopped)$/);
    await other.cloud.close();
  });

  test("in time: a deletion that does not know CloudStack's time, or believes in more, is told", async () => {
    const { w, oracle } = await destroyed();
    const told = async (change: string) => {
      await put(change);
      w.violations.splice(0);
      await oracle.look();
      return of("INV-9", w.violations);
    };
    expect(await told("until_at = null")).toEqual([]);
    expect(await told("expunge_after = expunge_after + 60000")).toEqual([
      expect.stringMatching(/doomed shows a time that is 62000 ms later/),
    ]);
    expect(await told("expunge_after = null")).toEqual([expect.stringMatching(/doomed does not know/)]);
    oracle.forget();
    expect(await told("until_at = null")).toEqual([]);
    await w.cloud.close();
  });
});

test("what waits for ever is told, and what is frozen must be on a card with its reason", async () => {
  const { w, oracle } = await scene("u3");
  await put("phase = 'quarantining', activity = null");
  await oracle.judgeEnds();
  await put("phase = 'frozen', frozen_from = 'removing', frozen_reason = 'x'");
  await oracle.judgeEnds();
  expect(w.violations).toEqual([
    "INV-5: after days in which all was well, ROOT/ci/doomed is still in quarantining: nothing says why",
    `INV-5: ${id} is frozen, and its card does not say why`,
  ]);
  await w.cloud.close();
});
