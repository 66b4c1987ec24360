import { randomBytes } from "node:crypto";
import pg from "pg";
import { migrate } from "../../src/store/migrate.ts";
import { startDisposablePostgres } from "../support/disposable-server.ts";
import { useFastWallClock } from "../support/fast-wall-clock.ts";
import type { Databases } from "./crash.ts";

const TEMPLATE = "matrix_template";

/** Starts a throw-away PostgreSQL, with a migrated template that every life's database is a clone of. */
export async function startDatabases(): Promise<Databases & { stop(): Promise<void> }> {
  const server = await startDisposablePostgres("twokey-matrix-pg-", { shortLived: true });
  await administer(server.url(), `create database ${TEMPLATE}`);
  await migrate(server.url(TEMPLATE));
  await useFastWallClock(server.url(TEMPLATE));
  return {
    ...clonesOf(server.url(), TEMPLATE),
    stop: () => server.stop(),
  };
}

/** Clones of a migrated template, on a server that runs already. */
export function clonesOf(adminUrl: string, template: string): Databases {
  return {
    async create() {
      const name = `matrix_${randomBytes(6).toString("hex")}`;
      await administer(adminUrl, `create database ${name} template ${template} strategy file_copy`);
      const url = new URL(adminUrl);
      url.pathname = `/${name}`;
      return { url: url.href, drop: () => administer(adminUrl, `drop database if exists ${name} with (force)`) };
    },
  };
}

/** Two clones of one template at the same moment disturb each other, so they take turns. */
async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock(20170707)");
    await client.query(statement);
  } finally {
    await client.end();
  }
}
