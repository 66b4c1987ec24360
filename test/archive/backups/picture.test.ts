/** Claims: a picture reaches one person and nobody else, byte for byte; that it could not be sent is recorded without a secret. */
import type { WebClient } from "@slack/web-api";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { person } from "../../../emulators/slack/person.ts";
import type { SlackEmulator } from "../../../emulators/slack/server.ts";
import { sendPicture } from "../../../src/bot/pictures.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Events } from "../../../src/events.ts";
import * as w from "../../emulators/slack/workspace-of-tests.ts";

let slack: SlackEmulator;
let client: WebClient;
const failed: { readonly fact: string; readonly f: Failure }[] = [];
const never = (): never => {
  throw new Error("only `failed` is expected here");
};
const events: Events = {
  debug: () => undefined,
  info: never,
  warn: never,
  error: never,
  bug: never,
  failed: (fact, f) => failed.push({ fact, f }),
};
const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, ...Array.from({ length: 5000 }, (_, i) => i % 256)]);
const picture = { name: "backup-cost.png", title: "Costs", description: "Two line charts", png };

beforeAll(async () => {
  slack = await w.start();
  client = w.client(slack);
});
beforeEach(() => {
  failed.length = 0;
});
afterAll(() => slack.close());

test("without the scope files:write it is not sent, and recorded", async () => {
  const narrow = await w.start({ seed: w.seed(w.SCOPES.filter((s) => s !== "files:write")) });
  await sendPicture(w.client(narrow), w.ADA, picture, events);
  expect(failed).toMatchObject([{ fact: "slack.picture_not_sent", f: { code: "slack.missing_scope" } }]);
  expect(JSON.stringify(failed)).not.toContain(w.BOT_TOKEN);
  await narrow.close();
});

test("to nobody it is not sent, and recorded", async () => {
  await sendPicture(client, "U0NOBODY1", picture, events);
  expect(failed).toHaveLength(1);
  expect(slack.sent().map((s) => s.method)).not.toContain("files.getUploadURLExternal");
});

test("an upload that is refused half-way is recorded, and nothing is posted", async () => {
  slack.setFaults({ fail: [{ method: "files.completeUploadExternal", error: "internal_error", times: 1 }] });
  await sendPicture(client, w.ADA, picture, events);
  expect(failed).toMatchObject([{ fact: "slack.picture_not_sent" }]);
  const seen = await person(slack.url, w.ADA).view();
  expect(seen.conversations.flatMap((c) => c.messages).flatMap((m) => m.files)).toEqual([]);
});

test("it stands in the direct message of who asked, byte for byte, and nobody else sees it", async () => {
  await sendPicture(client, w.ADA, picture, events);
  expect(failed).toEqual([]);
  const seen = await person(slack.url, w.ADA).view();
  const ims = seen.conversations.filter((c) => c.kind === "im");
  const files = ims.flatMap((c) => c.messages).flatMap((m) => m.files);
  expect(files).toMatchObject([{ name: "backup-cost.png", mimetype: "image/png" }]);
  const served = new Uint8Array(await (await fetch(new URL(files[0]?.url ?? "", slack.url))).arrayBuffer());
  expect(Buffer.from(served).equals(Buffer.from(png))).toBe(true);
  const others = await person(slack.url, w.BEN).view();
  expect(others.conversations.flatMap((c) => c.messages).flatMap((m) => m.files)).toEqual([]);
});
