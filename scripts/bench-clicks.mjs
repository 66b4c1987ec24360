// Measures clicks on a deletion's card: `twokey serve` in HTTP mode as a process of its own, both emulators, a real PostgreSQL, 80 approvers.
// Signed clicks come at a steady rate: most of people who may not approve or voted already. Prints how long acknowledgements take (p50, p99),
// how long it takes until approvals meanwhile are counted, the bot's resident memory, and how much of its heap is in use before and after, once
// garbage is collected. Exits with 1 when a bound of the issue is broken.
//   node scripts/bench-clicks.mjs [--rate 200] [--seconds 30] [--votes 10] [--json]
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { createServer } from "node:net";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { prepare } from "./prepare.mjs";

if (!prepare()) process.exit(1);
const collector = new URL("bench/collect.mjs", import.meta.url).href;
const dist = (file) => new URL(`../dist/${file}`, import.meta.url).href;
const { startEmbeddedPostgres } = await import(dist("src/store/embedded.js"));
const { startCloudStackEmulator } = await import(dist("emulators/cloudstack/server.js"));
const { startSlackEmulator } = await import(dist("emulators/slack/server.js"));
const { addManagedRoot, keyVariables } = await import(dist("demo/keys.js"));
const { slackSeed, demoChannel, demoTokens } = await import(dist("demo/cast.js"));

const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "200" },
    seconds: { type: "string", default: "30" },
    votes: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
  },
});
const [rate, seconds, votes] = [Number(values.rate), Number(values.seconds), Number(values.votes)];
/** More than this in use after the clicks is taken for something that is kept of them: 10,000 of 2 KiB each. Units: MiB. */
const KEPT_MIB = 20;
const APPROVERS = Array.from({ length: 80 }, (_, i) => `U0APPR${String(i).padStart(3, "0")}`);
const CROWD = Array.from({ length: 40 }, (_, i) => `U0CROWD${String(i).padStart(3, "0")}`);

let clicks = 0;
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
const folder = mkdtempSync(path.join(tmpdir(), "twokey-bench-clicks-"));
const postgres = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
const cloud = await startCloudStackEmulator({});
const slack = await startSlackEmulator({ seed: seedOf(slackSeed()) });
let bot = null;
let isKept = false;
try {
  isKept = await measure();
} catch (thrown) {
  console.error(thrown);
} finally {
  bot?.kill("SIGKILL");
  await Promise.all([slack.close(), cloud.close()]);
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(isKept ? 0 : 1);

async function measure() {
  const ci = await ciDatabase();
  addManagedRoot(cloud);
  const port = await freePort();
  bot = startBot(port, ci.url);
  const card = await theCard(ci);
  const value = card.blocks.flatMap((b) => b.elements ?? []).find((e) => e.action_id === "deletion_approve").value;
  const state = new pg.Client({ connectionString: botUrl() });
  state.on("error", () => {}); // It ends with the server.
  await state.connect();
  const click = (user) => post(port, clickBody(user, card.ts, value));

  const [acks, memory, counted] = [[], [], []];
  const [startRss, startHeap] = [residentMib(bot.pid), await inUseMib()];
  const total = rate * seconds;
  const sent = [];
  const voting = vote(click, state, counted);
  const began = performance.now();
  for (let n = 0; n < total; n++) {
    const due = began + (n * 1000) / rate;
    if (due > performance.now()) await sleep(due - performance.now());
    sent.push(click(CROWD[n % CROWD.length]).then((ms) => acks.push(ms)));
    if (n % rate === 0) memory.push(residentMib(bot.pid));
  }
  await Promise.all(sent);
  await voting;
  await sleep(2000);
  await state.end();
  await ci.end();
  const [endRss, endHeap] = [residentMib(bot.pid), await inUseMib()];
  const took = (performance.now() - began) / 1000;
  const [p50, p99, max] = [at(acks, 0.5), at(acks, 0.99), Math.max(...acks)];
  const resident = Math.max(...memory);
  if (values.json) {
    console.log(JSON.stringify({ p50, p99, max, counted, votes, resident, heap: [startHeap, endHeap] }));
    return true;
  }
  console.log(`${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? "?"}, ${new Date().toISOString().slice(0, 10)}`);
  console.log(
    `${acks.length} clicks in ${took.toFixed(1)} s: acknowledged after p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, at most ${max.toFixed(0)} ms`,
  );
  console.log(
    `${counted.length} of ${votes} approvals counted, each after ${counted.map((ms) => `${(ms / 1000).toFixed(2)} s`).join(", ")}`,
  );
  console.log(`resident: ${startRss} MiB before, at most ${resident} MiB, ${endRss} MiB after`);
  console.log(`in use of the heap, once garbage is collected: ${startHeap} MiB before, ${endHeap} MiB after`);
  const isGood = p99 < 100 && counted.length === votes && Math.max(...counted) < 5000 && endHeap - startHeap < KEPT_MIB;
  console.log(`p99 under 100 ms, every approval within 5 s, nothing kept of the clicks: ${isGood ? "kept" : "NOT KEPT"}`);
  return isGood;
}

/** What of the bot's heap is in use once it has collected its garbage. */
async function inUseMib() {
  bot.send("collect");
  const [{ heapUsed }] = await once(bot, "message");
  return Math.round(heapUsed / 1024 ** 2);
}

/** Approves as one approver after the other, and notes how long it takes until each vote is stored. */
async function vote(click, state, counted) {
  for (const user of APPROVERS.slice(0, votes)) {
    await sleep((seconds * 1000) / (votes + 1));
    const began = performance.now();
    await click(user);
    while (performance.now() - began < 20_000) {
      const { rows } = await state.query("select count(*)::int as n from twokey.ballot");
      if (rows[0].n > counted.length) break;
      await sleep(20);
    }
    const { rows } = await state.query("select count(*)::int as n from twokey.ballot");
    if (rows[0].n > counted.length) counted.push(performance.now() - began);
  }
}

function startBot(port, ciUrl) {
  const child = spawn(process.execPath, ["--import", collector, path.resolve("dist/src/main.js"), "serve"], {
    env: {
      PATH: process.env.PATH,
      ...{ TWOKEY_ENVIRONMENT: "bench", TWOKEY_DATA_DIR: folder, DATABASE_URL: botUrl(), CI_DATABASE_URL: ciUrl, TWOKEY_HTTP_PORT: "0" },
      ...{ CLOUDSTACK_API_URL: cloud.url, ...keyVariables(cloud), CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci", TWOKEY_LOG_LEVEL: "error" },
      ...{ SLACK_BOT_TOKEN: demoTokens.botToken, SLACK_API_URL: slack.apiUrl, SLACK_CHANNEL: demoChannel },
      ...{ SLACK_SIGNING_SECRET: demoTokens.signingSecret, SLACK_PORT: String(port), SLACK_APPROVERS: APPROVERS.join(",") },
      // So that no vote is the deciding one, which asks for the domain's name.
      ...{ TWOKEY_SYNC_EVERY_SECONDS: "2", TWOKEY_QUORUM: String(votes + 2) },
    },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  child.once("exit", (code) => code !== null && process.stderr.write(`the bot ended with ${code}\n`));
  return child;
}

/** Closes a project once its domain is there, and waits for the card that asks about it. */
async function theCard(ci) {
  const made = () => JSON.stringify(cloud.tree()).includes('"one"');
  await until("the domain", made);
  await ci.query("update project set closed_at = now(), closed_by = 'u-1' where id = 'p-1'");
  const messages = () => slack.workspace.state.messages[demoChannel] ?? [];
  const isCard = (m) => JSON.stringify(m.blocks).includes("deletion_approve");
  await until("the card", () => messages().some(isCard));
  return messages().find(isCard);
}

async function ciDatabase() {
  const admin = new pg.Client({ connectionString: postgres.url() });
  await admin.connect();
  for (const name of ["ci", "twokey_bench"]) await admin.query(`create database ${name}`);
  await admin.end();
  const url = databaseUrl("ci");
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  await client.query(readFileSync("docs/ci-database-example.sql", "utf8"));
  await client.query("insert into person values ('u-1', 'egon', 'egon@example.org', 'Egon', 'S', true, 'U0EGON001')");
  await client.query("insert into project (id, slug, name) values ('p-1', 'one', 'One'), ('p-2', 'two', 'Two')");
  return Object.assign(client, { url });
}

function databaseUrl(name) {
  const url = new URL(postgres.url());
  url.pathname = `/${name}`;
  return url.href;
}

function botUrl() {
  return databaseUrl("twokey_bench");
}

function seedOf(seed) {
  const person = (id) => ({ id, name: id.toLowerCase(), realName: id, email: `${id.toLowerCase()}@example.org` });
  const channels = seed.channels.map((c) => (c.id === demoChannel ? { ...c, members: [...c.members, ...APPROVERS] } : c));
  return { ...seed, channels, users: [...seed.users, ...[...APPROVERS, ...CROWD, "U0EGON001"].map(person)] };
}

function clickBody(user, ts, value) {
  const { team, app } = slack.workspace.seed;
  clicks += 1;
  const payload = {
    ...{
      type: "block_actions",
      api_app_id: app.id,
      team: { id: team.id, domain: team.domain },
      user: { id: user },
      trigger_id: `b.${clicks}`,
    },
    ...{ channel: { id: demoChannel }, message: { ts }, container: { type: "message", channel_id: demoChannel, message_ts: ts } },
    actions: [{ type: "button", action_id: "deletion_approve", block_id: "b", value, action_ts: `${clicks}.1` }],
  };
  return `payload=${encodeURIComponent(JSON.stringify(payload))}`;
}

/** Posts a signed body; gives how long the acknowledgement took. Units: milliseconds. */
function post(port, body, began = performance.now()) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", demoTokens.signingSecret).update(`v0:${timestamp}:${body}`).digest("hex");
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        ...{ host: "127.0.0.1", port, path: "/slack/events", method: "POST", agent },
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          "content-length": Buffer.byteLength(body),
          "x-slack-request-timestamp": timestamp,
          "x-slack-signature": `v0=${signature}`,
        },
      },
      (response) => {
        response.resume();
        response.once("end", () =>
          response.statusCode === 200 ? resolve(performance.now() - began) : reject(new Error(`status ${response.statusCode}`)),
        );
      },
    );
    // The bot may close an idle connection while this one begins to use it: it is sent again, as Slack would.
    request.once("error", (thrown) =>
      request.reusedSocket && thrown.code === "ECONNRESET" ? resolve(post(port, body, began)) : reject(thrown),
    );
    request.end(body);
  });
}

function residentMib(pid) {
  try {
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch {
    return 0; // No Linux.
  }
}

async function until(what, holds) {
  for (const began = Date.now(); !holds(); await sleep(100)) if (Date.now() - began > 120_000) throw new Error(`${what} did not come`);
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function at(list, share) {
  return list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))];
}
