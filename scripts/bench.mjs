// Measures a pass over many unchanged domains: the bot in a process of its own, the CloudStack emulator here.
// Prints times, the bot's resident memory, and ratios within this one run; no number is asserted: the machine decides those.
import { spawn } from "node:child_process";
import { addManagedRoot, keyVariables } from "../demo/keys.ts";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { prepare } from "./prepare.mjs";

if (!prepare({ quiet: false })) process.exit(1);
const dist = (file) => new URL(`../dist/${file}`, import.meta.url).href;
const { startEmbeddedPostgres } = await import(dist("src/store/embedded.js"));
const { startCloudStackEmulator } = await import(dist("emulators/cloudstack/server.js"));
const { startSlackEmulator } = await import(dist("emulators/slack/server.js"));
const { slackSeed, demoTokens, demoChannel, demoApproverGroup, cast } = await import(dist("demo/cast.js"));
const { domainIdFor, accountIdFor, userIdFor } = await import(dist("src/core/derived-ids.js"));

const domains = Number(process.argv[2] ?? 5000);
const perDomain = 4;
const folder = mkdtempSync(path.join(tmpdir(), "twokey-bench-"));
const postgres = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
await query(postgres.url(), "create database ci");
await query(postgres.url("ci"), readFileSync(new URL("../docs/ci-database-example.sql", import.meta.url), "utf8"));
await query(
  postgres.url("ci"),
  `
  insert into project (id, slug, name) select 'p-' || n, 'p' || n, 'Project ' || n from generate_series(1, ${domains}) n;
  insert into person (id, username, email, first_name, last_name) select 'v-' || n, 'user' || n, 'u' || n || '@example.org', 'F', 'L' from generate_series(1, ${domains * perDomain}) n;
  insert into membership select 'p-' || (1 + (n - 1) / ${perDomain}), 'v-' || n, 'member' from generate_series(1, ${domains * perDomain}) n;`,
);
for (const p of Object.values(cast)) {
  await query(postgres.url("ci"), "insert into person values ($1, $2, $3, $4, $5, true, $6)", [
    p.id,
    p.username,
    `${p.username}@example.org`,
    p.firstName,
    p.lastName,
    p.slackId,
  ]);
}
const cloud = await startCloudStackEmulator({});
const root = addManagedRoot(cloud);
for (let n = 1; n <= domains; n++) {
  const domain = cloud.addDomain({ name: `p${n}`, parent: root, id: domainIdFor(`p-${n}`, 1) });
  for (let m = 0; m < perDomain; m++) {
    const u = (n - 1) * perDomain + m + 1;
    cloud.addAccount({
      domain,
      name: `user${u}`,
      id: accountIdFor(`p-${n}`, 1, `v-${u}`),
      userId: userIdFor(`p-${n}`, 1, `v-${u}`),
      email: `u${u}@example.org`,
      firstname: "F",
      lastname: "L",
    });
  }
}
const slack = await startSlackEmulator({ seed: slackSeed() });
// As scripts/twokey.mjs starts it.
const nodeArgs = (process.env.BENCH_NODE_ARGS ?? "--max-semi-space-size=8 --max-old-space-size=768").split(" ");
const bot = spawn(process.execPath, [...nodeArgs, new URL("../dist/src/main.js", import.meta.url).pathname, "serve"], {
  stdio: ["ignore", process.env.BENCH_STDOUT === "1" ? "inherit" : "ignore", "inherit"],
  env: {
    PATH: process.env.PATH,
    DATABASE_URL: postgres.url(),
    CI_DATABASE_URL: postgres.url("ci"),
    TWOKEY_DATA_DIR: folder,
    TWOKEY_HTTP_PORT: "0",
    TWOKEY_LOG_LEVEL: "error",
    TWOKEY_SYNC_EVERY_SECONDS: "10",
    SLACK_BOT_TOKEN: demoTokens.botToken,
    SLACK_APP_TOKEN: demoTokens.appToken,
    SLACK_API_URL: slack.apiUrl,
    SLACK_CHANNEL: demoChannel,
    SLACK_APPROVER_GROUP: demoApproverGroup,
    CLOUDSTACK_API_URL: cloud.url,
    ...keyVariables(cloud),
    CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
  },
});
const wanted = 4;
let passes = [];
for (let i = 0; i < 600 && passes.length < wanted; i++) {
  await new Promise((r) => setTimeout(r, 250));
  passes = await query(
    postgres.url(),
    "select (ended_at - started_at)::int as ms from twokey.pass where ended_at is not null order by started_at",
  ).catch(() => []);
}
const status = readFileSync(`/proc/${bot.pid}/status`, "utf8");
const mib = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
const unchanged = passes.slice(1).map((p) => p.ms);
const calls = cloud.requests().filter((r) => r.command.startsWith("list")).length;
console.log(`domains ${domains}, accounts ${domains * perDomain}`);
console.log(`first pass (recognises all of them): ${passes[0]?.ms} ms`);
console.log(
  `unchanged passes: ${unchanged.join(", ")} ms; slowest to fastest ${(Math.max(...unchanged) / Math.min(...unchanged)).toFixed(2)}`,
);
console.log(
  `per 1,000 rows: ${(Math.min(...unchanged) / ((domains * (perDomain + 2)) / 1000)).toFixed(1)} ms; list calls seen lately: ${calls}`,
);
console.log(`the bot: ${mib("VmRSS")} MiB resident, ${mib("VmHWM")} MiB at most`);
bot.kill("SIGTERM");
await new Promise((r) => bot.once("exit", r));
await Promise.all([slack.close(), cloud.close()]);
await postgres.stop();
rmSync(folder, { recursive: true, force: true });

async function query(url, sql, params) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, params)).rows;
  } finally {
    await client.end();
  }
}
