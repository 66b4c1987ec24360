/**
 * Claim: where PostgreSQL is restarted under a bot that works, with both databases on it, the process says so in a sentence and ends with 75,
 * as docs/operations.md has it for supervisors; the next one waits for the server, and goes on: each change is made once, a vote given
 * before counts, clicks are answered, and the audit log is whole.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cast, demoChannel, slackSeed } from "../../demo/cast.ts";
import { addManagedRoot } from "../../demo/keys.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { person } from "../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import { verifyAudit } from "../../src/store/audit.ts";
import { createDatabase } from "../../src/store/db.ts";
import { placeOf } from "../../src/store/embedded-place.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../src/store/embedded.ts";
import { environmentOf } from "../support/environment.ts";

const PROJECTS = 80;
const folder = mkdtempSync(path.join(tmpdir(), "twokey-database-restart-"));
const dataDir = path.join(folder, "pg");
let server: EmbeddedPostgres;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;
let child: ChildProcess | null = null;
let isOver = false;
const codes: (number | null)[] = [];
let output = "";

beforeAll(async () => {
  server = await startEmbeddedPostgres(dataDir, { fast: true });
  await run(server.url(), "create database twokey");
  await run(server.url(), "create database ci");
  await run(server.url("ci"), readFileSync("docs/ci-database-example.sql", "utf8"));
  for (const p of Object.values(cast)) {
    const row = [p.id, p.username, `${p.username}@example.org`, p.firstName, p.lastName, p.slackId];
    await run(server.url("ci"), "insert into person values ($1, $2, $3, $4, $5, true, $6)", row);
  }
  await run(
    server.url("ci"),
    `insert into project (id, slug, name) select 'p-' || n, 'p-' || n, 'P' || n from generate_series(1, ${PROJECTS}) n`,
  );
  await run(server.url("ci"), `insert into membership select 'p-' || n, '${cast.mia.id}', 'member' from generate_series(1, ${PROJECTS}) n`);
  cloud = await startCloudStackEmulator({ jobMs: 100 });
  addManagedRoot(cloud);
  slack = await startSlackEmulator({ seed: slackSeed(), ackMs: 120_000 });
});

afterAll(async () => {
  isOver = true;
  child?.kill("SIGKILL");
  await Promise.all([slack?.close(), cloud?.close(), server?.stop()]);
  const { dir, socket } = placeOf(dataDir);
  for (const made of [dir, socket, folder]) rmSync(made, { recursive: true, force: true });
});

async function run(url: string, sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await (values === undefined ? client.query(sql) : client.query(sql, [...values]))).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

/** Runs the bot as a supervisor does: whenever it ends, it is started again. */
function supervise(): void {
  const more = { TWOKEY_SYNC_EVERY_SECONDS: "5", TWOKEY_LOG_LEVEL: "info" };
  const databases = { state: { url: server.url("twokey") }, ci: { url: server.url("ci") } };
  const env = environmentOf({ cloud, slack, ...databases, dataDir: path.join(folder, "data") }, more);
  child = spawn(process.execPath, [path.resolve("dist/src/main.js"), "serve"], { env, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (d: Buffer) => (output += d.toString()));
  child.once("exit", (code) => {
    codes.push(code);
    if (!isOver) supervise();
  });
}

/** What the newest process answers at /readyz; null: it does not listen yet. */
async function readyz(): Promise<unknown> {
  const url = [...output.matchAll(/export links are served at (\S+)/g)].at(-1)?.[1];
  return url === undefined
    ? null
    : fetch(new URL("/readyz", url)).then(
        (r) => r.json(),
        () => null,
      );
}

const domains = () => cloud.tree().children.find((d) => d.name === "ci")?.children ?? [];
const IN_TIME = { timeout: 90_000, interval: 100 };

test("PostgreSQL restarted in the middle of a pass, between two votes and under clicks", async () => {
  const [ada, ben, chen, mia] = [cast.ada, cast.ben, cast.chen, cast.mia].map((p) => person(slack.url, p.slackId));
  if (ada === undefined || ben === undefined || chen === undefined || mia === undefined) throw new Error("somebody is missing");
  const card = (words: string) =>
    ada.waitFor(words, (v) =>
      v.conversations
        .find((c) => c.id === demoChannel)
        ?.messages.findLast((m) => JSON.stringify([m.text, m.blocks]).includes(words) && !m.text.startsWith("Proposed")),
    );
  supervise();
  await expect.poll(readyz, IN_TIME).toMatchObject({ ready: true });
  await ada.command(demoChannel, "/ci-policy", "set grace 30 days because people are on holiday");
  const shown = await card("policy_approve");
  await ben.click({ channel: demoChannel, ts: shown.ts, actionId: "policy_approve" });
  await card("1 of 2");
  await expect.poll(() => domains().length, IN_TIME).toBeGreaterThan(5);
  expect(domains().length).toBeLessThan(PROJECTS);

  await Promise.all([server.stop(), mia.command("C0CIUSERS", "/ci-status", "p-1"), mia.command("C0CIUSERS", "/ci-status", "p-2")]);
  await expect.poll(() => codes, IN_TIME).toEqual([75]);
  expect(output).toContain("PostgreSQL went away, or does not answer. Nothing is lost: what was begun goes on from its rows.");
  // The next one says for what it waits, and nothing is made meanwhile.
  await expect.poll(() => output, IN_TIME).toContain("store.waits");
  const made = domains().length;
  expect(made).toBeLessThan(PROJECTS);
  server = await startEmbeddedPostgres(dataDir, { fast: true });

  await expect.poll(readyz, IN_TIME).toEqual({ ready: true, database: "ok", slack: "ok", engine: "ok" });
  await expect.poll(() => domains().filter((d) => d.accounts.length === 1).length, IN_TIME).toBe(PROJECTS);
  expect(domains()).toHaveLength(PROJECTS);
  await chen.click({ channel: demoChannel, ts: shown.ts, actionId: "policy_approve" });
  await card("Policy changed: Grace period");
  await mia.command("C0CIUSERS", "/ci-status", "p-3");
  await mia.waitFor("an answer", (v) => (JSON.stringify(v).includes("p-3: ") ? true : undefined));
  expect(codes).toEqual([75]);
  const db = createDatabase(server.url("twokey"), { onError: () => undefined });
  expect(await verifyAudit(db)).toMatchObject({ intact: true });
  await db.close();
}, 240_000);
