/** Starts one throw-away PostgreSQL for the whole run, and makes the template from which every test file's database is cloned. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { migrate } from "../../src/store/migrate.ts";
import { disposableRoot, startDisposablePostgres } from "./disposable-server.ts";
import { useFastWallClock } from "./fast-wall-clock.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Address of the server's own database, and the name of the migrated template on it. */
    adminUrl: string;
    templateName: string;
    /** What the names of this run's databases begin with. */
    databasePrefix: string;
  }
}

const PREFIX = "twokey-test-";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  removeLeftovers();
  const given = process.env["TEST_DATABASE_URL"];
  const templateName = `twokey_template_${process.pid}`;
  const prefix = `test_${process.pid}_`;
  project.provide("databasePrefix", prefix);
  if (given !== undefined && given !== "") {
    await createTemplate(given, templateName);
    project.provide("adminUrl", given);
    project.provide("templateName", templateName);
    return () => dropAll(given, templateName, prefix);
  }
  const server = await startDisposablePostgres(`${PREFIX}${process.pid}-`, { shortLived: true });
  await createTemplate(server.url(), templateName);
  project.provide("adminUrl", server.url());
  project.provide("templateName", templateName);
  return () => server.stop();
}

async function createTemplate(adminUrl: string, name: string): Promise<void> {
  await admin(adminUrl, `drop database if exists ${name}`, `create database ${name}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  await migrate(url.href);
  await useFastWallClock(url.href);
}

/** On a server that stays nothing of this run may stay: the template, databases that were lent and never given back, their roles. */
async function dropAll(adminUrl: string, template: string, prefix: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  const sql = "select datname as name, 'twokey_bot_' || oid as role from pg_database where datname = $1 or starts_with(datname, $2)";
  const { rows } = await client.query<{ name: string; role: string }>(sql, [template, prefix]);
  await client.end();
  await admin(
    adminUrl,
    ...rows.flatMap(({ name, role }) => [`drop database if exists ${name} with (force)`, `drop role if exists ${role}`]),
  );
}

async function admin(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A run that was killed leaves its folder; once nobody's server uses it any more, it goes. */
function removeLeftovers(): void {
  const root = disposableRoot();
  for (const name of readdirSync(root).filter((entry) => entry.startsWith(PREFIX))) {
    const pid = Number(name.slice(PREFIX.length).split("-")[0]);
    const folder = path.join(root, name);
    if (
      Number.isInteger(pid) &&
      existsSync(`/proc/${process.pid}`) &&
      !existsSync(`/proc/${pid}`) &&
      !existsSync(path.join(folder, "pg", "postmaster.pid"))
    ) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
