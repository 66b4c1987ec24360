/** Bytes come whole and go on where they stopped; the link they come from never shows. */
import { createHash, randomUUID } from "node:crypto";
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { createServer as createTlsServer } from "node:https";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { openLink, placeOf } from "../../src/cloudstack/export/download.ts";
import { createCloudStackExporter, type CloudStackExporter, type Extractable } from "../../src/cloudstack/export/exporter.ts";
import { untrusted } from "./untrusted-certificate.ts";
import { optionsFor, sendJson, startToldServer, valueOf, type ToldServer } from "./support.ts";

async function readAll(bytes: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
const sha = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

describe("from the emulator", () => {
  let emulator: CloudStackEmulator;
  let exporter: CloudStackExporter;
  let options: ReturnType<typeof optionsFor>;
  let template: Extractable;
  beforeAll(async () => {
    emulator = await startCloudStackEmulator({ port: 0, jobMs: 5, templateBytes: 300_000 });
    const ann = emulator.addAccount({ domain: addManagedRoot(emulator), name: "ann" }).accountId;
    template = { kind: "template", id: emulator.addTemplate({ account: ann, name: "t" }), zoneId: emulator.ids.zone };
  });
  afterAll(() => emulator.close());
  beforeEach(() => {
    emulator.setFaults([]);
    options = optionsFor({ url: emulator.url, ...keysOf(emulator).export });
    exporter = createCloudStackExporter(options);
  });

  test("a template's bytes come whole, and the same ones from the middle", async () => {
    const source = valueOf(await exporter.extract(template));
    const whole = valueOf(await exporter.open(source, 0));
    const bytes = await readAll(whole.bytes);
    expect([bytes.byteLength, whole.totalBytes]).toEqual([300_000, 300_000]);
    const rest = valueOf(await exporter.open(source, 123_456));
    expect([rest.offset, rest.totalBytes]).toEqual([123_456, 300_000]);
    expect(sha(Buffer.concat([bytes.subarray(0, 123_456), await readAll(rest.bytes)]))).toBe(sha(bytes));
    const nothing = valueOf(await exporter.open(source, 300_000));
    expect((await readAll(nothing.bytes)).byteLength).toBe(0);
  });

  test("a source prints its thing, and no link, in any way of printing", async () => {
    const source = valueOf(await exporter.extract(template));
    const texts = [
      JSON.stringify(source),
      JSON.stringify({ source }),
      String(source),
      inspect(source, { showHidden: true, depth: 9 }),
      JSON.stringify(Object.entries(source)),
    ];
    for (const text of [...texts, JSON.stringify(options.calls)]) expect(text).not.toMatch(/https?:|userdata/);
    expect(JSON.parse(JSON.stringify(source))).toEqual(template);
  });

  test("a download that is cut breaks off with an error that names no link", async () => {
    const source = valueOf(await exporter.extract(template));
    emulator.setFaults([{ kind: "cut", command: "userdata" }]);
    const { bytes } = valueOf(await exporter.open(source, 0));
    const broken = await readAll(bytes).then(
      () => null,
      (error: unknown) => error,
    );
    expect(broken).toBeInstanceOf(Error);
    expect(inspect(broken)).not.toMatch(/userdata|127\.0\.0\.1:/);
  });

  test.for([403, 404])("a link that answers %i is extracted again, once; then it is unavailable", async (status) => {
    const source = valueOf(await exporter.extract(template));
    const extractions = (): number => emulator.requests().filter((r) => r.command === "extractTemplate").length;
    const before = extractions();
    emulator.setFaults([{ kind: "status", command: "userdata", status, times: 1 }]);
    expect((await readAll(valueOf(await exporter.open(source, 0)).bytes)).byteLength).toBe(300_000);
    expect(extractions()).toBe(before + 1);
    emulator.setFaults([{ kind: "status", command: "userdata", status }]);
    const dead = await exporter.open(source, 0);
    expect(dead).toMatchObject({ ok: false, error: { kind: "unavailable", code: "cloudstack.link_dead" } });
    expect(extractions()).toBe(before + 2);
    expect(JSON.stringify(dead)).not.toMatch(/userdata|http:/);
  });

  test("what cannot be extracted is said", async () => {
    expect(await exporter.extract({ kind: "machine", id: randomUUID(), zoneId: null })).toMatchObject({
      ok: false,
      error: { kind: "invalid" },
    });
    expect(await exporter.extract({ kind: "template", id: randomUUID(), zoneId: null })).toMatchObject({
      ok: false,
      error: { kind: "rejected" },
    });
  });
});

describe("from a server that behaves as it likes", () => {
  let files: Server;
  let api: ToldServer;
  let behave: (request: IncomingMessage, response: ServerResponse) => void;
  const id = randomUUID();
  beforeAll(async () => {
    files = createServer((request, response) => behave(request, response));
    await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
    const link = `http://127.0.0.1:${(files.address() as AddressInfo).port}/userdata/s3cret.qcow2`;
    api = await startToldServer((form, response) =>
      form.get("command") === "extractTemplate"
        ? sendJson(response, 200, { extracttemplateresponse: { jobid: form.get("customjobid") } })
        : sendJson(response, 200, { queryasyncjobresultresponse: { jobstatus: 1, jobresult: { template: { url: link } } } }),
    );
  });
  afterAll(async () => {
    files.closeAllConnections();
    files.close();
    await api.close();
  });
  test("each cause that keeps a link from opening has words of its own, and what to do; none has the host", async () => {
    const tls = createTlsServer(untrusted, (_, response) => response.end("x"));
    await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
    const free = portOf(closed);
    await new Promise((resolve) => closed.close(resolve));
    behave = (_, response) => void response.writeHead(302, { location: "https://elsewhere.example.org/" }).end();
    const links: readonly (readonly [string, RegExp, RegExp])[] = [
      [
        `https://127.0.0.1:${portOf(tls)}/userdata/s3cret`,
        /certificate.* is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
        /NODE_EXTRA_CA_CERTS/,
      ],
      [`http://127.0.0.1:${portOf(files)}/userdata/s3cret`, /sent on to another address \(HTTP 302\)/, /secstorage\.encrypt\.copy/],
      ["http://ssvm.invalid/userdata/s3cret", /host name .*cannot be found/, /secstorage\.ssl\.cert\.domain/],
      [`http://127.0.0.1:${free}/userdata/s3cret`, /nothing answers.*\(ECONNREFUSED\)/, /VM runs/],
    ];
    const said = new Set<string>();
    for (const [link, words, remedy] of links) {
      const opened = await openLink(createApi(optionsFor(api)).settings, link, 0);
      const error = opened.ok ? null : opened.error;
      expect(error).toMatchObject({ kind: "unavailable", message: expect.stringMatching(words), remedy: expect.stringMatching(remedy) });
      expect(JSON.stringify(error)).not.toMatch(/127\.0\.0\.1|invalid|elsewhere|userdata|s3cret/);
      said.add(error?.message ?? "");
    }
    expect(said.size).toBe(4);
    tls.close();
  });

  const open = async (offset: number, timeoutMs = 60_000): Promise<Awaited<ReturnType<CloudStackExporter["open"]>>> => {
    const exporter = createCloudStackExporter(optionsFor(api, { timeoutMs }));
    return exporter.open(valueOf(await exporter.extract({ kind: "template", id, zoneId: null })), offset);
  };

  test("one that ignores the range begins at 0, and says so", async () => {
    behave = (_, response) => void response.writeHead(200, { "content-length": "4" }).end("abcd");
    expect(valueOf(await open(2))).toMatchObject({ offset: 0, totalBytes: 4 });
  });

  test("one that gives another range than was asked for is not believed", async () => {
    behave = (_, response) => void response.writeHead(206, { "content-range": "bytes 0-3/4" }).end("abcd");
    expect(await open(2)).toMatchObject({ ok: false, error: { kind: "contract_broken", code: "cloudstack.wrong_range" } });
  });

  test("one that redirects is not followed", async () => {
    behave = (_, response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    expect(await open(0)).toMatchObject({ ok: false, error: { kind: "unavailable", code: "cloudstack.download_refused" } });
  });

  test("one that never answers, and one that stands still in the middle, are given up", async () => {
    behave = () => undefined;
    expect(await open(0, 50)).toMatchObject({ ok: false, error: { kind: "unavailable", code: "cloudstack.download_lost" } });
    behave = (_, response) => void response.writeHead(200, { "content-length": "10" }).write("abc");
    const { bytes } = valueOf(await open(0, 100));
    await expect(readAll(bytes)).rejects.toThrow("the download has stalled");
  });

  test("one that nobody reads is given up too, and takes nothing with it", async () => {
    behave = (_, response) => void response.writeHead(200, { "content-length": "10" }).write("abc");
    const { bytes } = valueOf(await open(0, 100));
    const thrown: unknown[] = [];
    const hear = (error: unknown): void => void thrown.push(error);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", hear);
    await new Promise((closed) => bytes.once("close", closed));
    await new Promise((turned) => setImmediate(turned));
    process.removeAllListeners("uncaughtException");
    for (const other of others) process.on("uncaughtException", other);
    expect([bytes.destroyed, bytes.errored?.message, thrown]).toEqual([true, "the download has stalled", []]);
  });

  test("no secrets of ours go to it", async () => {
    let seen = "";
    behave = (request, response) => {
      seen = JSON.stringify([request.url, request.headers]);
      response.end("x");
    };
    await readAll(valueOf(await open(0)).bytes);
    expect(seen).not.toMatch(/s3cret-s3cret|apikey|signature/i);
  });
});

test.for([
  [{ status: 200, range: null, length: "9" }, 0, { ok: true, value: { offset: 0, totalBytes: 9, isEmpty: false } }],
  [{ status: 200, range: null, length: null }, 5, { ok: true, value: { offset: 0, totalBytes: null, isEmpty: false } }],
  [{ status: 206, range: "bytes 5-8/9", length: "4" }, 5, { ok: true, value: { offset: 5, totalBytes: 9, isEmpty: false } }],
  [{ status: 206, range: "bytes 5-8/*", length: "4" }, 5, { ok: true, value: { offset: 5, totalBytes: null, isEmpty: false } }],
  [{ status: 206, range: null, length: "4" }, 5, { ok: false, error: { code: "cloudstack.wrong_range" } }],
  [{ status: 416, range: "bytes */9", length: null }, 9, { ok: true, value: { offset: 9, totalBytes: 9, isEmpty: true } }],
  [{ status: 416, range: "bytes */8", length: null }, 9, { ok: false, error: { kind: "contract_broken" } }],
  [{ status: 410, range: null, length: null }, 0, { ok: false, error: { code: "cloudstack.link_dead" } }],
  [{ status: 500, range: null, length: null }, 0, { ok: false, error: { kind: "unavailable", code: "cloudstack.download_refused" } }],
] as const)("an answer %j to a request from %i", ([answer, asked, expected]) => {
  expect(placeOf(answer, asked)).toMatchObject(expected);
});
