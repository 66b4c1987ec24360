/** Claim: where Slack shows no instants, a day is that of the reader's zone; where their zone is not known, it is UTC's, and says so. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { drawCosts } from "../../src/archive/backups/plot.ts";
import { comparePolicies } from "../../src/archive/backups/model.ts";
import { day } from "../../src/bot/render/blocks.ts";
import { renderReply } from "../../src/bot/render/reply.ts";
import { answerBackupCost } from "../../src/commands/backup-cost.ts";
import { answerExport, suggest } from "../../src/commands/export-template.ts";
import { dayInZone } from "../../src/core/day-in-zone.ts";
import type { Asker } from "../../src/core/people.ts";
import { ok } from "../../src/core/result.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { ciPerson, identityOn, twoSlacks } from "./two-slacks.ts";

/** In Tokyo and Kiritimati it is the next day already, in Honolulu still the day before. */
const LATE = Date.parse("2026-06-30T23:30:00Z");
const EARLY = Date.parse("2026-07-01T03:00:00Z");

test.each([
  ["Asia/Tokyo", LATE, "2026-07-01"],
  ["Pacific/Kiritimati", LATE, "2026-07-01"],
  ["Europe/Berlin", LATE, "2026-07-01"],
  ["Europe/London", LATE, "2026-07-01"],
  ["Etc/UTC", LATE, "2026-06-30"],
  ["Pacific/Honolulu", EARLY, "2026-06-30"],
  ["America/New_York", Date.parse("2026-01-01T04:59:59Z"), "2025-12-31"],
  [undefined, LATE, "2026-06-30 UTC"],
  ["Mars/Olympus_Mons", LATE, "2026-06-30 UTC"],
  ["'; drop table --", LATE, "2026-06-30 UTC"],
])("in %s", (zone, at, shown) => {
  expect(dayInZone(at, zone)).toBe(shown);
});

test("a day that a client of Slack's cannot show is named as UTC's", () => {
  expect(day(LATE)).toContain("|2026-06-30 UTC>");
});

const saved = { kind: "template", id: "t-1", name: "build", project: "aurora", bytes: 5, createdAt: null, ready: true, savedAt: LATE };
const services = { exports: { choices: async () => ok([saved]), templates: async () => ok([saved]) } } as never;

test.each(twoSlacks)("%s: the menus and the costs of backups have the days of who asks", async (_slack, start) => {
  const slack = await start();
  slack.set({ id: "UMIA", email: "mia@example.org", tz: "Asia/Tokyo" });
  slack.set({ id: "UTOM", email: "tom@example.org", tz: "" });
  const { identity } = await identityOn(slack, fresh.db, { people: [ciPerson("mia"), ciPerson("tom")] });
  const asker = async (id: string): Promise<Asker> => {
    const found = await identity.identify(id);
    if (!found.ok) throw new Error(found.error.message);
    return { ...found.value, isTeam: true };
  };
  const asked = slack.calls("users.info");
  const [mia, tom] = [await asker("UMIA"), await asker("UTOM")];
  for (const [who, expected] of [
    [mia, "saved 2026-07-01)"],
    [tom, "saved 2026-06-30 UTC)"],
  ] as const) {
    const typed = await suggest(who, "template", "", services);
    expect(typed.ok && typed.value[0]?.label).toContain(expected);
    const chosen = await answerExport(who, "aurora" as never, null, services, { channel: "C1", user: "U1" });
    expect(JSON.stringify(renderReply(chosen).blocks)).toContain(expected);
    const text = expected.slice("saved ".length, -1);
    const cost = await answerBackupCost(who, backups);
    expect(JSON.stringify(renderReply(cost).blocks)).toContain(`Measured ${text}, 1 measurement`);
    expect(Buffer.from(cost.picture?.png ?? []).toString()).toContain(`month from ${text}<`);
  }
  // The zone comes with the record that says who it is.
  expect(slack.calls("users.info") - asked).toBe(2);
  await slack.close();
});

const compared = comparePolicies([{ at: LATE as never, otherBytes: 0, sizes: [] }], {
  ...{ scheduleDays: 7, keepVersions: 4, keepDays: 90, pricePerGibMonth: 0.02, transferPricePerGib: 0.01, currency: "CHF" },
});
const backups = {
  compare: async () => ok(compared),
  plot: async (c: typeof compared, zone?: string) => Buffer.from(drawCosts(c, zone)),
} as never;

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());
