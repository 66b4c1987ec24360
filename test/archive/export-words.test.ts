/**
 * Claims: each way in which an export fails has a sentence of its own that says what to do; none has the host or the link. Seen on the whole
 * service, with the exporter's own failures from the emulator.
 */
import { createServer as createTlsServer } from "node:https";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { openLink } from "../../src/cloudstack/export/download.ts";
import { createCloudStackExporter } from "../../src/cloudstack/export/exporter.ts";
import { renderExport } from "../../src/bot/render/export.ts";
import { wordsFor } from "../../src/archive/export-words.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import { err, ok, type Result } from "../../src/core/result.ts";
import { resetDatabase } from "../sim/reset.ts";
import { freshDatabase, type FreshDatabase } from "../support/database.ts";
import { optionsFor } from "../cloudstack/support.ts";
import { untrusted } from "../cloudstack/untrusted-certificate.ts";
import { exportBot, exported, exportWorld, lastOf, type ExportWorld } from "./export-world.ts";

let fresh: FreshDatabase;
let cloud: CloudStackEmulator;
let w: ExportWorld;
beforeAll(async () => {
  [fresh, cloud] = await Promise.all([freshDatabase(), startCloudStackEmulator({ jobMs: 1 })]);
});
afterAll(async () => {
  await cloud.close();
  await fresh.drop();
});
beforeEach(async () => {
  await resetDatabase(fresh.db);
  w = await exportWorld(fresh);
});

/** What the person is told when opening the export, or its download, fails like this. */
async function told(opened: Result<never, Failure>, download?: Result<never, Failure>): Promise<string> {
  const b = exportBot(w, {
    exports: { openExport: async () => (download === undefined ? opened : ok({ open: async () => download })) },
  });
  await exported(b, "template-t-1");
  expect(lastOf(w).state).toBe("failed");
  return JSON.stringify(renderExport(lastOf(w)).blocks.slice(1, -1));
}

async function listening(server: Server | ReturnType<typeof createTlsServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

test("a bad certificate, a redirect, no such host, nobody there: each in words of its own, with what to do", async () => {
  const tls = createTlsServer(untrusted, (_, response) => response.end("x"));
  const away = createServer((_, response) => response.writeHead(302, { location: "https://elsewhere.example.org/" }).end());
  const gone = createServer((_, response) => response.writeHead(404).end());
  const closed = createServer();
  const [tlsPort, awayPort, gonePort, free] = await Promise.all([tls, away, gone, closed].map(listening));
  await new Promise((resolve) => closed.close(resolve));
  const said = new Set<string>();
  for (const [link, words] of [
    [`https://127.0.0.1:${tlsPort}/s3cret`, /certificate .* is not trusted/],
    [`http://127.0.0.1:${awayPort}/s3cret`, /sent on to another address/],
    ["http://ssvm.invalid/s3cret", /host name .* cannot be found/],
    [`http://127.0.0.1:${free}/s3cret`, /nothing answers/],
    [`http://127.0.0.1:${gonePort}/s3cret`, /link that has expired/],
  ] as const) {
    const opened = await openLink(createApi(optionsFor(cloud)).settings, link, 0);
    if (opened.ok) throw new Error("it opened");
    const body = await told(err(opened.error), err(opened.error));
    expect(body).toMatch(words);
    expect(body).toContain("Try again in a while");
    expect(body).not.toMatch(/127\.0\.0\.1|ssvm\.invalid|elsewhere|s3cret/);
    said.add(body);
  }
  expect(said.size).toBe(5);
  for (const server of [tls, away, gone]) server.close();
});

test("CloudStack's own no: not downloaded yet, and a storage VM that is silent", async () => {
  const { accountId } = cloud.addAccount({ domain: addManagedRoot(cloud), name: "words" });
  const id = cloud.addTemplate({ account: accountId, name: "t", bytes: 10 });
  const exporter = createCloudStackExporter(optionsFor({ url: cloud.url, ...keysOf(cloud).export }));
  const extract = async (): Promise<string> => {
    const opened = await exporter.extract({ kind: "template", id, zoneId: null });
    return opened.ok ? "it opened" : told(err(opened.error));
  };
  cloud.setFaults([{ kind: "no_storage_vm" }]);
  expect(await extract()).toMatch(/secondary storage VM does not answer\. Try again/);
  cloud.setFaults([]);
  const none = await exporter.extract({ kind: "template", id: "6f1c9a1e-0000-4000-8000-00000000dead", zoneId: null });
  if (none.ok) throw new Error("it opened");
  expect(await told(err(none.error))).toMatch(/does not give it out as it is\. A template can be exported once/);
});

test.each<[string, RegExp]>([
  ["cloudstack.limit", /A limit in CloudStack is used up\. Show this to the CI team/],
  ["cloudstack.permission", /may not take this out/],
  ["archive.full", /no room for it\. Show this to the CI team/],
  ["archive.size", /was not whole/],
  ["archive.cut", /broke off again and again/],
  ["archive.denied", /The archive cannot be used now/],
  ["cloudstack.not_extractable", /does not give it out as it is/],
  ["cidb.unsure", /The CI database cannot be read now/],
])("%s", async (code, words) => {
  const f = failure("unavailable", code, "Something <!channel> happened", { remedy: "Do this." });
  expect(await told(err(f))).toMatch(words);
  expect(await told(err(f))).not.toContain("<!channel>");
  for (const kind of ["volume", "snapshot"] as const) expect(wordsFor(f, kind)).toMatch(/In detail: Something .*\. Do this\.$/);
});
