/**
 * Claim (H3): a stop, Cancel and Restore are refused to nobody for want of the CI database or of Slack's lists, on two Slacks that share no
 * code; whom an answer names as somebody else's, a guest's or a bot's is refused, and nobody approves that way.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { failure } from "../../src/core/failure.ts";
import type { DeletionId } from "../../src/core/ids.ts";
import { err } from "../../src/core/result.ts";
import type { App } from "@slack/bolt";
import { listen } from "../../src/bot/listeners.ts";
import { createEvents } from "../../src/events.ts";
import { readLiveDeletions, updateDeletion } from "../../src/store/deletions.ts";
import { recordPostedMessage } from "../../src/store/posted-messages.ts";
import { readLastStop, readStop } from "../../src/store/stop-switch.ts";
import { putInForce, testBot, type TestBot } from "../support/bot.ts";
import type { FreshDatabase } from "../support/database.ts";
import { at, expectRow, openOne } from "../support/deletions.ts";
import { eventually } from "../support/eventually.ts";
import { lendDatabase } from "../support/lent-database.ts";
import { ciPerson, identityOn, twoSlacks, type IdentityWorld, type OneSlack } from "./two-slacks.ts";

const away = async () => err(failure("unavailable", "cidb.unavailable", "The CI database could not be read"));
const LISTS = ["conversations.info", "conversations.members", "usergroups.users.list"];

describe.each(twoSlacks)("on %s", (_, start) => {
  let slack: OneSlack;
  let fresh: FreshDatabase;
  let w: IdentityWorld;
  let bot: TestBot;
  beforeAll(async () => {
    slack = await start();
  });
  afterAll(() => slack.close());
  beforeEach(async () => {
    fresh = await lendDatabase();
    await putInForce(fresh.db);
    slack.fail("", null);
    slack.setEnterprise(null);
    slack.setPublic(false);
    slack.setGroup(["UADA", "UBEN"]);
    slack.setMembers(["UADA", "UBEN", "UCHEN"]);
    for (const name of ["ada", "ben", "chen", "mia"]) slack.set({ id: `U${name.toUpperCase()}`, name, email: `${name}@example.org` });
    await restart();
  });
  afterEach(() => fresh.drop());

  /** A process that has just started and remembers nothing. */
  async function restart(more: Parameters<typeof identityOn>[2] = {}): Promise<void> {
    w = await identityOn(slack, fresh.db, { people: ["ada", "ben", "chen"].map((id) => ciPerson(id)), ...more });
    bot = testBot(fresh.db, { approvers: w.identity, now: () => at(w.now) });
  }
  const halting = async (user: string) => {
    const asker = await w.identity.identifyToHalt(user);
    if (!asker.ok) throw new Error(asker.error.message);
    return asker.value;
  };
  const stop = async (user: string) => bot.services.sync.stop(await halting(user), "something is wrong");
  const isStopped = async () => (await readStop(fresh.db)).stopped;
  const notTeam = { ok: false, error: { code: "command.team_only" } };

  test("all is well: the team stops as the persons they are, and nobody else", async () => {
    expect(await stop("UMIA")).toMatchObject(notTeam);
    expect(await isStopped()).toBe(false);
    expect(await stop("UCHEN")).toMatchObject({ ok: true });
    expect((await readStop(fresh.db)) as object).toMatchObject({ stopped: true, by: "ci:chen" });
  });

  test("the CI database is away: who is of the team stops, by Slack alone; who is not does not", async () => {
    await restart({ ciAway: away });
    expect((await w.identity.identify("UCHEN")).ok).toBe(false);
    expect(await stop("UMIA")).toMatchObject(notTeam);
    expect(await stop("UCHEN")).toMatchObject({ ok: true });
    expect((await readLastStop(fresh.db))?.stops.map((s) => s.name)).toEqual(["chen (not in the CI database)"]);
  });

  test("the CI database goes away: people stay who they are by its newest answer", async () => {
    await halting("UCHEN");
    w.ciAway = away;
    w.now += 3_600_000;
    expect((await halting("UCHEN")).operator.id).toBe("ci:chen");
  });

  test.each(LISTS)("%s fails from the start: who may be of the team stops", async (method) => {
    slack.fail(method, "fatal_error");
    await restart(method.startsWith("usergroups") ? {} : { list: { group: null, ids: [] } });
    expect(await stop("UMIA")).toMatchObject({ ok: true });
  });

  test("a list fails for a while: the last good one counts, and who was not in it stays out", async () => {
    await halting("UCHEN");
    slack.fail("conversations.members", "fatal_error");
    w.now += 60_000;
    expect(await halting("UCHEN")).toMatchObject({ isTeam: true });
    expect(await stop("UMIA")).toMatchObject(notTeam);
    // Longer than a last good list is believed: better one stop too many.
    w.now += 3_600_000;
    expect(await stop("UMIA")).toMatchObject({ ok: true });
  });

  test("Slack and the CI database hang: a stop waits for neither", async () => {
    await restart({ ciAway: () => new Promise(() => undefined), sleep: async () => undefined });
    const answered = stop("UCHEN");
    await eventually("everything is stopped", isStopped, { limitMs: 60_000 });
    // The archive is told after it: the database is needed until then.
    await answered;
  });

  test("Slack cannot say who it is: their account stops; an account that it knows as no member's does not", async () => {
    slack.fail("users.info", "fatal_error");
    expect((await halting("UCHEN")).operator).toMatchObject({ id: "slack:UCHEN", ciUserId: null });
    expect(await stop("UCHEN")).toMatchObject({ ok: true });
    slack.fail("", null);
    slack.set({ id: "UGONE", name: "gone", deleted: true });
    slack.set({ id: "UOUT", name: "out", outside: true });
    for (const method of ["", "conversations.members"]) {
      slack.fail(method, method === "" ? null : "fatal_error");
      for (const user of ["UGONE", "UOUT"])
        expect(await w.identity.identifyToHalt(user), user).toMatchObject({ ok: false, error: { kind: "refused" } });
    }
  });

  test("Cancel and Restore work when nothing can be read, and nothing else does", async () => {
    slack.fail("conversations.members", "fatal_error");
    await restart({ ciAway: away, list: { group: null, ids: [] } });
    const by = await halting("UMIA");
    expect(by).toMatchObject({ isTeam: false, mayBeTeam: true });
    const opened = await openOne(fresh.db);
    const click = async () => {
      const { version, digest } = await expectRow(fresh.db, opened.id);
      return { deletionId: opened.id as DeletionId, version, digest, by };
    };
    const { deletions, sync } = bot.services;
    for (const refused of [
      await deletions.reject({ ...(await click()), reason: "not this one" }),
      await deletions.approve({ ...(await click()), typedName: opened.name }),
      await sync.startPass(by, null),
      await sync.resume(by),
    ])
      expect(refused.ok).toBe(false);
    await enter(opened.id, "cooling_off");
    expect(await deletions.cancel(await click())).toMatchObject({ ok: true });
    expect(await expectRow(fresh.db, opened.id)).toMatchObject({ phase: "closed", closed_because: "cancelled" });
    const second = await openOne(fresh.db);
    await enter(second.id, "grace");
    const { version, digest } = await expectRow(fresh.db, second.id);
    expect(await deletions.restore({ deletionId: second.id as DeletionId, version, digest, by })).toMatchObject({ ok: true });
    expect((await expectRow(fresh.db, second.id)).restore_by).toContain("mia");
  });

  test("through the bot's own listeners: /ci-stop, Cancel and Restore are done, Approve is refused", async () => {
    slack.fail("conversations.members", "fatal_error");
    await restart({ ciAway: away, list: { group: null, ids: [] } });
    const people = listeners();
    await people.command("/ci-stop", "the database is away");
    expect((await readLastStop(fresh.db))?.stops.map((s) => s.reason)).toEqual(["the database is away"]);
    for (const [phase, action, after] of [
      ["cooling_off", "deletion_approve", { phase: "cooling_off" }],
      ["cooling_off", "deletion_cancel", { closed_because: "cancelled" }],
      ["grace", "deletion_restore", { phase: "grace", closed_because: "restored" }],
    ] as const) {
      const row = (await readLiveDeletions(fresh.db))[0] ?? (await openOne(fresh.db));
      await enter(row.id, phase);
      await recordPostedMessage(fresh.db, { key: `deletion:${row.id}`, channel: slack.channel, ts: row.id, digest: "", at: 1 });
      const { version } = await expectRow(fresh.db, row.id);
      // From another channel or message it is no click on the team's card.
      for (const place of [
        { channel: "C0ELSEWHERE", ts: row.id },
        { channel: slack.channel, ts: "1.1" },
      ]) {
        await people.click(action, `v1:${row.id}:${version}:-`, place);
        expect(await expectRow(fresh.db, row.id)).toMatchObject({ phase, closed_because: null });
      }
      await people.click(action, `v1:${row.id}:${version}:-`, { channel: slack.channel, ts: row.id });
      expect(await expectRow(fresh.db, row.id), action).toMatchObject(after);
    }
  });

  /** The bot's listeners, as Slack's library calls them. */
  function listeners() {
    type Heard = (payload: object) => Promise<void>;
    const heard = new Map<string, Heard>();
    const keep = (what: string) => (_pattern: unknown, handler: Heard) => void heard.set(what, handler);
    const app = { use: () => undefined, error: () => undefined, event: () => undefined, options: () => undefined, view: keep("view") };
    listen({ ...app, command: keep("command"), action: keep("action") } as unknown as App, {
      client: {} as never,
      identity: w.identity,
      home: {} as never,
      here: w.here,
      services: bot.services,
      db: fresh.db,
      channel: slack.channel,
      events: createEvents("silent", "test"),
      now: () => at(w.now),
      sleep: () => new Promise(() => undefined),
    });
    const common = { ack: async () => undefined, respond: async () => undefined };
    return {
      command: (command: string, text: string) =>
        heard.get("command")?.({ ...common, command: { command, text, channel_id: slack.channel, user_id: "UMIA", trigger_id: "" } }),
      click: (action_id: string, value: string, { channel, ts }: { readonly channel: string; readonly ts: string }) =>
        heard.get("action")?.({
          ...common,
          body: { user: { id: "UMIA" }, channel: { id: channel }, message: { ts } },
          action: { action_id, value },
        }),
    };
  }

  /** Puts a deletion into a phase, whatever the rules say: which phases may follow is not the question here. */
  async function enter(id: string, phase: "cooling_off" | "grace"): Promise<void> {
    await fresh.db.tx(async (q) => {
      await q.exec("set local session_replication_role = replica");
      await updateDeletion(q, id, { phase, entered_at: at(w.now), until_at: at(w.now + 1000) });
    });
  }
});
