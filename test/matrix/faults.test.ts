/**
 * Claim INV-5: whatever goes wrong once with a call that takes something away, the deletion ends as it should, and nothing else is
 * touched. The same where something appears, or cannot be read, from a phase on. Each fault at each single call, faults that go on, and
 * each state from each phase on: npm run fault-matrix.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { playFault } from "./fault-life.ts";
import { changes, faults, restores } from "./faults.ts";
import { playState } from "./state-life.ts";
import { states } from "./states.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";

let fresh: FreshDatabase;
const archive = mkdtempSync(path.join(tmpdir(), "twokey-matrix-"));
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  await fresh.drop();
  rmSync(archive, { recursive: true, force: true });
});

/** To the bot these are as another one is: a connection that was never made, and statuses of the same meaning. */
const alike = ["unreachable", "500", "503", "530", "HTML, status 200"];
const tried = faults.filter((f) => !alike.includes(f.name) && changes.some((c) => f.strikes(c)));

const LIVES = 4;
/** Each call that takes something away meets another fault in each life, and each fault is met: all at all of them are the whole matrix. */
const inLife = (life: number) =>
  changes.flatMap((command, i) => {
    const possible = tried.filter((f) => f.strikes(command));
    const fault = possible[(i * LIVES + life) % possible.length];
    return fault === undefined ? [] : [{ fault, command }];
  });

test("between them the lives meet every fault", () => {
  const met = new Set(Array.from({ length: LIVES }, (_, life) => inLife(life)).flatMap((at) => at.map((a) => a.fault.name)));
  expect(met).toEqual(new Set(tried.map((f) => f.name)));
});

test.each(Array.from({ length: LIVES }, (_, life) => life))(
  "life %i, with a fault at every call that takes something away",
  async (life) => {
    const folder = mkdtempSync(path.join(archive, "life-"));
    const at = inLife(life);
    const played = await playFault({ life: "delete", at, lasting: { calls: 1 } }, fresh.db, folder);
    expect(played, at.map((a) => `${a.fault.name} at ${a.command}`).join(", ")).toMatchObject({ wrong: [], froze: null, wereSent: true });
  },
);

test("a lost answer while it is given back", async () => {
  const folder = mkdtempSync(path.join(archive, "life-"));
  const at = faults.filter((f) => f.name === "lost after").flatMap((fault) => restores.map((command) => ({ fault, command })));
  const played = await playFault({ life: "recover", at, lasting: { calls: 1 } }, fresh.db, folder);
  expect(played).toMatchObject({ wrong: [], froze: null, wereSent: true });
});

// Three refusals ended it before, with the machine lost; CloudStack keeps it for a day, so it is asked for until the fault is mended.
test.each(["401", "530"])("recoverVirtualMachine answers %s until that is mended, and all is given back", async (name) => {
  const folder = mkdtempSync(path.join(archive, "life-"));
  const at = faults.filter((f) => f.name === name).map((fault) => ({ fault, command: "recoverVirtualMachine" as const }));
  const played = await playFault({ life: "recover", at, lasting: "on and on" }, fresh.db, folder);
  expect(played).toMatchObject({ wrong: [], froze: null, wereSent: true });
});

/** One of each kind, in the phases where most is at stake: a thing that appears, a witness that lags, a list that may not be asked. */
test.each([
  ["detached root disk", "dismantling", "closed: changed"],
  ["ISO", "removing", "asked, deleted"],
  ["totals that lag", "grace", "deleted"],
  ["role without listVolumes", "expunging", "deleted"],
] as const)("%s from %s on", async (name, phase, ended) => {
  const folder = mkdtempSync(path.join(archive, "life-"));
  const state = states.find((s) => s.name === name);
  expect(state && (await playState(state, phase, fresh.db, folder))).toEqual({ ended, wrong: [] });
});
