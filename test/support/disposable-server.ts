import { chmodSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { placeOf } from "../../src/store/embedded-place.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "../../src/store/embedded.ts";

/** Memory as a folder, where Linux has it: hundreds of databases are made and dropped there in half the time. */
const MEMORY = "/dev/shm";
/** A container often has 64 MB of it. Units: bytes. */
const ENOUGH = 3 * 2 ** 30;

/** The folder in which disposable servers keep their data. */
export function disposableRoot(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize > ENOUGH ? MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** Databases that live for seconds need nobody who looks after them. */
const NO_HOUSEKEEPING = { autovacuum: "off", checkpoint_timeout: "1h", max_wal_size: "4GB" };

/**
 * Starts a PostgreSQL that loses everything at its end; `prefix` begins its folder's name. `shortLived`: its databases are, so nothing is
 * vacuumed.
 */
export async function startDisposablePostgres(prefix: string, { shortLived = false } = {}): Promise<EmbeddedPostgres> {
  const folder = mkdtempSync(path.join(disposableRoot(), prefix));
  // Run by root, the server has a user of its own, who passes through; what is inside is closed to others.
  chmodSync(folder, 0o711);
  const { dir, socket } = placeOf(path.join(folder, "pg"));
  const server = await startEmbeddedPostgres(path.join(folder, "pg"), { fast: true });
  if (shortLived) await set(server.url(), NO_HOUSEKEEPING);
  return {
    ...server,
    async stop() {
      await server.stop();
      for (const made of [dir, socket, folder]) rmSync(made, { recursive: true, force: true });
    },
  };
}

async function set(url: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const [name, value] of Object.entries(settings)) await client.query(`alter system set ${name} = '${value}'`);
  await client.query("select pg_reload_conf()");
  await client.end();
}
