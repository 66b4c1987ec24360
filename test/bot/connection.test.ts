/**
 * Claims: whatever Slack answers when a lost connection is opened again, the bot hears again once Slack gives one; meanwhile it says what is
 * wrong. A first connection that Slack refuses ends the start.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { createConnection, type Connection } from "../../src/bot/connection.ts";
import { createEvents } from "../../src/events.ts";
import { eventually } from "../support/eventually.ts";

let sockets: WebSocketServer;
let server: ReturnType<typeof createServer>;
let connection: Connection;
let live: WebSocket | null;
let waits: number[];
let opens: number;
/** What Slack answers to whoever wants a connection; null: one, "silence": nothing, "no hello": one on which it says nothing. */
let refusal: string | null;
let unhandled: unknown[];
const note = (reason: unknown) => void unhandled.push(reason);

beforeEach(async () => {
  [live, opens, refusal, waits, unhandled] = [null, 0, null, [], []];
  process.on("unhandledRejection", note);
  sockets = new WebSocketServer({ noServer: true });
  server = createServer((request, response) => {
    request.resume().on("end", () => {
      const isOpening = request.url === "/api/apps.connections.open";
      if (isOpening) opens += 1;
      if (isOpening && refusal === "silence") return;
      const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/link`;
      const good = { ok: true, url, team_id: "T1", user_id: "U0BOT", bot_id: "B0BOT" };
      const body = isOpening && refusal !== null && refusal !== "no hello" ? { ok: false, error: refusal } : good;
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  server.on("upgrade", (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (client) => {
      live = client;
      if (refusal !== "no hello") client.send(JSON.stringify({ type: "hello" }));
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  connection = createConnection({
    ...{ botToken: "xoxb-1", connection: { mode: "socket", appToken: "xapp-1-A1-1-a" } },
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    ...{ events: createEvents("fatal", "test"), now: Date.now as never },
    sleep: async (ms, over) => {
      waits.push(ms);
      await new Promise((turned) => setTimeout(turned, ms / 100));
      over?.throwIfAborted();
    },
  });
});
afterEach(async () => {
  await connection.app.stop();
  live?.terminate();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  process.off("unhandledRejection", note);
});

/** Slack asks for a new connection, as it does every few hours. */
function refresh(): void {
  live?.send(JSON.stringify({ type: "disconnect", reason: "refresh_requested" }));
  live?.close();
}

test.each(["invalid_auth", "account_inactive", "team_disabled", "internal_error"])("after refusals of %s it hears again", async (code) => {
  await connection.start();
  expect(connection.problem()).toBe(null);
  refusal = code;
  refresh();
  await eventually("it asks again and again", () => opens >= 4);
  expect(connection.problem()).toContain(code);
  expect(waits.every((ms) => ms === 30_000)).toBe(true);
  refusal = null;
  await eventually("it hears again", () => connection.problem() === null);
  expect(unhandled).toEqual([]);
});

test.each([
  ["a Slack that takes the question and never answers is asked again", "silence"],
  ["a connection on which Slack says nothing is opened again", "no hello"],
])("%s", async (_what, trouble) => {
  await connection.start();
  refusal = trouble;
  refresh();
  await eventually("it was asked again", () => opens >= 3);
  refusal = null;
  await eventually("it hears again", () => connection.problem() === null);
  expect(unhandled).toEqual([]);
});

test("a first connection that Slack refuses ends the start", async () => {
  refusal = "invalid_auth";
  await expect(connection.start()).rejects.toThrow("invalid_auth");
  expect(opens).toBe(1);
});
