// The world of the benchmarks: a real PostgreSQL, the CI database of a fleet, and the emulators in a process of their own, so that what is
// measured shares no event loop with them. With CLOUDSTACK_API_URL and the keys set, that server is read instead, and nothing is changed.
import { fork, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { at, dist } from "./paths.mjs";

export { dist };

const { startEmbeddedPostgres } = await import(dist("src/store/embedded.js"));
const { prepareAsMadeBefore } = await import(dist("demo/made-before.js"));
const { cast, demoApproverGroup, demoChannel, demoTokens } = await import(dist("demo/cast.js"));

/** As scripts/twokey.mjs starts the bot. */
const BOT_ARGS = ["--max-semi-space-size=8", "--max-old-space-size=768"];

/**
 * Starts a world with `domains` projects of `perDomain` members; `made` false: CloudStack has none of them yet; `asRecorded`: it takes the
 * time that a real server took. Stop it.
 */
export async function startWorld({ domains, perDomain = 4, made = true, asRecorded = false }) {
  const bots = [];
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-bench-"));
  const postgres = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
  await fillCi(postgres, domains, perDomain);
  const emulators = await startEmulators({ domains, perDomain, made, asRecorded });
  const environment = {
    PATH: process.env.PATH,
    DATABASE_URL: postgres.url(),
    CI_DATABASE_URL: postgres.url("ci"),
    TWOKEY_DATA_DIR: folder,
    TWOKEY_HTTP_PORT: "0",
    TWOKEY_LOG_LEVEL: "error",
    SLACK_BOT_TOKEN: demoTokens.botToken,
    SLACK_APP_TOKEN: demoTokens.appToken,
    SLACK_CHANNEL: demoChannel,
    SLACK_APPROVER_GROUP: demoApproverGroup,
    CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
    ...emulators.variables,
  };
  const tree = await emulators.ask("tree");
  // What is there is ours: otherwise the first pass asks two people whose it is, and everything waits.
  if (made) await prepareAsMadeBefore({ databaseUrl: postgres.url(), databaseMigrationUrl: null }, { tree: () => tree });
  return {
    ...{ folder, postgres, environment, domains, perDomain, ask: emulators.ask, slackUrl: emulators.slackUrl },
    startBot: (more = {}) => {
      const bot = startBot({ ...environment, ...more });
      bots.push(bot);
      return bot;
    },
    async stop() {
      for (const bot of bots) bot.kill("SIGKILL");
      emulators.stop();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function fillCi(postgres, domains, perDomain) {
  await query(postgres.url(), "create database ci");
  const url = postgres.url("ci");
  await query(url, readFileSync(at("docs/ci-database-example.sql"), "utf8"));
  await query(
    url,
    `insert into project (id, slug, name) select 'p-' || n, 'p' || n, 'Project ' || n from generate_series(1, ${domains}) n;
     insert into person (id, username, email, first_name, last_name)
       select 'v-' || n, 'user' || n, 'u' || n || '@example.org', 'F', 'L' from generate_series(1, ${domains * perDomain}) n;
     insert into membership select 'p-' || (1 + (n - 1) / ${perDomain}), 'v-' || n, 'member' from generate_series(1, ${domains * perDomain}) n`,
  );
  const insert = "insert into person values ($1, $2, $3, $4, $5, true, $6)";
  for (const p of Object.values(cast))
    await query(url, insert, [p.id, p.username, `${p.username}@example.org`, p.firstName, p.lastName, p.slackId]);
}

/** Starts the emulators in a process of their own. */
async function startEmulators(fleet) {
  const child = fork(fileURLToPath(at("scripts/bench/emulators.mjs")), [JSON.stringify(fleet)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const { slackUrl, ...variables } = await answerOf(child);
  let asked = Promise.resolve();
  return {
    variables,
    slackUrl,
    /** One of the questions of scripts/bench/emulators.mjs. */
    ask: (what) => {
      asked = asked.then(() => {
        child.send(what);
        return answerOf(child);
      });
      return asked;
    },
    stop: () => child.kill(),
  };
}

function answerOf(child) {
  return new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the emulators ended with ${code}`)));
  });
}

/** Starts the bot as people start it. */
function startBot(environment) {
  const child = spawn(process.execPath, [...BOT_ARGS, fileURLToPath(at("dist/src/main.js")), "serve"], {
    stdio: ["ignore", process.env.BENCH_STDOUT === "1" ? "inherit" : "ignore", "inherit"],
    env: environment,
  });
  return {
    pid: child.pid,
    /** Processor time used. Units: seconds. */
    cpu: () => {
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1].split(" ");
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    /** Memory: `VmRSS` resident, `VmHWM` at most. Units: MiB. */
    mib: (name) => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
    },
    kill: (signal) => child.kill(signal),
    exit: new Promise((resolve) => child.once("exit", resolve)),
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", resolve);
        child.kill("SIGTERM");
      }),
  };
}

/** Runs one statement, or several without parameters. */
export async function query(url, sql, params) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, params)).rows;
  } finally {
    await client.end();
  }
}

/** Asks until there is an answer that is not null. */
export async function waitFor(what, ask, ms = 300_000) {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`${what}: not within ${ms / 1000} s`);
    await new Promise((r) => setTimeout(r, 100));
  }
}

/** Passes that have ended, in their order: what began them, and how long each took. Units: ms. */
export function passesOf(world) {
  return query(
    world.postgres.url(),
    `select (ended_at - started_at)::int as ms, scope ->> 'kind' as scope, started_at::float8 as began, ended_at::float8 as ended
     from twokey.pass where ended_at is not null order by started_at`,
  );
}

export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)] ?? NaN;
export const percentile = (numbers, p) =>
  [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.ceil((p / 100) * numbers.length) - 1)] ?? NaN;
