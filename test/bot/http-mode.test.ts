/** Claim: `twokey serve` in HTTP mode answers signed requests only, and a command's answer reaches the person; bad starts say what to mend. */
import { spawn, type ChildProcess } from "node:child_process";
import { addManagedRoot, keysOf } from "../../demo/keys.ts";
import { createServer } from "node:net";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cast, demoChannel, demoTokens, slackSeed } from "../../demo/cast.ts";
import { domainIdFor } from "../../src/core/derived-ids.ts";
import type { ProjectId } from "../../src/core/ids.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { person } from "../../emulators/slack/person.ts";
import { startSlackEmulator, type SlackEmulator } from "../../emulators/slack/server.ts";
import { eventually } from "../support/eventually.ts";
import { emptyDatabase, freshDatabase, type FreshDatabase } from "../support/database.ts";
import { environmentWithoutSlack } from "../support/environment.ts";

const dataDir = mkdtempSync(path.join(tmpdir(), "twokey-http-"));
let state: FreshDatabase;
let ciDatabase: FreshDatabase;
let cloud: CloudStackEmulator;
let slack: SlackEmulator;
let bot: ChildProcess | null = null;
let port = 0;

beforeAll(async () => {
  [state, ciDatabase] = await Promise.all([freshDatabase(), emptyDatabase()]);
  const client = new pg.Client({ connectionString: ciDatabase.url });
  await client.connect();
  await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  await client.query("insert into project (id, slug, name) values ('p-1', 'one', 'One')");
  await client.end();
  cloud = await startCloudStackEmulator({});
  addManagedRoot(cloud);
  slack = await startSlackEmulator({ seed: slackSeed(), ackMs: 120_000 });
  port = await freePort();
});

afterAll(async () => {
  bot?.kill("SIGKILL");
  await Promise.all([slack?.close(), cloud?.close(), state?.drop(), ciDatabase?.drop()]);
  rmSync(dataDir, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: found } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return found;
}

function environment(more: Record<string, string>): Record<string, string> {
  return environmentWithoutSlack(
    { cloud, state, ci: ciDatabase, dataDir },
    {
      SLACK_BOT_TOKEN: demoTokens.botToken,
      SLACK_API_URL: slack.apiUrl,
      SLACK_CHANNEL: "ci-team",
      SLACK_SIGNING_SECRET: demoTokens.signingSecret,
      SLACK_PORT: String(port),
      SLACK_APPROVERS: [cast.ada, cast.ben, cast.chen].map((p) => p.slackId).join(","),
      ...more,
    },
  );
}

function start(more: Record<string, string>): { readonly child: ChildProcess; readonly said: () => string } {
  let out = "";
  const child = spawn(process.execPath, [path.resolve("dist/src/main.js"), "serve"], {
    env: environment(more),
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (d: Buffer) => (out += d.toString()));
  return { child, said: () => out };
}

const badStarts: readonly (readonly [string, Record<string, string>, RegExp])[] = [
  ["fewer than three approvers", { SLACK_APPROVERS: cast.ada.slackId }, /Only 1 valid approver/],
  [
    "one approver named three times",
    { SLACK_APPROVERS: [cast.ada, cast.ada, cast.ada].map((p) => p.slackId).join(",") },
    /Only 1 valid approver/,
  ],
  ["a bot among the approvers", { SLACK_APPROVERS: `${cast.ada.slackId},${cast.ben.slackId},U0TWOKEY1` }, /Only 2 valid approver/],
  ["a token Slack does not know", { SLACK_BOT_TOKEN: "xoxb-nobody" }, /invalid_auth[\s\S]*SLACK_BOT_TOKEN/],
  ["a channel that is not there", { SLACK_CHANNEL: "nowhere" }, /no channel nowhere/],
  ["nothing set", { SLACK_CHANNEL: "", CLOUDSTACK_API_URL: "" }, /SLACK_CHANNEL is not set[\s\S]*CLOUDSTACK_API_URL is not set/],
];

test.each(badStarts.filter(([what]) => what === "fewer than three approvers" || what === "nothing set"))(
  "with %s the program ends, and says what to mend",
  async (_what, env, words) => {
    const { child, said } = start(env);
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect(said()).toMatch(words);
    for (const { secretKey } of Object.values(keysOf(cloud))) expect(said()).not.toContain(secretKey);
    expect(code).not.toBe(0);
  },
);

test("on no bad environment it starts, and each time it says what to mend", async () => {
  // In one process: most of a start is spent on loading the program.
  const child = spawn(process.execPath, [path.resolve("test/bot/bad-starts.mjs")], {
    env: environment({}),
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(JSON.stringify(badStarts.map(([, env]) => environment(env))));
  let out = "";
  child.stdout.on("data", (d: Buffer) => (out += d.toString()));
  expect(await new Promise((resolve) => child.once("close", resolve))).toBe(0);
  const said = JSON.parse(out) as string[];
  expect(said).toHaveLength(badStarts.length);
  for (const [i, [what, , words]] of badStarts.entries()) expect(said[i], what).toMatch(words);
  for (const { secretKey } of Object.values(keysOf(cloud))) expect(out).not.toContain(secretKey);
});

test("a signed command is answered to its asker, an unsigned one is refused", async () => {
  const { child, said } = start({});
  bot = child;
  slack.setRequestUrl(`http://127.0.0.1:${port}/slack/events`);
  const ada = person(slack.url, cast.ada.slackId);
  await eventually("Twokey is running", () => said().includes("Twokey is running"), { tell: said });
  const unsigned = await fetch(`http://127.0.0.1:${port}/slack/events`, {
    method: "POST",
    body: "command=%2Fci-stop",
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  expect(unsigned.status).toBe(401);
  expect(await ada.command(demoChannel, "/ci-status", "one")).toMatchObject({ acked: true });
  await ada.waitFor("the answer", (v) =>
    v.conversations.flatMap((c) => c.messages).find((m) => m.ephemeral && JSON.stringify(m.blocks).includes("One (one)")),
  );
  await ada.home();
  await ada.waitFor("her Home, by the bot's own role", (v) => (JSON.stringify(v.home ?? "").includes("nothing held") ? v : undefined));
  await ada.command(demoChannel, "/ci-status", "../etc");
  await ada.waitFor("a sentence for a bad name", (v) =>
    v.conversations.flatMap((c) => c.messages).find((m) => m.ephemeral && m.text.includes("not a project's short name")),
  );

  // A menu asks by HTTP too, and its options are the asker's own.
  const domain = domainIdFor("p-1" as ProjectId, 1);
  await ada.waitFor("the domain is made, and recorded", (v) =>
    v.conversations.flatMap((c) => c.messages).find((m) => m.text.startsWith("Plan: 1 change made")),
  );
  const { accountId } = cloud.addAccount({ domain, name: "one-one" });
  cloud.addTemplate({ account: accountId, name: "one-template", bytes: 1000 });
  await ada.command(demoChannel, "/ci-export-template");
  const menu = await ada.waitFor("the menu", (v) =>
    v.conversations.flatMap((c) => c.messages).find((m) => JSON.stringify(m.blocks).includes("external_select")),
  );
  const offered = await ada.options({ channel: demoChannel, ts: menu.ts, actionId: "choose_template", value: "one" });
  expect(JSON.stringify(offered)).toContain("one: one-template (1000 B)");
});
