/**
 * Claims: the doctor says why a system does not answer (name, port, TLS, proxy, password, read-only, clock) in words, with what to do; what
 * only follows from that is not listed as another failure; no password is printed.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { createServer as createSecureServer } from "node:tls";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { cast } from "../../../demo/cast.ts";
import type { Check } from "../../../src/cli/doctor/check.ts";
import { placeOf } from "../../../src/store/embedded-place.ts";
import { startEmbeddedPostgres } from "../../../src/store/embedded.ts";
import { untrusted } from "../../cloudstack/untrusted-certificate.ts";
import { setProxies, startProxy } from "../../support/proxy.ts";
import { startSoundWorld, type SoundWorld } from "./world.ts";

let world: SoundWorld;
const open: Server[] = [];
beforeAll(async () => {
  world = await startSoundWorld();
});
afterEach(async () => {
  setProxies();
  await Promise.all(open.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});
afterAll(() => world.close());

/** The lines that are not ok, of one system or of all; no secret of the environment is in them. */
async function findings(more: Record<string, string>, only?: Check["system"], now: () => number = Date.now): Promise<readonly string[]> {
  const { out } = await world.examine({ more, only, now });
  expect(out).not.toContain("hunter2");
  return out.split("\n").filter((line) => /^(?:failed|warning|skipped)/.test(line));
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(server);
  return (server.address() as AddressInfo).port;
}

/** A server that answers every connection by one error of PostgreSQL, as it does before a session begins. */
const postgresThatSays = (code: string, message: string): Promise<number> =>
  listen(
    createServer((socket) => {
      socket.on("error", () => undefined);
      const body = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
      const length = Buffer.alloc(4);
      length.writeInt32BE(body.length + 4);
      socket.once("data", () => socket.end(Buffer.concat([Buffer.from("E"), length, body])));
    }),
  );

test.each([
  ["28P01", 'password authentication failed for user "twokey"', /PostgreSQL does not accept the role's password → Check the password/],
  [
    "28000",
    'no pg_hba.conf entry for host "10.0.0.9", user "twokey", database "x", no encryption',
    /takes connections with TLS only → Add \?sslmode/,
  ],
  ["28000", 'role "twokey" is not permitted to log in', /lets this role not in from here → .*pg_hba/],
  ["3D000", 'database "x" does not exist', /the server has no database of that name/],
  ["53300", "sorry, too many clients already", /no connection left → Raise max_connections/],
  ["57P03", "the database system is starting up", /starting up or shutting down → Wait/],
])("PostgreSQL's %s (%s) is said in words, for both databases", async (code, message, words) => {
  const url = `postgres://twokey:hunter2hunter2@127.0.0.1:${await postgresThatSays(code, message)}/x`;
  const lines = [...(await findings({ DATABASE_URL: url }, "database")), ...(await findings({ CI_DATABASE_URL: url }, "ci database"))];
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    expect(line).toMatch(words);
    expect(line).not.toContain(code);
  }
});

test("a database whose name does not resolve, and one that is asked for TLS and has none", async () => {
  const nowhere = "postgres://twokey:hunter2hunter2@db.invalid/x";
  expect(await findings({ DATABASE_URL: nowhere }, "database")).toEqual([
    expect.stringMatching(/its host name (?:does not resolve|could not be looked up)/),
  ]);
  const plain = await listen(createServer((socket) => void socket.on("error", () => undefined).once("data", () => socket.write("N"))));
  const withTls = `postgres://twokey:hunter2hunter2@127.0.0.1:${plain}/x?sslmode=require`;
  expect(await findings({ DATABASE_URL: withTls }, "database")).toEqual([expect.stringContaining("the server speaks none at that port")]);
  // The owner's address of the same server: what keeps the bot out is told once.
  expect(await findings({ DATABASE_URL: nowhere, DATABASE_MIGRATION_URL: nowhere }, "database")).toHaveLength(1);
});

test("own database: a role that is read-only, and a clock that differs", async () => {
  const client = new pg.Client({ connectionString: world.own.url });
  await client.connect();
  const name = new URL(world.own.url).pathname.slice(1);
  await client.query(`alter database "${name}" set default_transaction_read_only = on`);
  expect(await findings({}, "database")).toEqual([
    expect.stringMatching(/failed {3}database .*read-only for the role .* → Take that setting/),
  ]);
  await client.query("set default_transaction_read_only = off");
  await client.query(`alter database "${name}" reset default_transaction_read_only`);
  await client.end();
  const late = await findings({}, "database", () => Date.now() - 120_000);
  expect(late).toEqual([expect.stringMatching(/failed {3}database .*clock is 1(?:19|20) s behind the database server's.* → Synchronise/)]);
});

test("own database: a standby is told as one, and nothing else of it", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-standby-"));
  chmodSync(folder, 0o755);
  const data = path.join(folder, "pg");
  await (await startEmbeddedPostgres(data, { fast: true })).stop();
  writeFileSync(path.join(placeOf(data).dir, "standby.signal"), "");
  const server = await startEmbeddedPostgres(data, { fast: true });
  expect(await findings({ DATABASE_URL: server.url() }, "database")).toEqual([
    expect.stringMatching(/failed {3}database .*it is a standby, in which nothing can be written → Set DATABASE_URL to the primary/),
  ]);
  await server.stop();
  for (const made of [placeOf(data).dir, folder]) rmSync(made, { recursive: true, force: true });
});

test.each(["cloudstack", "slack", "archive"] as const)(
  "%s: a name that does not resolve, TLS at a plain port, plain text at one with TLS",
  async (system) => {
    const plain = await listen(
      createServer((socket) => void socket.on("error", () => undefined).once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))),
    );
    const secure = await listen(createSecureServer(untrusted, (socket) => void socket.on("error", () => undefined)));
    const [variable, rest, more] = {
      cloudstack: ["CLOUDSTACK_API_URL", "/client/api", {}],
      slack: ["SLACK_API_URL", "/api/", {}],
      archive: [
        "ARCHIVE_S3_ENDPOINT",
        "",
        { ARCHIVE_S3_BUCKET: "archive", ARCHIVE_S3_ACCESS_KEY_ID: "key-id", ARCHIVE_S3_SECRET_ACCESS_KEY: "hunter2hunter2" },
      ],
    }[system] as [string, string, Record<string, string>];
    const look = (origin: string): Promise<readonly string[]> => findings({ ...more, [variable]: `${origin}${rest}` }, system);
    const failing = (words: string) => [expect.stringMatching(new RegExp(`^failed {3}${system} .*${words}`))];
    const notFree = (lines: readonly string[]): readonly string[] => lines.filter((line) => !line.includes("GiB free"));
    expect(notFree(await look("http://server.invalid"))).toEqual(
      failing("the name server.invalid (?:does not resolve|could not be looked up)"),
    );
    expect(notFree(await look(`https://127.0.0.1:${plain}`))).toEqual(
      failing(`port ${plain} of 127.0.0.1 does not speak TLS, but ${variable} begins with https:`),
    );
    expect(notFree(await look(`http://127.0.0.1:${secure}`))).toEqual(
      failing(`port ${secure} of 127.0.0.1 speaks TLS, but ${variable} begins with http:`),
    );
  },
);

test("what follows from another failure is not listed again: a refused key, a missing root, a CI database that is away, a channel", async () => {
  const key = await findings({ CLOUDSTACK_API_KEY: "nobodys-key" }, "cloudstack");
  expect(key.filter((line) => line.startsWith("failed"))).toEqual([expect.stringMatching(/read key: .*401/)]);
  expect(key.filter((line) => line.startsWith("skipped"))).toHaveLength(3);
  const writing = await findings({ CLOUDSTACK_WRITE_API_KEY: "nobodys-key" }, "cloudstack");
  expect(writing).toEqual([
    expect.stringMatching(/^failed .*write key: .*401/),
    expect.stringMatching(/^skipped .*the roles of CLOUDSTACK_ROLES/),
  ]);
  const root = await findings({ CLOUDSTACK_ROOT_DOMAIN: "ROOT/cy" }, "cloudstack");
  expect(root).toEqual([
    expect.stringMatching(/^failed .*read key: .*no domain ROOT\/cy/),
    expect.stringMatching(/^skipped .*since ROOT\/cy was not found/),
  ]);
  const away = await findings({ CI_DATABASE_URL: "postgres://ci:hunter2hunter2@127.0.0.1:1/x" }, "slack");
  expect(away).toEqual([expect.stringMatching(/^skipped .*since the CI database cannot be read: who may approve/)]);
  const channel = await findings({ SLACK_CHANNEL: "C0NOWHERE1", SLACK_TEAM_GROUP: "" }, "slack");
  expect(channel).toEqual([expect.stringMatching(/^failed .*channel_not_found/), expect.stringMatching(/^skipped .*who is the team/)]);
});

test("Slack: approvers given as handles, and a clock that differs from Slack's", async () => {
  const handles = { SLACK_APPROVER_GROUP: "", SLACK_APPROVERS: `@ada, ben, ${cast.chen.slackId}` };
  const lines = await findings(handles, "slack");
  expect(lines).toEqual([
    expect.stringMatching(/^failed {3}slack .*SLACK_APPROVERS names @ada, which is no id.* → Copy it in Slack/),
    expect.stringMatching(/^failed {3}slack .*SLACK_APPROVERS names ben, which is no id/),
  ]);
  const late = await findings({}, "slack", () => Date.now() - 6 * 60_000);
  expect(late).toEqual([expect.stringMatching(/^warning {2}slack .*clock is 3(?:59|60|61) s behind Slack's → Synchronise/)]);
  const http = { SLACK_APP_TOKEN: "", SLACK_SIGNING_SECRET: "hunter2hunter2", SLACK_PORT: "0" };
  expect(await findings(http, "slack", () => Date.now() + 6 * 60_000)).toEqual([
    expect.stringMatching(/^failed {3}slack .*ahead of Slack's: everything that Slack sends counts as too old/),
  ]);
});

test("proxies: which is used for what, and one that refuses, asks for a password, cuts, or is not there", async () => {
  const port = Number(new URL(world.cloud.url).port);
  const proxy = await startProxy({ "cloud.example.org": port, "slack.example.org": port });
  const env = { CLOUDSTACK_API_URL: "https://cloud.example.org/client/api", SLACK_API_URL: "https://slack.example.org/api/" };
  const look = async (url: string): Promise<string> => {
    setProxies({ HTTPS_PROXY: url, NO_PROXY: "slack.example.org" });
    return (await world.examine({ more: env, only: "proxy" })).out;
  };
  const name = `the proxy 127.0.0.1:${proxy.port}`;
  const url = `http://ada:hunter2hunter2@127.0.0.1:${proxy.port}`;
  const fine = await look(url);
  expect(fine).toContain(`ok       proxy        ${name} leads to CloudStack\n`);
  expect(fine).toContain("ok       proxy        reached without a proxy: Slack, databases\n");
  expect(proxy.seen).toEqual(["CONNECT cloud.example.org:443 by ada:hunter2hunter2"]);
  for (const [mood, words] of [
    ["refuses", "does not connect there (403)"],
    ["asks", "asks for a user and a password (407)"],
    ["cuts", "ended the connection without an answer"],
  ] as const) {
    proxy.mood = mood;
    const said = await look(url);
    expect(said).toContain(`failed   proxy        ${name}, used for CloudStack, ${words} →`);
    expect(said).not.toContain("hunter2");
  }
  await proxy.close();
  expect(await look(url)).toContain(`${name}, used for CloudStack, is not there: nothing listens at its port →`);
  // What it leads to is not listed as another failure.
  const { out } = await world.examine({ more: env });
  expect(out).toMatch(/^skipped {2}cloudstack {3}not checked: the proxy before it does not lead there$/m);
  expect(out).not.toMatch(/^failed {3}cloudstack/m);
});
