/**
 * Claims: our own links are served to whoever has one, in parts too; every other address gets 404 and no query is made for it. `/readyz` says
 * 503 while one part does not work, and which.
 */
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readHealth, type Health, type HealthSources } from "../../src/app/health.ts";
import { startHttpServer, type HttpServer } from "../../src/app/http.ts";

const thrown: unknown[] = [];
let server: HttpServer;
beforeAll(async () => {
  const db = new Proxy({}, { get: () => () => Promise.reject(new Error("a query")) });
  const c = { db, store: {}, now: () => 1 } as never;
  server = await startHttpServer({ host: "127.0.0.1", port: 0, onError: (e) => thrown.push(e) }, c);
});
afterAll(() => server.close());

function get(path: string): Promise<number> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on("error", reject);
    sent.end();
  });
}

const token = "t".repeat(43);
test.each([
  "//",
  "//x",
  "/",
  "http://[",
  "/exports",
  "/exports/",
  `/exports/${"-".repeat(36)}/${token}`,
  `/exports/${"a".repeat(36)}/${token}`,
  "/exports/6f1c9a1e-0000-4000-8000-000000000001/short",
  `/exports/6f1c9a1e-0000-4000-8000-000000000001/${token}/x`,
  `/exports/%00/${token}`,
  `/restores/${"-".repeat(36)}/${token}/template.qcow2`,
  `/restores/6f1c9a1e-0000-4000-8000-000000000001/${token}/template.`,
])("%s gets 404, without a query or an error", async (path) => {
  expect(await get(path)).toBe(404);
  expect(thrown).toEqual([]);
});

const works: HealthSources = { db: { exec: async () => 0 }, slack: () => null, engine: () => null };
test.each<[string, HealthSources, number, Partial<Health>]>([
  ["nothing", works, 200, {}],
  [
    "the database",
    { ...works, db: { exec: () => Promise.reject(new Error("password=secret")) } },
    503,
    { database: "PostgreSQL cannot be reached" },
  ],
  [
    "the database, which does not answer",
    { ...works, db: { exec: () => new Promise<number>(() => undefined) } },
    503,
    { database: "PostgreSQL did not answer within 3 s" },
  ],
  ["Slack", { ...works, slack: () => "Slack's socket is closed" }, 503, { slack: "Slack's socket is closed" }],
  ["the engine", { ...works, engine: () => "The engine lost its connection" }, 503, { engine: "The engine lost its connection" }],
])("/readyz while %s is away", async (_what, sources, status, wrong) => {
  const ready = await startHttpServer(
    { host: "127.0.0.1", port: 0, onError: (e) => thrown.push(e), health: () => readHealth(sources) },
    null,
  );
  try {
    const answer = await fetch(`${ready.url}/readyz`);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ ready: status === 200, database: "ok", slack: "ok", engine: "ok", ...wrong });
    expect((await fetch(`${ready.url}/healthz`)).status).toBe(200);
  } finally {
    await ready.close();
  }
});
