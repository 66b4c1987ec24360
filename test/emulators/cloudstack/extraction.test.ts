import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../../emulators/cloudstack/server.ts";
import { callApi } from "./api-client.ts";
import { isObject } from "./same-shape.ts";

const BYTES = 300_001;

describe("an extract URL", () => {
  let emulator: CloudStackEmulator;
  let now = Date.parse("2026-11-23T11:00:00Z");
  let template = "";

  beforeEach(async () => {
    emulator = await startCloudStackEmulator({ now: () => now, extractUrlExpirationMs: 10_000, extractUrlCleanupIntervalMs: 30_000 });
    const { accountId } = emulator.addAccount({ domain: emulator.addDomain({ name: "ci" }), name: "owner" });
    template = emulator.addTemplate({ account: accountId, name: "golden", bytes: BYTES, format: "QCOW2" });
  });
  afterEach(() => emulator.close());

  async function extract(): Promise<string> {
    const started = (await callApi(emulator.url, emulator.admin, now, "extractTemplate", { id: template, mode: "HTTP_DOWNLOAD" })).body;
    now += 100;
    const jobid = inner(started)["jobid"];
    const ended = inner((await callApi(emulator.url, emulator.admin, now, "queryAsyncJobResult", { jobid: String(jobid) })).body);
    const result = ended["jobresult"];
    return isObject(result) && isObject(result["template"]) ? String(result["template"]["url"]) : "";
  }
  const inner = (body: Record<string, unknown> | undefined): Record<string, unknown> => {
    const value = Object.values(body ?? {})[0];
    return isObject(value) ? value : {};
  };
  const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
  const read = async (url: string, headers: Record<string, string> = {}): Promise<[number, Buffer, Headers]> => {
    const response = await fetch(url, { headers });
    return [response.status, Buffer.from(await response.arrayBuffer()), response.headers];
  };

  test("is not found after its life, is given all the same until the clean-up, and is another one then", async () => {
    const url = await extract();
    now += 11_000;
    expect((await read(url))[0]).toBe(404);
    expect(await extract()).toBe(url);
    now += 31_000;
    const fresh = await extract();
    expect(fresh).not.toBe(url);
    expect((await read(fresh))[0]).toBe(200);
  });

  test("is not found once the template is deleted", async () => {
    const url = await extract();
    await callApi(emulator.url, emulator.admin, now, "deleteTemplate", { id: template });
    now += 1_000;
    expect((await read(url))[0]).toBe(404);
  });

  test("serves the whole file, the same bytes each time, in the format's own dress", async () => {
    const [status, bytes, headers] = await read(await extract());
    expect(status).toBe(200);
    expect(headers.get("content-length")).toBe(String(BYTES));
    expect(bytes.length).toBe(BYTES);
    expect(bytes.subarray(0, 4)).toEqual(Buffer.from([0x51, 0x46, 0x49, 0xfb]));
    expect(digest((await read(await extract()))[1])).toBe(digest(bytes));
  });

  const RANGES = [
    [0, 99],
    [65_530, 65_545],
    [1, 300_000],
    [100_003, 250_001],
  ] as const;
  test.each(RANGES)("serves bytes %i to %i of a range as they are in the whole", async (from, to) => {
    const url = await extract();
    const [, whole] = await read(url);
    const [status, part, headers] = await read(url, { range: `bytes=${from}-${to}` });
    expect(status).toBe(206);
    expect(headers.get("content-range")).toBe(`bytes ${from}-${to}/${BYTES}`);
    expect(part.equals(whole.subarray(from, to + 1))).toBe(true);
  });

  test("refuses a range beyond the end", async () => {
    expect((await read(await extract(), { range: `bytes=${BYTES}-` }))[0]).toBe(416);
  });

  test("breaks off in the middle under the fault cut for userdata, and a range goes on from there", async () => {
    const url = await extract();
    const [, whole] = await read(url);
    emulator.setFaults([{ kind: "cut", command: "userdata", times: 1 }]);
    await expect(read(url)).rejects.toThrow();
    const [, rest] = await read(url, { range: "bytes=150000-" });
    expect(rest.equals(whole.subarray(150_000))).toBe(true);
  });
});
