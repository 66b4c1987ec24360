/**
 * Claims: CloudStack, its downloads, the archive's bucket and Slack, its sockets included, are reached by the proxy of the environment, and
 * without it where NO_PROXY says so; what a proxy refuses is told as its own doing, and counts as never sent; its password is never shown.
 */
import { createServer as createTlsServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SocketModeReceiver } from "@slack/bolt";
import { WebClient } from "@slack/web-api";
import { demoTokens, slackSeed } from "../../demo/cast.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import { inspectBucket } from "../../src/archive/s3-store.ts";
import { wayToSlack } from "../../src/bot/way-to-slack.ts";
import { callSlack, libraryLogger } from "../../src/bot/slack.ts";
import { createApi } from "../../src/cloudstack/api/http.ts";
import { openLink } from "../../src/cloudstack/export/download.ts";
import { proxyFor } from "../../src/core/proxies.ts";
import type { Failure } from "../../src/core/failure.ts";
import type { Result } from "../../src/core/result.ts";
import { startS3Server, type TestBucket } from "../archive/s3-server.ts";
import { optionsFor, sendJson, startToldServer, type ToldServer } from "../cloudstack/support.ts";
import { untrusted } from "../cloudstack/untrusted-certificate.ts";
import { eventually } from "../support/eventually.ts";
import { setProxies, startProxy, type ProxyMood, type TestProxy } from "../support/proxy.ts";

const PASSWORD = "hunter2hunter2";
let cloud: ToldServer;
let secure: Server;
let bucket: TestBucket;
let slack: SlackEmulator;
let proxy: TestProxy;
const portOf = (url: string): number => Number(new URL(url).port);

beforeAll(async () => {
  cloud = await startToldServer((_, response) => sendJson(response, 200, { listcapabilitiesresponse: { capability: {} } }));
  secure = createTlsServer(untrusted, (_, response) => response.end("bytes"));
  await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
  [bucket, slack] = await Promise.all([startS3Server(), startSlackEmulator({ seed: slackSeed() })]);
  proxy = await startProxy({
    "cloud.example.org": portOf(cloud.url),
    "ssvm.example": (secure.address() as AddressInfo).port,
    "s3.example.org": portOf(bucket.options.endpoint ?? ""),
    "slack.example.org": portOf(slack.url),
  });
});
beforeEach(() => {
  const url = `http://twokey:${PASSWORD}@127.0.0.1:${proxy.port}`;
  setProxies({ HTTP_PROXY: url, https_proxy: url, NO_PROXY: "inside.example.org,.corp.example.org" });
  Object.assign(proxy, { mood: "passes" });
  proxy.seen.length = 0;
  cloud.forms.length = 0;
});
afterEach(() => setProxies());
afterAll(async () => {
  await Promise.all([cloud.close(), bucket.close(), slack.close(), proxy.close()]);
  secure.closeAllConnections();
  await new Promise((resolve) => secure.close(resolve));
});

const api = (url = "http://cloud.example.org/client/api") => createApi(optionsFor({ url }));
const webClient = (slackApiUrl: string) =>
  new WebClient(demoTokens.botToken, {
    ...wayToSlack(slackApiUrl).web,
    slackApiUrl,
    retryConfig: { retries: 0 },
    logger: libraryLogger(() => undefined),
  });

/** One call to each system. */
const ways: Readonly<Record<string, () => Promise<Result<unknown, Failure>>>> = {
  "CloudStack, a read": () => api().read("listCapabilities", {}),
  "CloudStack, a change": () => api().change("createDomain", { name: "a" }),
  "CloudStack by TLS": () => api("https://ssvm.example/client/api").change("createDomain", { name: "a" }),
  "a download": () => openLink(api().settings, "http://cloud.example.org/userdata/s3cret", 0),
  "a download by TLS": () => openLink(api().settings, "https://ssvm.example/userdata/s3cret", 0),
  "the bucket": () => inspectBucket({ ...bucket.options, endpoint: "http://s3.example.org", timeoutMs: 60_000 }),
  Slack: () => callSlack("auth.test", () => webClient("http://slack.example.org/api/").auth.test()),
};

describe("through the proxy", () => {
  test.each(Object.entries(ways).filter(([name]) => !name.endsWith("TLS")))("%s", async (_what, call) => {
    expect(await call()).toMatchObject({ ok: true });
    expect(proxy.seen.length).toBeGreaterThan(0);
    for (const line of proxy.seen) expect(line).toContain(`by twokey:${PASSWORD}`);
  });

  test("by TLS it is a tunnel: the server's own certificate is checked at its end", async () => {
    const failed = await ways["a download by TLS"]?.();
    expect(JSON.stringify(failed)).toMatch(/certificate of the secondary storage VM is not trusted/);
    expect(proxy.seen).toEqual([`CONNECT ssvm.example:443 by twokey:${PASSWORD}`]);
  });

  test("Slack's sockets", async () => {
    const apiUrl = "http://slack.example.org/api/";
    const { fetch } = wayToSlack(apiUrl).web;
    // The emulator's sockets have the address of this machine: in its place the name that only the proxy knows.
    const named = async (...of: Parameters<typeof globalThis.fetch>) => {
      const answer = await fetch?.(...of);
      return new Response((await answer?.text())?.replace(`127.0.0.1:${portOf(slack.url)}`, "slack.example.org"));
    };
    const receiver = new SocketModeReceiver({
      appToken: demoTokens.appToken,
      logger: libraryLogger(() => undefined),
      ...wayToSlack(apiUrl).socket,
      installerOptions: { clientOptions: { slackApiUrl: apiUrl, fetch: named } },
    });
    await receiver.client.start();
    await eventually("the socket is open", () => slack.connections() === 1, { limitMs: 60_000 });
    await receiver.client.disconnect();
    // The Web API's call for an address, and the socket itself.
    expect(proxy.seen.filter((line) => line.startsWith("CONNECT slack.example.org"))).toHaveLength(2);
  });
});

test("NO_PROXY, and this machine: not through the proxy", async () => {
  const reached = async (url: string) => (await api(url).read("listCapabilities", {})).ok;
  expect(await reached(cloud.url)).toBe(true);
  expect(await reached("http://inside.example.org/client/api")).toBe(false);
  expect((await callSlack("auth.test", () => webClient(slack.apiUrl).auth.test())).ok).toBe(true);
  expect(proxy.seen).toEqual([]);
  for (const url of [
    "http://a.corp.example.org",
    "http://localhost",
    "https://127.0.0.2",
    "ws://[::1]:80",
    "https://inside.example.org:8443",
  ])
    expect([url, proxyFor(url)]).toEqual([url, null]);
  expect(proxyFor("wss://wss-primary.slack.com/link")).toContain("127.0.0.1");
  setProxies({ HTTP_PROXY: process.env["HTTP_PROXY"] ?? "" });
  expect([proxyFor("https://slack.com"), proxyFor("http://slack.com") === null]).toEqual([null, false]);
});

describe.each<[ProxyMood, RegExp]>([
  ["refuses", /the proxy 127.0.0.1:\d+ does not connect there \(403\)/],
  ["asks", /the proxy 127.0.0.1:\d+ asks for a user and a password \(407\)/],
  ["cuts", /the proxy 127.0.0.1:\d+ ended the connection without an answer|cannot be reached/],
])("a proxy that %s", (mood, words) => {
  test.each(Object.entries(ways))("%s", async (name, call) => {
    proxy.mood = mood;
    const answer = await call();
    const said = JSON.stringify(answer);
    expect(answer.ok).toBe(false);
    expect(said).not.toContain(PASSWORD);
    expect(said).not.toContain("s3cret");
    // Without a tunnel, a refusal or a cut by the proxy cannot be told from one by the server.
    const isPlain = !name.endsWith("TLS") && name !== "Slack";
    if (!isPlain || mood === "asks") expect(said).toMatch(words);
    if (!isPlain || mood === "asks") expect(said).toMatch(/"kind":"unavailable".*HTTPS_PROXY and HTTP_PROXY/);
    expect(cloud.forms).toEqual([]);
  });
});

test("a proxy that is not there is named as what cannot be reached", async () => {
  setProxies({ HTTP_PROXY: `http://twokey:${PASSWORD}@127.0.0.1:1`, HTTPS_PROXY: `http://twokey:${PASSWORD}@nowhere.invalid:3128` });
  for (const [name, call] of Object.entries(ways)) {
    const said = JSON.stringify(await call());
    expect([name, said]).toEqual([
      name,
      expect.stringMatching(/the proxy (?:127.0.0.1:1|nowhere.invalid:3128) cannot be reached \((?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN)\)/),
    ]);
    expect(said).not.toContain(PASSWORD);
  }
});
