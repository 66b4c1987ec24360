import type pg from "pg";
import { z } from "zod";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok, type Result } from "../core/result.ts";
import { STANDBY, Standby, whyStale, type Stale } from "./standby.ts";

const Seen = Standby.extend({
  backend: z.number(),
  row_security: z.string(),
  read_only: z.string(),
  isolation: z.string(),
  search_path: z.string(),
});

const SEEN = `
  select pg_backend_pid() as backend, current_setting('row_security') as row_security, current_setting('transaction_read_only') as read_only,
    current_setting('transaction_isolation') as isolation, current_setting('search_path') as search_path, ${STANDBY}`;

/** Where a name without a schema leads, whatever role, database or address say; a table that a session made for itself is last. */
const SEARCH_PATH = "pg_catalog, public, pg_temp";

/** What a snapshot was seen to be; compared at its end. */
export type SnapshotSeen = z.output<typeof Seen>;

/**
 * Begins one read-only snapshot in which a row-level security policy is refused instead of hiding rows and a name leads to one view only,
 * and looks whether that is so: an `options=` in the address replaces settings of the connection, and a pooler may drop them.
 *
 * Errors: throws `SnapshotRefused` with the failure.
 */
export async function beginSnapshot(client: pg.ClientBase): Promise<SnapshotSeen> {
  await client.query("begin isolation level repeatable read read only");
  await client.query("set local row_security = off");
  await client.query(`set local search_path = ${SEARCH_PATH}`);
  const seen = await expectGuards(client);
  if (seen.search_path !== SEARCH_PATH) throw new SnapshotRefused(dropped(`its search_path is ${seen.search_path}`));
  return seen;
}

/** Ends the snapshot, if every statement of it ran where it began. Errors: as `beginSnapshot`. */
export async function endSnapshot(client: pg.ClientBase, begun: SnapshotSeen): Promise<void> {
  const now = await expectGuards(client);
  if (now.backend !== begun.backend) throw new SnapshotRefused(dropped("another session answered at its end"));
  await client.query("commit");
}

/** How one kind of server gives connections, and begins and ends a snapshot on one. */
export interface SnapshotServer<C, Begun> {
  connect(): Promise<C>;
  begin(connection: C): Promise<Begun>;
  end(connection: C, begun: Begun): Promise<void>;
  release(connection: C): void;
  /** Closes a connection that may be in the middle of a snapshot. */
  destroy(connection: C): void;
  /** Turns the server's error into a sentence about the view; never its address or password. */
  explain(thrown: unknown, view: string): Failure;
}

/** Reads in one snapshot; `isAt` names the view that is read, for the sentence of a failure. Errors: what `explain` makes of them. */
export async function readInSnapshot<C, Begun, T>(
  server: SnapshotServer<C, Begun>,
  read: (connection: C, isAt: (view: string) => void) => Promise<T>,
): Promise<Result<T, Failure>> {
  let connection: C;
  try {
    connection = await server.connect();
  } catch (thrown) {
    return err(server.explain(thrown, ""));
  }
  let at = "";
  try {
    const begun = await server.begin(connection);
    const value = await read(connection, (view) => void (at = view));
    await server.end(connection, begun);
    server.release(connection);
    return ok(value);
  } catch (thrown) {
    server.destroy(connection);
    return err(server.explain(thrown, at));
  }
}

async function expectGuards(client: pg.ClientBase): Promise<SnapshotSeen> {
  const seen = Seen.parse((await client.query(SEEN)).rows[0]);
  if (seen.row_security !== "off") throw new SnapshotRefused(dropped(`row_security is ${seen.row_security}, so rows may be hidden`));
  if (seen.read_only !== "on") throw new SnapshotRefused(dropped("the transaction is not read only"));
  if (seen.isolation !== "repeatable read") throw new SnapshotRefused(dropped(`its isolation is ${seen.isolation}`));
  const stale = whyStale(seen);
  if (stale !== null) throw new SnapshotRefused(tooOld(stale));
  return seen;
}

/** A snapshot that is not what was asked for: nothing read in it counts. */
export class SnapshotRefused extends Error {
  override readonly name = "SnapshotRefused";
  readonly failure: Failure;
  constructor(f: Failure) {
    super(f.message);
    this.failure = f;
  }
}

function dropped(what: string): Failure {
  return failure("contract_broken", "cidb.guards", `The CI database did not keep the settings of a read: ${what}`, {
    remedy: "Let CI_DATABASE_URL lead to PostgreSQL itself, or to a pooler that keeps a transaction in one session.",
  });
}

function tooOld({ why, remedy }: Stale): Failure {
  return failure("unavailable", "cidb.stale", `The CI database is a standby, and ${why}: what it shows may be old`, { remedy });
}
