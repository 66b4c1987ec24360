/**
 * Claims: the simulation's oracle counts no approval of who closed the project, though the bot forgot to write that person down, or knows
 * them as somebody else; it lets nothing be given back that nobody asked back, nothing be taken that was asked back, nothing wait for ever.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DeletionId, DomainId, DomainPath } from "../../src/core/ids.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { at, insertWithAnyWaits, policy } from "../support/deletions.ts";
import type { Process } from "./crash.ts";
import { Oracle } from "./oracle.ts";
import { team } from "./people.ts";
import { resetDatabase } from "./reset.ts";
import { createWorld } from "./world.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const process: Process = { name: "A1", points: 0, dieAt: Number.POSITIVE_INFINITY, dead: false, skewMs: 0, apiKeys: new Set(["key"]) };

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

test("while everything is stopped, only what was asked back is given back, and only machines are brought to rest", async () => {
  const { w, account, machine, judge } = await scene("u3");
  Object.assign(w.stop, { isOn: true, since: 0 });
  const notAsked = "while everything is stopped, and nobody asked for ROOT/ci/doomed back";
  expect(of("INV-3", await judge("enableAccount", account))).toEqual([`INV-3: enableAccount ${notAsked}`]);
  expect(of("INV-3", await judge("startVirtualMachine", machine))).toEqual([`INV-3: startVirtualMachine ${notAsked}`]);
  expect(of("INV-3", await judge("recoverVirtualMachine", machine))).toEqual([]);
  await put("restore_by = 'Ada'");
  for (const command of ["enableAccount", "startVirtualMachine"]) expect(of("INV-3", await judge(command, account)), command).toEqual([]);
  await w.cloud.close();
});

test("once it was asked back, the call on its way may come, and none after it", async () => {
  const { w, machine, judge } = await scene("u3");
  w.askedBack.set(id, 0);
  const calls: (readonly string[])[] = [];
  for (let n = 0; n < 2; n++) calls.push(of("INV-3", await judge("destroyVirtualMachine", machine)));
  expect(calls).toEqual([[], ["INV-3: destroyVirtualMachine in ROOT/ci/doomed after it was asked back"]]);
  await w.cloud.close();
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
