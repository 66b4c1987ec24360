/** Claim: our own links are served to whoever has one, in parts too; every other address gets 404 and no query is made for it. */
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
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
