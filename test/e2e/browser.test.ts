/**
 * Claims: a person in a real browser approves as both approvers, watches a domain go, replays 2017, and nothing else is deleted; each command
 * answers on a wide and on a narrow screen, where nothing lies to the side; what has the keyboard keeps it, with what was typed.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { slackSeed } from "../../demo/cast.ts";
import { quickPace } from "../../demo/cloud.ts";
import type { DemoWorld } from "../../demo/world.ts";
import { launchBrowser } from "../support/browser.ts";

interface Demo {
  readonly world: DemoWorld;
  readonly url: string;
  close(): Promise<void>;
}

const shots = path.resolve("test-output");
const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-browser-"));
let demo: Demo;
let browser: Browser;
/** A desk and a telephone, both at the same demo. */
let page: Page;
let narrow: Page;
/** What the browser complained of. */
const complaints: string[] = [];

beforeAll(async () => {
  mkdirSync(shots, { recursive: true });
  // The compiled demo, as `npm run demo` runs it.
  const dist = path.resolve("dist/demo");
  const { startWorld } = (await import(path.join(dist, "world.js"))) as typeof import("../../demo/world.ts");
  const { startPageServer } = (await import(path.join(dist, "page-server.js"))) as typeof import("../../demo/page-server.ts");
  const { demoActs } = (await import(path.join(dist, "acts.js"))) as typeof import("../../demo/acts.ts");
  const world = await startWorld({
    dataDir,
    coolOffSeconds: 2,
    graceSeconds: 3,
    syncEverySeconds: 1,
    pace: quickPace,
    logLevel: "error",
    fast: true,
    slackAckMs: 120_000,
  });
  const server = await startPageServer({ ...demoActs(world), slackUrl: world.slack.url });
  demo = { world, url: server.url, close: server.close };
  browser = await launchBrowser();
  page = await openPage(1440, 900);
  narrow = await openPage(390, 844);
});

afterAll(async () => {
  await browser?.close();
  await demo?.close();
  await demo?.world.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function openPage(width: number, height: number): Promise<Page> {
  const opened = await browser.newPage({ viewport: { width, height } });
  opened.setDefaultTimeout(120_000);
  opened.on("console", (said) => void (said.type() === "error" && complaints.push(`${said.text()} ${said.location().url}`)));
  opened.on("pageerror", (thrown) => complaints.push(thrown.message));
  await opened.goto(demo.url);
  return opened;
}

const become = (name: string, on = page) => on.locator("[data-person]", { hasText: name }).click();
const see = (words: string, on = page) => on.locator("#messages article", { hasText: words }).last().waitFor();
const shot = (name: string, on = page) => on.screenshot({ path: path.join(shots, `${name}.png`) });
const domainCard = (slug: string) => page.locator(`[data-domain="${slug}"]`);
const ticked = (step: string) => page.locator("#guide li.done", { hasText: step }).waitFor();
/** By how much the page is wider than its window. Units: pixels. */
const toTheSide = (on: Page) => on.evaluate("document.documentElement.scrollWidth - innerWidth");
const focused = () => page.evaluate("document.activeElement.dataset.control ?? document.activeElement.id");

async function write(words: string, on = page): Promise<void> {
  await on.locator("#words").fill(words);
  await on.locator("#composer .send").click();
}

test("the first plan is on the page, and the new project's domain appears beside it", async () => {
  await see("create domain ROOT/ci/fjord");
  await domainCard("fjord").waitFor();
  await page.locator("#guide li.next", { hasText: "Close a project" }).waitFor();
  await shot("1-first-plan");
});

test("what has the keyboard keeps it, and what was typed stays, while messages and domains come", async () => {
  await page.locator("#words").fill("half a sent");
  const first = await demo.world.ci.addProject();
  await domainCard(first.slug).waitFor();
  await see(`create domain ROOT/ci/${first.slug}`);
  expect(await focused()).toBe("words");
  expect(await page.locator("#words").inputValue()).toBe("half a sent");
  await page.locator('[data-control="syncNow"]').focus();
  const second = await demo.world.ci.addProject();
  await domainCard(second.slug).waitFor();
  expect(await focused()).toBe("syncNow");
});

test("replaying 2017 deletes nothing, and the page shows why", async () => {
  const before = await page.locator("[data-domain]").count();
  await page.locator('[data-control="replay2017"]').click();
  await page.locator("#why", { hasText: "0 deleting calls sent" }).waitFor();
  await see("the CI database lists only 1 of 8");
  await shot("2-replay-2017");
  expect(await page.locator("[data-domain]").count()).toBe(before);
});

test("two approvers, the second typing the name, delete one domain; who closed it cannot approve", async () => {
  await page.locator('[data-guide="Close a project"]', { hasText: "drizzle" }).click();
  await see("Two approvers must agree");
  await ticked("Close a project");
  await see("Two approvers must agree", narrow);
  await shot("3-card");
  await shot("3-card-narrow", narrow);
  await become("Chen");
  await page.locator('[data-action-id="deletion_approve"]').last().click();
  await see("You asked for this deletion");
  await become("Ada");
  await page.locator('[data-action-id="deletion_approve"]').last().click();
  await see("Your approval is recorded");
  await ticked("Approve as Ada");
  await page.locator('[data-guide="Approve as Ben"]').click();
  await see("1 of 2");
  await page.locator('[data-action-id="deletion_approve"]').last().click();
  const field = page.locator('#modals input[data-block-id="name"]');
  await field.waitFor();
  await field.fill("aurora");
  await page.locator('[data-modal="submit"]').click();
  await page.locator("#modals .error", { hasText: "Type exactly: drizzle" }).waitFor();
  expect(await field.inputValue()).toBe("aurora");
  await shot("4-type-the-name");
  await page.locator('#modals input[data-block-id="name"]').fill("drizzle");
  await page.locator('[data-modal="submit"]').click();
  await see("Cooling off");
  await shot("5-cooling-off");
  await ticked("Approve as Ben");
  await see("drizzle: Deleted");
  await ticked("Watch it");
  await domainCard("drizzle").waitFor({ state: "detached" });
  await shot("6-deleted");
  expect(await domainCard("aurora").count()).toBe(1);
  expect(await domainCard("old-lab").count()).toBe(1);
  expect(demo.world.cloud.requests().some((r) => r.params["cleanup"] === "true")).toBe(false);
});

test("the costs of backups are compared, and the picture of the months ahead comes as a direct message", async () => {
  await become("Ada");
  await page.locator('[data-channel="C0CITEAM1"]').click();
  await write("/ci-backup-cost");
  await see("snapshots and templates");
  await page.locator("#conversations button", { hasText: "Messages" }).click();
  const picture = page.locator("#messages img.picture").last();
  await picture.waitFor();
  await expect.poll(() => picture.evaluate((img) => (img as unknown as { naturalWidth: number }).naturalWidth)).toBe(1280);
  await shot("8-backup-cost");
});

test("a limit changes by a window, a card and two approvers", async () => {
  await become("Chen");
  await page.locator('[data-channel="C0CITEAM1"]').click();
  await write("/ci-policy");
  await see("The policy in force is version 1");
  await shot("9-policy");
  await page.locator('[data-action-id="choose_setting"]').last().selectOption("deletions-per-day");
  await page.locator('#modals [data-block-id="value"]').fill("a few");
  await page.locator('#modals [data-block-id="reason"]').fill("the storage is nearly full");
  await page.locator('[data-modal="submit"]').click();
  await page.locator("#modals .error", { hasText: "a whole number, from 0 to 50" }).waitFor();
  await shot("10-policy-window");
  await page.locator('#modals [data-block-id="value"]').fill("12");
  await page.locator('[data-modal="submit"]').click();
  await see("Change the policy? Deletions per day");
  await become("Ada");
  await page.locator('[data-action-id="policy_approve"]').last().click();
  await see("1 of 2");
  await shot("11-policy-card");
  await become("Ben");
  await page.locator('[data-action-id="policy_approve"]').last().click();
  await see("Policy changed: Deletions per day");
  await shot("12-policy-changed");
});

/** Each command, and words of its answer. Ada has the wide screen and Ben the narrow one, so that both words for going on are given. */
const commands: readonly (readonly [command: string, answer: string])[] = [
  ["/ci-status", "need"],
  ["/ci-export-template", "Which template should be exported?"],
  ["/ci-export-volume", "does not let volumes be exported"],
  ["/ci-export-snapshot", "does not let snapshots be exported"],
  ["/ci-export-links", "can be used now"],
  ["/ci-plan", "A pass now would"],
  ["/ci-sync", "A pass over everything has started"],
  ["/ci-deletions", "No deletion is under way"],
  ["/ci-backups aurora", "The newest backup is of"],
  ["/ci-backup-cost", "What backups would cost"],
  ["/ci-policy", "The policy in force is version"],
  ["/ci-adopt", "There is nothing to adopt"],
  ["/ci-stop a drill", "nothing is sent to CloudStack from now on"],
  ["/ci-resume", "resume"],
  ["/ci-help", "Everybody"],
];

test("each command answers on a wide screen and on a narrow one, where nothing lies to the side", async () => {
  for (const [on, name] of [
    [page, "Ada"],
    [narrow, "Ben"],
  ] as const) {
    await become(name, on);
    await on.locator('[data-channel="C0CITEAM1"]').click();
  }
  expect(new Set(commands.map(([command]) => command.split(" ")[0])).size).toBe(slackSeed().app.commands.length);
  for (const [command, answer] of commands) {
    for (const on of [page, narrow]) {
      const answers = on.locator("#messages article.ephemeral", { hasText: answer });
      const before = await answers.count();
      await write(command, on);
      await expect.poll(() => answers.count(), { message: command }).toBeGreaterThan(before);
      expect(await toTheSide(on), command).toBe(0);
      await shot(`command${command.replaceAll(/\W+/g, "-")}${on === narrow ? "-narrow" : ""}`, on);
    }
  }
});

test("a narrow screen shows the world and Home too, and a window fits it", async () => {
  await narrow.locator('[data-side="world"]').click();
  await narrow.locator('[data-domain="aurora"]').waitFor();
  expect(await toTheSide(narrow)).toBe(0);
  await shot("13-world-narrow", narrow);
  await narrow.locator('[data-side="slack"]').click();
  await narrow.locator('[data-channel="home"]').click();
  await narrow.locator("#home", { hasText: "All projects" }).waitFor();
  expect(await toTheSide(narrow)).toBe(0);
  await shot("14-home-narrow", narrow);
  await narrow.locator('[data-channel="C0CITEAM1"]').click();
  await narrow.locator('[data-action-id="choose_setting"]').last().selectOption("deletions-per-day");
  const field = narrow.locator('#modals [data-block-id="value"]');
  await field.waitFor();
  const box = await narrow.locator("#modals .modal").boundingBox();
  expect((box?.x ?? 0) + (box?.width ?? 999)).toBeLessThanOrEqual(390);
  await shot("15-window-narrow", narrow);
  await field.press("Escape");
  await field.waitFor({ state: "detached" });
});

test("a user sees only the own project, finds a template by typing, and is told of a command that is none", async () => {
  await become("Mia");
  await page.locator('[data-channel="home"]').click();
  await page.locator("#home", { hasText: "aurora" }).waitFor();
  expect(await page.locator("#home", { hasText: "borealis" }).count()).toBe(0);
  await shot("16-home-of-a-user");
  await page.locator('[data-channel="C0CIUSERS"]').click();
  await write("/ci-statsu aurora");
  await page.locator("#note", { hasText: "Did you mean /ci-status?" }).waitFor();
  await write("/ci-status aurora");
  await see("Aurora IDE");
  await write("/ci-status borealis");
  await see("You have no project borealis");
  await write("/ci-backups aurora");
  await see("The newest backup is of");
  await write("/ci-export-template");
  const finder = page.locator("#messages input[role=combobox]").last();
  await finder.fill("win");
  await page.locator('#messages [role="option"]', { hasText: "aurora-win-builder" }).waitFor();
  await expect.poll(() => page.locator('#messages [role="option"]').count()).toBe(1);
  await shot("7-user");
  await finder.press("ArrowDown");
  await finder.press("Enter");
  await page.locator("#conversations button.unread", { hasText: "Messages" }).click();
  await page.locator("#messages a", { hasText: "Download" }).waitFor();
  await ticked("Restore or export");
  await shot("17-exported");
});

test("Mia, whose last project was closed, has a new one with a template", async () => {
  await page.locator('[data-control="closeProject"][data-slug="aurora"]').click();
  await page.locator("#why", { hasText: "so she has a new one" }).waitFor();
  const hers = page.locator('[data-domain]:not([data-domain="aurora"])', { hasText: "mia" });
  await hers.filter({ hasText: "linux-builder" }).waitFor();
});

test("the browser had nothing to complain of", () => {
  expect(complaints).toEqual([]);
});
