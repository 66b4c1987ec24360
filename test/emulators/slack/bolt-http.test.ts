/** Claim: in HTTP mode requests are signed and shaped so that Bolt takes them, and answered in the same way as over a socket. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isValidSlackRequest } from "@slack/bolt";
import { afterEach, beforeEach, expect, test } from "vitest";
import { person, type Person } from "../../../emulators/slack/person.ts";
import type { SlackEmulator } from "../../../emulators/slack/server.ts";
import { eventually } from "../../support/eventually.ts";
import * as w from "./workspace-of-tests.ts";

let slack: SlackEmulator;
let ada: Person;
beforeEach(async () => {
  slack = await w.start({ ackMs: 60_000, retryDelaysMs: [0, 10] });
  ada = person(slack.url, w.ADA);
});
afterEach(() => slack.close());

test("commands, clicks, modals, options and events all arrive, and answers do what they do in Slack", async () => {
  const app = await w.boltOverHttp(slack);
  const seen: string[] = [];
  app.command("/ci-status", async ({ ack, body, client }) => {
    await ack({ text: "working", response_type: "in_channel" });
    await client.views.open({ trigger_id: body.trigger_id, view: w.modal() as never });
  });
  app.action("go", async ({ ack, respond }) => {
    await ack();
    await respond("for you");
  });
  app.view("reason", async ({ ack }) => ack({ response_action: "errors", errors: { why: "Think again." } }));
  app.message(async ({ message }) => void seen.push(message.channel_type ?? ""));
  expect(await slack.verifyRequestUrl()).toBe(true);

  expect(await ada.command(w.TEAM, "/ci-status")).toMatchObject({ ok: true, acked: true });
  const viewId = await ada.waitFor("a modal", (view) => view.modals[0]?.id);
  await ada.submit({ viewId, values: { why: { text: "because" } } });
  expect((await ada.view()).modals[0]?.errors).toEqual({ why: "Think again." });

  const { ts } = await app.client.chat.postMessage({ channel: w.TEAM, text: "card", blocks: [w.button("go", "1")] as never });
  expect(await ada.click({ channel: w.TEAM, ts: ts ?? "", actionId: "go" })).toMatchObject({ ok: true, acked: true });
  await ada.waitFor("the answer", (view) => view.conversations[0]?.messages.find((m) => m.text === "for you" && m.ephemeral));
  await ada.message("D0ADA0001", "hello");
  await eventually("the message", () => seen.includes("im"));
  await app.stop();
});

test("an action that no listener takes is not acknowledged, and the person is told", async () => {
  const app = await w.boltOverHttp(slack, 300);
  const { ts } = await app.client.chat.postMessage({ channel: w.TEAM, text: "card", blocks: [w.button("nobody", "1")] as never });
  expect(await ada.click({ channel: w.TEAM, ts: ts ?? "", actionId: "nobody" })).toMatchObject({ ok: true, acked: false });
  expect((await ada.view()).notices[0]?.text).toContain("dispatch_failed");
  await app.stop();
});

test("requests have the exact content type, a good signature, and a retry says its number and why", async () => {
  const got: { type: string | undefined; retry: unknown; valid: boolean }[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const headers = { ...request.headers } as never;
    const valid = isValidSlackRequest({ signingSecret: w.SECRET, body, headers });
    got.push({
      type: request.headers["content-type"],
      retry: [request.headers["x-slack-retry-num"], request.headers["x-slack-retry-reason"]],
      valid: valid && !isValidSlackRequest({ signingSecret: "other", body, headers }),
    });
    response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  slack.setRequestUrl(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await ada.command(w.TEAM, "/ci-status", "x");
  await ada.message("D0ADA0001", "hello");
  await eventually("two retries", () => got.length === 4);
  server.close();
  const none = [undefined, undefined];
  expect(got).toEqual([
    { type: "application/x-www-form-urlencoded", retry: none, valid: true },
    { type: "application/json", retry: none, valid: true },
    { type: "application/json", retry: ["1", "http_error"], valid: true },
    { type: "application/json", retry: ["2", "http_error"], valid: true },
  ]);
});

test("nobody at the request URL: dispatch_failed", async () => {
  slack.setRequestUrl("http://127.0.0.1:9/");
  expect(await ada.command(w.TEAM, "/ci-status")).toMatchObject({ ok: true, acked: false });
  expect((await ada.view()).notices[0]?.text).toBe('/ci-status failed with the error "dispatch_failed"');
});
