/** Claims: only the button of an export's own message, pressed by who asked or by the team, takes its link back; every refusal is recorded. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Click } from "../../src/bot/click.ts";
import { answerClick } from "../../src/bot/clicks.ts";
import { AuditColumns } from "../../src/store/audit.ts";
import { recordPostedMessage } from "../../src/store/posted-messages.ts";
import { exportBot, exported, exportWorld, lastOf, mia, type ExportWorld } from "../archive/export-world.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import type { TestBot } from "../support/bot.ts";
import { resetDatabase } from "../sim/reset.ts";

let fresh: FreshDatabase;
let w: ExportWorld;
let b: TestBot;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await exportWorld(fresh);
  b = exportBot(w);
  await exported(b, "template-t-1");
  await recordPostedMessage(fresh.db, { key: `export:${lastOf(w).id}`, channel: "D1", ts: "1.1", digest: "d", at: 1 } as never);
});

const press = (more: Partial<Click> = {}, who = mia()) =>
  answerClick(
    { action: "export_revoke", value: `v1:${lastOf(w).id}`, user: "U1", channel: "D1", ts: "1.1", triggerId: "t", ...more },
    who,
    { db: fresh.db, client: {} as never, services: b.services, channel: "C1" },
  );
const refusals = async () =>
  (await fresh.db.many(AuditColumns.pick({ kind: true, actor: true }), "select kind, actor from audit where kind like 'refused.%'")).length;

test.each<[string, Partial<Click>, string, RegExp]>([
  ["a value that Twokey never wrote", { value: "v1:x" }, "mia", /not made by Twokey/],
  ["SQL in the value", { value: "v1:' or 1=1 --" }, "mia", /not made by Twokey/],
  ["another export's id", { value: "v1:6f1c9a1e-0000-4000-8000-00000000dead" }, "mia", /not the current message/],
  ["another message", { ts: "2.2" }, "mia", /not the current message/],
  ["another channel", { channel: "C9" }, "mia", /not the current message/],
  ["somebody else", { user: "U2" }, "eve", /Only who asked for this export/],
])("%s is refused and recorded, and the link works on", async (_what, more, who, words) => {
  expect(JSON.stringify(await press(more, mia(who)))).toMatch(words);
  expect(await refusals()).toBe(1);
  expect(lastOf(w).state).toBe("ready");
});

test("who asked revokes it once; the message says so, and a second press that there is nothing left", async () => {
  expect(await press()).toBeNull();
  expect(lastOf(w)).toMatchObject({ state: "revoked", link: null });
  expect(JSON.stringify(await press())).toMatch(/nothing to revoke/);
  expect(await refusals()).toBe(1);
});

test("somebody of the team revokes another person's", async () => {
  expect(await press({ user: "U9" }, { ...mia("ada"), isTeam: true })).toBeNull();
  expect(lastOf(w)).toMatchObject({ state: "revoked", revoked: { by: "ada" } });
});

test.each(["- -", "", "aurora", "aurora 6f1c9a1e-0000-4000-8000-00000000dead", "../x y", "borealis template-t-1"])(
  "the choice %j of a menu starts nothing, and is answered",
  async (value) => {
    const before = w.shown.length;
    expect(await press({ action: "choose_template", value })).toMatchObject({ title: expect.stringMatching(/./) });
    expect(w.shown.length).toBe(before);
  },
);
