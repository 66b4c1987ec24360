/** Claim: in HTTP mode each request gets a status, whatever is sent, and what is not Slack's makes no line in the log. */
import type { App } from "@slack/bolt";
import { createHmac } from "node:crypto";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createHttpReceiver, startListening } from "../../src/bot/http-receiver.ts";
import { libraryLogger } from "../../src/bot/slack.ts";

const SECRET = "signing-secret";
const errors: unknown[] = [];
const seen: unknown[] = [];
const logger = libraryLogger((level, parts) => void (level === "error" && errors.push(parts)));
const receiver = createHttpReceiver(SECRET, logger);
let port = 0;

beforeAll(async () => {
  receiver.init({ processEvent: async (e: { body: unknown; ack: () => Promise<void> }) => (seen.push(e.body), e.ack()) } as unknown as App);
  const server = (await receiver.start({ port: 0, host: "127.0.0.1" } as never)) as Server;
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => receiver.stop());

function send(path: string, body: string, headers: Record<string, string> = {}, method = "POST"): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function signed(body: string, type = "application/x-www-form-urlencoded"): Record<string, string> {
  const at = String(Math.floor(Date.now() / 1000));
  const mac = createHmac("sha256", SECRET).update(`v0:${at}:${body}`).digest("hex");
  return { "content-type": type, "x-slack-request-timestamp": at, "x-slack-signature": `v0=${mac}` };
}

test.each(["payload=null", "payload=1", "payload=%22x%22", "payload=[]", "payload={"])(
  "signed %s is refused with a status",
  async (body) => {
    expect(await send("/slack/events", body, signed(body))).toBe(400);
  },
);

test("signed JSON that is no object is refused with a status", async () => {
  for (const body of ["null", "7", "[]", "{"]) expect(await send("/slack/events", body, signed(body, "application/json"))).toBe(400);
});

test("other addresses and methods are not served", async () => {
  for (const path of ["//", "/", "/slack", "http://[", "/slack/events/x"]) expect(await send(path, "x"), path).toBe(404);
  expect(await send("/slack/events", "", {}, "GET")).toBe(404);
});

test("unsigned is refused, signed is taken", async () => {
  const body = `payload=${encodeURIComponent(JSON.stringify({ type: "block_actions" }))}`;
  expect(await send("/slack/events", body, { "content-type": "application/x-www-form-urlencoded" })).toBe(401);
  expect(seen).toEqual([]);
  expect(await send("/slack/events", body, signed(body))).toBe(200);
  expect(seen).toEqual([{ type: "block_actions" }]);
  expect(errors).toEqual([]);
});

test("what a proxy adds or takes off does not matter; a body that it changed, or another's signature, is refused", async () => {
  const body = `payload=${encodeURIComponent(JSON.stringify({ type: "block_actions", n: 2 }))}`;
  const before = seen.length;
  const proxied = {
    ...{
      "x-forwarded-for": "6.6.6.6, 10.0.0.1",
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "http",
      "x-forwarded-prefix": "/twokey",
    },
    ...{ forwarded: "for=6.6.6.6;host=evil.example;proto=http", host: "evil.example", "x-original-url": "/elsewhere" },
  };
  expect(await send("/slack/events", body, { ...signed(body), ...proxied })).toBe(200);
  expect(await send("/slack/events?from=proxy", body, { ...signed(body), ...proxied })).toBe(200);
  expect(seen.length - before).toBe(2);
  // A prefix that the proxy does not take off is no address of Twokey's.
  expect(await send("/twokey/slack/events", body, { ...signed(body), ...proxied })).toBe(404);
  expect(await send("/slack/events", `${body}&x=1`, { ...signed(body), ...proxied })).toBe(401);
  expect(await send("/slack/events", body, { ...signed(body), "x-slack-signature": `v0=${"0".repeat(64)}` })).toBe(401);
  const old = String(Math.floor(Date.now() / 1000) - 600);
  const mac = createHmac("sha256", SECRET).update(`v0:${old}:${body}`).digest("hex");
  const late = { ...signed(body), "x-slack-request-timestamp": old, "x-slack-signature": `v0=${mac}` };
  expect(await send("/slack/events", body, late)).toBe(401);
  expect(seen.length - before).toBe(2);
});

test("a taken port is told with its variable; it listens on the host that was set", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const taken = (other.address() as AddressInfo).port;
  const second = createHttpReceiver(SECRET, logger);
  const app = { start: (where: unknown) => second.start(where as never) };
  await expect(startListening(app as never, { host: "127.0.0.1", port: taken })).rejects.toThrow(/SLACK_PORT/);
  const asked: unknown[] = [];
  await startListening({ start: async (where: unknown) => asked.push(where) } as never, { host: "10.0.0.1", port: 3000 });
  expect(asked).toEqual([{ host: "10.0.0.1", port: 3000 }]);
  other.close();
});
