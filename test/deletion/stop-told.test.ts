/** Claims: everybody is told who stopped everything, and why, and when all stands still; a second stop adds to the first; a resume names all. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { renderStop } from "../../src/bot/render/stop-card.ts";
import type { Command } from "../../src/commands/command.ts";
import { runCommand } from "../../src/commands/run.ts";
import type { Instant } from "../../src/core/ids.ts";
import type { Asker } from "../../src/core/people.ts";
import { recordIntent, recordOutcome } from "../../src/store/intents.ts";
import { mayDelete } from "../../src/store/last-word.ts";
import { mayCall, readStop } from "../../src/store/stop-switch.ts";
import { stillness, type StopView } from "../../src/sync/execution/stop-view.ts";
import { valueOf } from "../cloudstack/support.ts";
import { putInForce, testBot, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { op, openOne } from "../support/deletions.ts";
import { lendDatabase } from "../support/lent-database.ts";

let fresh: FreshDatabase;
let bot: TestBot;
let shown: StopView[] = [];
let now = 100;
beforeEach(async () => {
  fresh = await lendDatabase();
  await putInForce(fresh.db);
  shown = [];
  now = 100;
  bot = testBot(fresh.db, { now: () => now++ as Instant, stops: { showStop: (view) => void shown.push(view) } });
});
afterEach(() => fresh.drop());

const by = (name: string, isTeam = true): Asker => ({ operator: { id: op(name), name, ciUserId: null }, isTeam });
const stop = async (name: string, reason: string) => valueOf(await bot.services.sync.stop(by(name), reason));
const text = (view: StopView | undefined): string => (view === undefined ? "" : JSON.stringify(renderStop(view, "test").blocks));
const sweep = async () => {
  now += 10_000;
  await bot.schedules.find((s) => s.name === "show-stop")?.run();
};

test("the channel hears who stopped, and why; a second stop adds its own, in the same message", async () => {
  await stop("dora", "disk full");
  await stop("eve", "no reason given");
  const [first, second] = shown;
  expect(second?.id).toBe(first?.id);
  expect(second?.stops.map((s) => `${s.name}: ${s.reason}`)).toEqual(["dora: disk full", "eve: no reason given"]);
  for (const word of ["dora", "disk full", "eve", "no reason given", "0 of 2", "/ci-resume"]) expect(text(second)).toContain(word);
});

test("what is not sent says all reasons", async () => {
  await stop("dora", "disk full");
  await stop("eve", "looking too");
  const row = await openOne(fresh.db);
  const seen = { deletionId: row.id, phase: row.phase, version: row.version, lease: row.lease, grantedAt: now };
  for (const refusal of [await mayCall(fresh.db, "deleteDomain"), await mayDelete(fresh.db, seen, "deleteDomain", now)]) {
    expect(refusal).toMatchObject({ ok: false, error: { code: "cloudstack.stopped" } });
    expect(refusal.ok ? "" : refusal.error.message).toContain("disk full; looking too");
  }
});

test("votes to resume are shown; the resume names both, and the next stop is told in a message of its own", async () => {
  await stop("dora", "disk full");
  valueOf(await bot.services.sync.resume(by("ada")));
  expect(shown.at(-1)?.votes).toEqual(["ada"]);
  // A further stop voids the vote.
  await stop("eve", "wait");
  expect(shown.at(-1)?.votes).toEqual([]);
  for (const name of ["ada", "ben"]) valueOf(await bot.services.sync.resume(by(name)));
  const over = shown.at(-1);
  expect(over).toMatchObject({ id: shown[0]?.id, resumed: { names: "ada and ben" } });
  for (const word of ["ada and ben", "dora", "disk full", "eve", "wait"]) expect(text(over)).toContain(word);
  expect((await readStop(fresh.db)).stopped).toBe(false);
  await stop("dora", "again");
  expect(shown.at(-1)?.id).not.toBe(over?.id);
  expect(shown.at(-1)?.stops.map((s) => s.reason)).toEqual(["again"]);
});

test("everything stands still when the last call that was sent has ended, and then the message says so", async () => {
  const id = randomUUID();
  const { id: owner } = await openOne(fresh.db);
  await recordIntent(fresh.db, { id, owner: { kind: "deletion", id: owner }, command: "destroy_machine", params: { name: "vm1" }, at: 1 });
  const view = await stop("dora", "wait");
  expect(stillness(view)).toBe("Nothing more is sent; not yet known to have ended: destroy machine vm1.");
  await sweep();
  expect(text(shown.at(-1))).toContain("destroy machine vm1");
  await recordOutcome(fresh.db, { intentId: id, result: "done", data: null, at: 2 });
  await sweep();
  expect(text(shown.at(-1))).toContain("Everything stands still");
});

test("every answer says that all is stopped: to the team with the reason, to others without", async () => {
  const commands: readonly Command[] = [
    { kind: "help" },
    { kind: "deletions" },
    { kind: "status", slug: null },
    { kind: "sync", slug: null },
    { kind: "policy", wish: null },
  ];
  const said = async (asker: Asker) => {
    const replies = [];
    for (const command of commands) replies.push(await runCommand(command, asker, bot.services, { channel: "C1", user: "U1" }));
    return replies.map((reply) => JSON.stringify(reply.parts.at(-1) ?? ""));
  };
  for (const last of await said(by("ada"))) expect(last).not.toContain("disk full");
  await stop("dora", "disk full");
  for (const last of await said(by("ada"))) expect(last).toMatch(/Everything is stopped \(dora: disk full\)\. Everything stands still/);
  for (const last of await said(by("mia", false))) {
    expect(last).toContain("has stopped Twokey");
    expect(last).not.toContain("disk full");
  }
});

test("a stop that was told nowhere, as one of a terminal, is told by the next look; one that ended long ago is not told again", async () => {
  await stop("dora", "drill");
  shown = [];
  // The process that stopped is about to post it: another one would post it twice.
  await bot.schedules.find((s) => s.name === "show-stop")?.run();
  expect(shown).toEqual([]);
  await sweep();
  expect(shown).toHaveLength(1);
  for (const name of ["ada", "ben"]) valueOf(await bot.services.sync.resume(by(name)));
  now += 2 * 3_600_000;
  shown = [];
  await sweep();
  expect(shown).toEqual([]);
});
