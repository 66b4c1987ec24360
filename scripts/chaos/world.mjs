// The world of a chaos run: a real PostgreSQL with Twokey's database and the CI database, and the emulators in a process of their own.
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { at, dist } from "../bench/paths.mjs";

const { startEmbeddedPostgres } = await import(dist("src/store/embedded.js"));
const { prepareAsMadeBefore } = await import(dist("demo/made-before.js"));
const { cast, demoApproverGroup, demoChannel, demoTokens } = await import(dist("demo/cast.js"));

/** Waits and limits: short waits, and no limit that would end the run early. */
const PACE = {
  TWOKEY_COOL_OFF_SECONDS: "2",
  TWOKEY_GRACE_SECONDS: "15",
  TWOKEY_APPROVAL_SECONDS: "3600",
  TWOKEY_SYNC_EVERY_SECONDS: "10",
  TWOKEY_QUICK_PASS_SECONDS: "5",
  TWOKEY_DELETIONS_PER_DAY: "10000",
  TWOKEY_DELETIONS_PER_WEEK: "10000",
  TWOKEY_PROPOSALS_PER_PASS: "1000",
  TWOKEY_RESTRICTIONS_PER_PASS: "1000",
  TWOKEY_RESTRICTIONS_PER_DAY: "10000",
  TWOKEY_RESTRICTIONS_PER_WEEK: "10000",
  TWOKEY_SHRINK_MIN_SHARE: "0",
};

/** The people of the CI database: the cast, who have Slack, and others. */
export const everybody = [
  ...Object.values(cast),
  ...Array.from({ length: 12 }, (_, n) => ({ id: `v-${n}`, username: `user${n}`, firstName: "F", lastName: `L${n}`, slackId: null })),
];

/** Starts it with `size` projects. Stop it. */
export async function startWorld({ size, chance }) {
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-chaos-"));
  const postgres = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
  const projects = Array.from({ length: size }, (_, n) => projectOf(n, chance));
  const pool = new pg.Pool({ connectionString: postgres.url("ci"), max: 4 });
  pool.on("error", () => undefined);
  await fillCi(postgres, pool, projects);
  const emulators = await startEmulators({ projects });
  await prepareAsMadeBefore({ databaseUrl: postgres.url(), databaseMigrationUrl: null }, { tree: () => emulators.first });
  const own = new pg.Pool({ connectionString: postgres.url(), max: 4, options: "-c search_path=twokey,public" });
  own.on("error", () => undefined);
  return {
    ...{ folder, projects, slackUrl: emulators.slackUrl, ask: emulators.ask, url: postgres.url() },
    /** Rows of the CI database, as its own people change it. */
    ci: async (sql, params) => (await pool.query(sql, params)).rows,
    /** Rows of Twokey's own database. */
    own: async (sql, params) => (await own.query(sql, params)).rows,
    environment: {
      PATH: process.env.PATH,
      DATABASE_URL: postgres.url(),
      CI_DATABASE_URL: postgres.url("ci"),
      TWOKEY_DATA_DIR: folder,
      TWOKEY_HTTP_PORT: "0",
      TWOKEY_PUBLIC_URL: "https://twokey.example.org",
      TWOKEY_LOG_LEVEL: "warn",
      SLACK_BOT_TOKEN: demoTokens.botToken,
      SLACK_APP_TOKEN: demoTokens.appToken,
      SLACK_CHANNEL: demoChannel,
      SLACK_APPROVER_GROUP: demoApproverGroup,
      SLACK_MENTION: "off",
      CLOUDSTACK_ROOT_DOMAIN: "ROOT/ci",
      ...PACE,
      ...emulators.variables,
    },
    async stop() {
      emulators.stop();
      await Promise.all([pool.end(), own.end()]);
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Every third project has Mia, who has Slack and is of no team; the others of Slack come and go. */
function projectOf(n, chance) {
  const [first, second] = [chance.below(12), chance.below(11)];
  const others = [first, (first + 1 + second) % 12].map((i) => everybody.find((p) => p.id === `v-${i}`));
  return { id: `p-${n}`, slug: `chaos-${n}`, members: n % 3 === 0 ? [...others, cast.mia] : others };
}

async function fillCi(postgres, pool, projects) {
  const admin = new pg.Client({ connectionString: postgres.url() });
  await admin.connect();
  await admin.query("create database ci");
  await admin.end();
  await pool.query(readFileSync(at("docs/ci-database-example.sql"), "utf8"));
  const insert = "insert into person values ($1, $2, $3, $4, $5, true, $6)";
  for (const p of everybody) await pool.query(insert, [p.id, p.username, `${p.username}@example.org`, p.firstName, p.lastName, p.slackId]);
  for (const { id, slug, members } of projects) {
    await pool.query("insert into project (id, slug, name) values ($1, $2, $2)", [id, slug]);
    for (const m of members) await pool.query("insert into membership values ($1, $2, 'member')", [id, m.id]);
  }
}

async function startEmulators(fleet) {
  const child = fork(fileURLToPath(at("scripts/chaos/emulators.mjs")), [JSON.stringify(fleet)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const first = await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the emulators ended with ${code}`)));
  });
  const asked = new Map();
  let count = 0;
  child.on("message", ({ id, answer }) => asked.get(id)?.(answer));
  const ask = (what) =>
    new Promise((resolve) => {
      asked.set(++count, resolve);
      child.send({ id: count, what });
    });
  const { slackUrl, ...variables } = first;
  return { slackUrl, variables, ask, first: await ask("tree"), stop: () => child.kill() };
}
