/** Claim: the demo's page server answers only its own page: no other origin, no other host, no endless body. */
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPageServer } from "../../demo/page-server.ts";

const acts: unknown[] = [];
let server: Awaited<ReturnType<typeof startPageServer>>;
beforeAll(async () => {
  server = await startPageServer({
    act: async (action, body) => (acts.push([action, body]), "done"),
    state: async () => ({}) as never,
    slackUrl: "http://127.0.0.1:1",
  });
});
afterAll(() => server.close());

function ask(path: string, headers: Record<string, string>, body?: string): Promise<number> {
  const { hostname, port, host } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const sent = request({ hostname, port, path, method, headers: { host, ...headers } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const act = JSON.stringify({ action: "close", slug: "aurora" });
test("other origins and hosts are refused, for acts and for the state", async () => {
  for (const headers of [
    { origin: "https://evil.example" },
    { origin: "null" },
    { host: "evil.example" },
    { host: "127.0.0.1.evil.example" },
  ])
    for (const [path, body] of [["/demo/act", act], ["/demo/state"], ["/emulator/view"]] as const)
      expect(await ask(path, { "content-type": "text/plain", ...(headers as Record<string, string>) }, body)).toBe(403);
  expect(acts).toEqual([]);
});

test("a body that is too long, or no object, is refused", async () => {
  expect(await ask("/demo/act", {}, `{"action":"${"x".repeat(2_000_000)}"}`)).toBe(400);
  for (const body of ["null", "[]", "{"]) expect(await ask("/demo/act", {}, body)).toBe(400);
  expect(await ask("//", {})).toBe(404);
  expect(acts).toEqual([]);
});

test("the page itself is answered", async () => {
  expect(await ask("/demo/state", {})).toBe(200);
  expect(await ask("/demo/where", {})).toBe(200);
  expect(await ask("/preact.js", {})).toBe(200);
  for (const other of ["/preact.module.js", "/preact.js/../../package.json", "/node_modules/preact/package.json"])
    expect(await ask(other, {})).toBe(404);
  expect(await ask("/demo/act", { origin: server.url.slice(0, -1) }, act)).toBe(200);
  expect(acts).toEqual([["close", { action: "close", slug: "aurora" }]]);
});
