/**
 * Claim: owners of old machines without a template are told once a week, over restarts and two replicas; who says never hears nothing of it
 * again; off, nothing is read. Whoever presses the button, only the owner's own message counts.
 */
import { randomUUID } from "node:crypto";
import { WebClient } from "@slack/web-api";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { validateBlocks } from "../../emulators/slack/validate-blocks.ts";
import { withoutTemplate } from "../../src/app/nudges.ts";
import { createAnnouncers } from "../../src/bot/announcers.ts";
import { answerClick } from "../../src/bot/clicks.ts";
import { nudgeKey } from "../../src/bot/nudges.ts";
import { createPosting } from "../../src/bot/posting.ts";
import { pagesOfNudge, renderNudge, type OldMachine } from "../../src/bot/render/nudge.ts";
import { digestOf } from "../../src/core/digest.ts";
import { failure } from "../../src/core/failure.ts";
import type { CiUserId, Instant } from "../../src/core/ids.ts";
import type { InventoryItem } from "../../src/core/inventory.ts";
import { err, ok } from "../../src/core/result.ts";
import { createEvents } from "../../src/events.ts";
import { recordManagedAccounts, recordManagedDomains } from "../../src/store/managed.ts";
import { readPostedMessage } from "../../src/store/posted-messages.ts";
import { ciPerson, identityOn, twoSlacks, type OneSlack } from "../bot/two-slacks.ts";
import { configOf, testBot } from "../support/bot.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { item, op } from "../support/deletions.ts";

const DAY = 86_400_000;
const account = randomUUID() as never;
/** As lists of things say whose a thing is: without the account's id. */
const mias = { accountId: null, accountName: "mia" };
let fresh: FreshDatabase;
let slack: OneSlack;
let now = 400 * DAY;
let items: InventoryItem[] = [];
let reads = 0;
let state = "active";
let isAway = false;

beforeAll(async () => {
  fresh = await freshDatabase();
  slack = await (twoSlacks[1]?.[1] as () => Promise<OneSlack>)();
  slack.set({ id: "UMIA", name: "mia", email: "mia@example.org" });
  const domainId = randomUUID() as never;
  const projectId = "p-1" as never;
  await recordManagedDomains(fresh.db, [{ domainId, projectId, generation: 1, origin: "created" }], 1);
  const one = { accountId: account, userId: randomUUID() as never, domainId, projectId, ciUserId: "mia" as CiUserId };
  await recordManagedAccounts(fresh.db, [one], 1);
});
afterAll(async () => {
  await slack.close();
  await fresh.drop();
});
beforeEach(() => {
  items = [item("machine", "<!here> old", { ...mias, createdAt: (now - 100 * DAY) as Instant })];
});

async function sweeper(days: string) {
  const { identity } = await identityOn(slack, fresh.db, { people: [ciPerson("mia")] });
  const client = new WebClient("xoxb-1", { slackApiUrl: slack.apiUrl });
  const events = createEvents("silent", "test");
  const at = (): Instant => now as Instant;
  const posting = createPosting({ client, db: fresh.db, now: at, sleep: async () => undefined, events });
  const { nudge } = createAnnouncers({
    ...{ posting, client, identity, channel: slack.channel, environment: "test", events, db: fresh.db, now: at },
    membersOf: async () => ok([]),
  });
  const project = { id: "p-1", slug: "aurora", state };
  const bot = testBot(fresh.db, {
    config: configOf({ TWOKEY_NUDGE_AFTER_DAYS: days }),
    nudges: nudge,
    now: at,
    ci: { projectsOf: async () => (isAway ? err(failure("unavailable", "x", "away")) : ok([{ ...project, state }] as never)) },
    reader: {
      readItems: async () => (reads++, ok(items)),
      readDomainNow: async () => ok({ accounts: [{ id: account, name: "mia" }] } as never),
    },
  });
  return async (): Promise<void> => {
    await bot.schedules.find((one) => one.name === "nudge-owners")?.run();
    await posting.settle();
  };
}
const posted = () => slack.calls("chat.postMessage");

test("unset, nothing is read and nobody is told", async () => {
  await (
    await sweeper("0")
  )();
  expect([reads, posted()]).toEqual([0, 0]);
});

test("once a week, however often it is looked, after restarts, and with Slack or the CI database away first", async () => {
  isAway = true;
  await (
    await sweeper("30")
  )();
  isAway = false;
  slack.fail("chat.postMessage", "internal_error");
  await (
    await sweeper("30")
  )();
  slack.fail("chat.postMessage", null);
  const before = posted();
  for (let n = 0; n < 5; n++) {
    now += 3600_000;
    await (
      await sweeper("30")
    )();
  }
  expect(posted() - before).toBe(1);
  now += 7 * DAY;
  await Promise.all([(await sweeper("30"))(), (await sweeper("30"))()]);
  expect(posted() - before).toBe(2);
});

test("a template made since, a young machine, a closed project: nobody is told", async () => {
  const young = item("machine", "young", { ...mias, createdAt: (now - DAY) as Instant });
  const template = item("template", "t", { ...mias, createdAt: (now - 50 * DAY) as Instant });
  expect(withoutTemplate([...items, young], now - 30 * DAY).map((m) => m.name)).toEqual(["<!here> old"]);
  expect(withoutTemplate([...items, template], now - 30 * DAY)).toEqual([]);
  const others = { ...template, accountName: "tom" };
  expect(withoutTemplate([...items, others], now - 30 * DAY)).toHaveLength(1);
  const before = posted();
  expect(before).toBeGreaterThan(0);
  state = "closed";
  now += 8 * DAY;
  await (
    await sweeper("30")
  )();
  state = "active";
  expect(posted()).toBe(before);
});

test("a template counts for one machine: the bot's for that it was made of, others by their name, else for the newest before them", () => {
  const machine = (name: string, days: number) => item("machine", name, { ...mias, createdAt: (now - days * DAY) as Instant });
  const made = (name: string, days: number) => item("template", name, { ...mias, createdAt: (now - days * DAY) as Instant });
  const [a, b, c] = [machine("build-1", 100), machine("build-10", 90), machine("web", 80)];
  const left = (templates: readonly InventoryItem[], madeOf: Readonly<Record<string, string>> = {}) =>
    withoutTemplate([a, b, c, ...templates], now - 30 * DAY, new Map(Object.entries(madeOf))).map((m) => m.name);
  expect(left([])).toEqual(["build-1", "build-10", "web"]);
  const bots = made("twokey-web", 10);
  expect(left([bots], { [bots.id]: a.id })).toEqual(["build-10", "web"]);
  expect(left([made("golden BUILD-10", 10)])).toEqual(["build-1", "web"]);
  expect(left([made("golden", 85)])).toEqual(["build-1", "web"]);
  expect(left([made("golden", 10), made("web, again", 5), made("web", 70)])).toEqual(["build-1"]);
  expect(left([made("golden", 95), made("golden 2", 94)])).toEqual(["build-10", "web"]);
  // Of a machine that is gone, or of no machine at all.
  expect(left([bots], { [bots.id]: "gone" })).toEqual(["build-1", "build-10", "web"]);
  expect(left([made("web", 200)])).toEqual(["build-1", "build-10", "web"]);
});

test("after the bot made a template of one machine, its owner is told of the other one", async () => {
  const [saved, other, template] = [
    item("machine", "a", { ...mias, id: randomUUID(), createdAt: (now - 100 * DAY) as Instant }),
    item("machine", "other", { ...mias, createdAt: (now - 90 * DAY) as Instant }),
    item("template", "by the bot", { ...mias, id: randomUUID(), createdAt: (now - DAY) as Instant }),
  ];
  items = [saved, other, template];
  await fresh.db.exec(
    `insert into made_template (id, machine_id, machine_name, project_id, slug, domain_id, account_id, ci_user, asked_by, channel, asked_at, state,
       name, snapshot_id, snapshot_name, template_id, ended_at, told)
     select gen_random_uuid(), $1, 'a', 'p-1', 'aurora', gen_random_uuid(), $3, 'mia', 'ci:mia', 'D1', 1, 'made', 'n', gen_random_uuid(), 'n', $2, 2, true`,
    [saved.id, template.id, account],
  );
  now += 8 * DAY;
  await (
    await sweeper("30")
  )();
  const { text, blocks } = renderNudge([{ id: other.id, project: "aurora", name: "other", createdAt: other.createdAt ?? 0 }], now);
  const shown = await readPostedMessage(fresh.db, nudgeKey("mia", now));
  expect(shown?.digest).toBe(digestOf(JSON.parse(JSON.stringify({ text, blocks }))));
});

test("of many machines every page is one click away, in the owner's newest message alone", async () => {
  const many = Array.from({ length: 45 }, (_x, n) =>
    item("machine", `vm-${n + 1}`, { ...mias, id: randomUUID(), createdAt: (now - 100 * DAY) as Instant }),
  );
  items = many.toReversed();
  now += 8 * DAY;
  await (
    await sweeper("30")
  )();
  const message = await readPostedMessage(fresh.db, nudgeKey("mia", now));
  if (message === null) throw new Error("no message");
  const client = new WebClient("xoxb-1", { slackApiUrl: slack.apiUrl });
  let updated: Record<string, unknown> = {};
  const update = client.chat.update.bind(client.chat);
  client.chat.update = (async (body: Record<string, unknown>) => {
    updated = body;
    return update(body as never);
  }) as never;
  const press = async (who: string, value: string, ts = message.ts) => {
    const by = { operator: { id: op(who), name: who, ciUserId: who as CiUserId }, isTeam: false };
    const click = { action: "nudge_page_next", value, user: "U1", channel: message.channel, ts, triggerId: "t" };
    updated = {};
    return [await answerClick(click, by, { db: fresh.db, client } as never), JSON.stringify(updated)] as const;
  };
  const [answered, second] = await press("mia", `v1:${now}:2`);
  expect(answered).toBeNull();
  expect(second).toContain("These are 21 to 40 of 45:");
  for (const [n, { id }] of many.entries()) expect(second.includes(`v1:${now}:${id}`)).toBe(n >= 20 && n < 40);
  expect((await press("mia", `v1:${now}:3`))[1]).toContain("These are 41 to 45 of 45:");
  for (const [said, shown] of [
    await press("tom", `v1:${now}:2`),
    await press("mia", "v1:1:2"),
    await press("mia", `v1:${now}:2`, "8.8"),
    await press("mia", `v1:${now}:x`),
  ]) {
    expect(JSON.stringify(said)).toMatch(/not made by Twokey|not the current message about templates/);
    expect(shown).toBe("{}");
  }
  slack.fail("chat.update", "internal_error");
  expect(JSON.stringify((await press("mia", `v1:${now}:2`))[0])).toContain("Slack refused");
  slack.fail("chat.update", null);
  const older = now;
  now += 8 * DAY;
  await (
    await sweeper("30")
  )();
  expect(JSON.stringify(await press("mia", `v1:${older}:2`))).toContain("not the newest message");
});

test("Never tell me again: by nobody else, and from then on for good", async () => {
  now += 8 * DAY;
  await (
    await sweeper("30")
  )();
  const round = now;
  const message = await readPostedMessage(fresh.db, nudgeKey("mia", round));
  if (message === null) throw new Error("no message");
  const press = (who: string, value = `v1:${round}`) => {
    const by = { operator: { id: op(who), name: who, ciUserId: who as CiUserId }, isTeam: false };
    const click = { action: "nudge_never", value, user: "U1", channel: message.channel, ts: message.ts, triggerId: "t" };
    return answerClick(click, by, { db: fresh.db } as never);
  };
  for (const forged of [await press("tom"), await press("mia", "v1:1"), await press("mia", "v1:x; drop table nudged")])
    expect(JSON.stringify(forged)).toMatch(/not made by Twokey|not the current message about templates/);
  await fresh.db.exec("update posted_message set key = 'forgotten' where key = $1", [nudgeKey("mia", round)]);
  expect(JSON.stringify(await press("mia"))).toMatch(/older than a month; nothing was done.*The next one comes within a week/);
  await fresh.db.exec("update posted_message set key = $1 where key = 'forgotten'", [nudgeKey("mia", round)]);
  expect(JSON.stringify(await press("mia"))).toContain("You are not told again");
  const before = posted();
  now += 8 * DAY;
  await (
    await sweeper("30")
  )();
  expect(posted()).toBe(before);
});

test("its words are as the golden file has them, and hostile names mention nobody", async () => {
  const many: OldMachine[] = Array.from({ length: 25 }, (_x, i) => ({
    id: i === 24 ? null : randomUUID(),
    project: "<!channel>",
    name: `vm ${i} <https://x|y>`,
    createdAt: 0,
  }));
  for (const machines of [many, many.slice(0, 1)]) {
    const { text, blocks } = renderNudge(machines, 5);
    expect(validateBlocks(blocks, "message")).toEqual([]);
    // What screen readers say is plain text, which Slack reads for nothing.
    const read = JSON.stringify(blocks).replaceAll(/<!date\^[^>]*>|"accessibility_label":"[^"]*"/g, "");
    expect(read).not.toMatch(/[<>]/);
    expect(text.length).toBeGreaterThan(20);
  }
  const shown = renderNudge(
    [{ id: "6f1c9a1e-0000-4000-8000-00000000000a", project: "aurora", name: "build-1", createdAt: Date.parse("2026-06-01T10:00:00Z") }],
    5,
  );
  const further = Array.from({ length: 127 }, (_x, n) => ({
    ...{ id: `6f1c9a1e-0000-4000-8000-${String(n).padStart(12, "0")}`, project: "aurora", name: `_build-${n}`, createdAt: 0 },
  }));
  const page = (n: number, of: readonly OldMachine[] = further) => renderNudge(of, 5, n).blocks;
  const pages = Array.from({ length: pagesOfNudge(127) }, (_x, n) => page(n + 1));
  // Each has a line and a button, on exactly one of the pages.
  for (const { id, name } of further)
    expect(pages.filter((p) => JSON.stringify(p).includes(`v1:5:${id}"`) && JSON.stringify(p).includes(`\`${name}\``))).toHaveLength(1);
  expect(page(99)).toEqual(pages.at(-1));
  expect(page(0)).toEqual(pages[0]);
  const longest = further.map((m) => ({ ...m, name: "&".repeat(255), project: "<".repeat(60) }));
  for (const [n] of pages.entries()) {
    expect(validateBlocks(page(n + 1), "message")).toEqual([]);
    expect(validateBlocks(page(n + 1, longest), "message")).toEqual([]);
  }
  const few = { blocks: [...page(1).slice(0, 3), ...page(2, further.slice(0, 22)).slice(1)] };
  await expect(`${JSON.stringify(shown, null, 1)}\n${JSON.stringify(few.blocks, null, 1)}\n`).toMatchFileSnapshot(
    "../bot/golden/nudge.txt",
  );
});
