/** Claim: with a state file nothing that people saw is lost over a restart, and a broken file is not written over. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as w from "./workspace-of-tests.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "slack-state-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("messages, ephemerals, files, homes, modals, groups and response_urls go on", async () => {
  const stateFile = path.join(folder, "deep", "slack.json");
  const first = await w.start({ stateFile });
  const app = await w.boltOverSocket(first);
  let answer = "";
  app.command("/ci-status", async ({ ack, body, client }) => {
    await ack();
    answer = new URL(body.response_url).pathname;
    await client.views.open({ trigger_id: body.trigger_id, view: w.modal() as never });
  });
  await first.control.command({ as: w.ADA, channel: w.TEAM, command: "/ci-status", text: "" });
  await app.client.chat.postEphemeral({ channel: w.TEAM, user: w.ADA, text: "psst" });
  await app.client.views.publish({ user_id: w.ADA, view: { type: "home", blocks: [{ type: "divider" }] } });
  await app.client.filesUploadV2({ channel_id: w.TEAM, file: Buffer.from("bytes"), filename: "a.txt" });
  const { ts } = await app.client.chat.postMessage({ channel: w.TEAM, text: "card" });
  await first.control.usergroup({ id: w.GROUP, users: [w.BEN] });
  await app.stop();
  const before = first.control.view(w.ADA);
  await first.close();

  const second = await w.start({ stateFile });
  expect(second.control.view(w.ADA)).toEqual(before);
  expect(before?.modals).toHaveLength(1);
  expect(before?.home).not.toBeNull();
  const updated = await w.call(second, "chat.update", { channel: w.TEAM, ts: ts ?? "", text: "still mine" });
  expect(updated).toMatchObject({ ok: true });
  const later = await w.call(second, "chat.postMessage", { channel: w.TEAM, text: "later" });
  expect(Number(later["ts"])).toBeGreaterThan(Number(ts));
  expect(await w.call(second, "usergroups.users.list", { usergroup: w.GROUP })).toMatchObject({ users: [w.BEN] });
  const said = await fetch(`${second.url}${answer}`, { method: "POST", body: JSON.stringify({ text: "after the restart" }) });
  expect(said.status).toBe(200);
  await second.close();
});

test("a file that is no state stops the start and stays as it is", async () => {
  const stateFile = path.join(folder, "slack.json");
  writeFileSync(stateFile, "half a fil");
  await expect(w.start({ stateFile })).rejects.toThrow("is not a state of the Slack emulator");
  expect(readFileSync(stateFile, "utf8")).toBe("half a fil");
});
