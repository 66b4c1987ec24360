/** Claim: a person in a real browser approves as both approvers, watches a domain go, replays 2017, and nothing else is deleted. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { quickPace } from "../../demo/cloud.ts";
import { launchBrowser } from "../support/browser.ts";

interface Demo {
  readonly world: { stop(): Promise<void>; readonly cloud: { requests(): readonly { command: string; params: Record<string, string> }[] } };
  readonly url: string;
  close(): Promise<void>;
}

const shots = path.resolve("test-output");
const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-browser-"));
let demo: Demo;
let browser: Browser;
let page: Page;

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
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(120_000);
  await page.goto(demo.url);
});

afterAll(async () => {
  await browser?.close();
  await demo?.close();
  await demo?.world.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const become = (name: string) => page.locator("[data-person]", { hasText: name }).click();
const see = (words: string) => page.locator("#messages article", { hasText: words }).last().waitFor();
const shot = (name: string) => page.screenshot({ path: path.join(shots, `${name}.png`) });
const domainCard = (slug: string) => page.locator(`[data-domain="${slug}"]`);

test("the first plan is on the page, and the new project's domain appears beside it", async () => {
  await see("create domain ROOT/ci/fjord");
  await domainCard("fjord").waitFor();
  await shot("1-first-plan");
});

test("replaying 2017 deletes nothing, and the page shows why", async () => {
  const before = await page.locator("[data-domain]").count();
  await page.locator('[data-control="replay2017"]').click();
  await page.locator("#why", { hasText: "0 deleting calls sent" }).waitFor();
  await see("the CI database lists only 1 of 6");
  await shot("2-replay-2017");
  expect(await page.locator("[data-domain]").count()).toBe(before);
});

test("two approvers, the second typing the name, delete one domain; who closed it cannot approve", async () => {
  await page.locator('[data-control="closeProject"][data-slug="drizzle"]').click();
  await see("Two approvers must agree");
  await shot("3-card");
  await become("Chen");
  await page.locator('[data-action-id="deletion_approve"]').last().click();
  await see("You asked for this deletion");
  await become("Ada");
  await page.locator('[data-action-id="deletion_approve"]').last().click();
  await see("Your approval is recorded");
  await become("Ben");
  await see("1 of 2");
  await page.locator('[data-action-id="deletion_approve"]').last().click();
  const field = page.locator('#modals input[data-block-id="name"]');
  await field.waitFor();
  await field.fill("aurora");
  await page.locator('[data-modal="submit"]').click();
  await page.locator("#modals .error", { hasText: "Type exactly: drizzle" }).waitFor();
  await shot("4-type-the-name");
  await page.locator('#modals input[data-block-id="name"]').fill("drizzle");
  await page.locator('[data-modal="submit"]').click();
  await see("Cooling off");
  await shot("5-cooling-off");
  await see("drizzle: Deleted");
  await domainCard("drizzle").waitFor({ state: "detached" });
  await shot("6-deleted");
  expect(await domainCard("aurora").count()).toBe(1);
  expect(await domainCard("old-lab").count()).toBe(1);
  expect(demo.world.cloud.requests().some((r) => r.params["cleanup"] === "true")).toBe(false);
});

test("the costs of backups are compared, and the picture of the months ahead comes as a direct message", async () => {
  await become("Ada");
  await page.locator('[data-channel="C0CITEAM1"]').click();
  await page.locator("#words").fill("/ci-backup-cost");
  await page.locator("#composer button").click();
  await see("snapshots and templates");
  await page.locator("#conversations button", { hasText: "Twokey" }).click();
  const picture = page.locator("#messages img.picture").last();
  await picture.waitFor();
  await expect.poll(() => picture.evaluate((img) => (img as unknown as { naturalWidth: number }).naturalWidth)).toBe(1280);
  await shot("8-backup-cost");
});

test("a limit changes by a window, a card and two approvers", async () => {
  await become("Chen");
  await page.locator('[data-channel="C0CITEAM1"]').click();
  await page.locator("#words").fill("/ci-policy");
  await page.locator("#composer button").click();
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

test("a user sees only the own project", async () => {
  await become("Mia");
  await page.locator('[data-channel="C0CIUSERS"]').click();
  await page.locator("#words").fill("/ci-status aurora");
  await page.locator("#composer button").click();
  await see("Aurora IDE");
  await page.locator("#words").fill("/ci-status borealis");
  await page.locator("#composer button").click();
  await see("You have no project borealis");
  await page.locator("#words").fill("/ci-backups aurora");
  await page.locator("#composer button").click();
  await see("aurora: newest backup");
  await shot("7-user");
});
