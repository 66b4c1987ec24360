import pg from "pg";
import { z } from "zod";
import { StoreError, classifyStoreError } from "./store-error.ts";
import { createLockSessions, type LockOptions, type LockOutcome } from "./advisory-lock.ts";

/**
 * Runs SQL and parses every row of the answer.
 *
 * Units:  columns named `*_at` are `bigint` epoch milliseconds in UTC and are read as numbers; `numeric` is read as text.
 * Shape:  `jsonb` is read parsed, as `unknown` to the schema; it is written through `toJson` (an array would become a PostgreSQL array).
 * Errors: throws `StoreError`; its `kind` says whether to try again (`unavailable`, `conflict`) or not (`constraint`, `bug`).
 */
export interface Queryable {
  /** Returns every row, parsed by `row`. */
  many<S extends z.ZodType>(row: S, sql: string, params?: readonly unknown[]): Promise<z.output<S>[]>;
  /** Returns the only row; any other number of rows is a bug. */
  one<S extends z.ZodType>(row: S, sql: string, params?: readonly unknown[]): Promise<z.output<S>>;
  /** Returns the only row or null; two rows are a bug. */
  maybe<S extends z.ZodType>(row: S, sql: string, params?: readonly unknown[]): Promise<z.output<S> | null>;
  /** Runs a statement and returns the number of affected rows. */
  exec(sql: string, params?: readonly unknown[]): Promise<number>;
}

/** A `Queryable` inside one open transaction: one statement at a time; `raw` is for the engine's transactional enqueue. */
export interface Transaction extends Queryable {
  readonly raw: pg.ClientBase;
  /** Keeps a fact for `onFact`, which gets it once the transaction is committed. Left out: nobody asks. */
  readonly tell?: (fact: Fact) => void;
}

/** What a transaction has changed, for the log. */
export interface Fact {
  readonly kind: string;
  readonly actor: string;
  readonly subject: string;
  readonly data: unknown;
}

/** The pool of connections to Twokey's own database. */
export interface Database extends Queryable {
  /** Runs `fn` in one transaction: committed when it returns, rolled back when it throws. */
  tx<T>(fn: (q: Transaction) => Promise<T>): Promise<T>;
  /** Runs `fn` while this process holds the lock named `key`, which one process of all replicas can hold. */
  withAdvisoryLock<T>(key: string, options: LockOptions, fn: (signal: AbortSignal) => Promise<T>): Promise<LockOutcome<T>>;
  close(): Promise<void>;
}

/** How a pool is made: `onError` gets connections lost while idle, `onFact` what was recorded, after its commit. */
export interface DatabaseOptions {
  readonly max?: number;
  readonly onError: (error: StoreError) => void;
  readonly onFact?: (fact: Fact) => void;
}

/** Makes the pool; it connects with the first statement. */
export function createDatabase(url: string, options: DatabaseOptions): Database {
  // Longer than the minute between sweeps: they would open new connections each time.
  const pool = new pg.Pool({ ...connectionSettings(url), max: options.max ?? 10, idleTimeoutMillis: 90_000 });
  const locks = createLockSessions(connectionSettings(url));
  let isClosing = false;
  // Without this listener a connection that breaks while idle ends the whole process. Errors after `close` are expected.
  pool.on("error", (error) => {
    if (!isClosing) options.onError(classifyStoreError(error));
  });
  return {
    ...queryable(pool),
    async tx(fn) {
      const facts: Fact[] = [];
      const value = await runTransaction(pool, (q) => fn({ ...q, tell: (fact) => void facts.push(fact) }));
      for (const fact of facts) options.onFact?.(fact);
      return value;
    },
    withAdvisoryLock: (key, lockOptions, fn) => locks.run(key, lockOptions, fn),
    close: async () => {
      isClosing = true;
      await Promise.all([pool.end(), locks.close()]);
    },
  };
}

/** Turns a value into the text of a `jsonb` parameter. A plain object may be passed as it is; a list, a text or null may not. */
export function toJson(value: unknown): string {
  return JSON.stringify(value);
}

/** A schema's columns in SQL: the key `savedAt` is the column `saved_at`. */
export function columnsOf(row: z.ZodObject): string {
  return Object.keys(row.shape)
    .map((key) => (columnOf(key) === key ? key : `${columnOf(key)} as "${key}"`))
    .join(", ");
}

/**
 * Inserts one row and gives the number of rows, which is 0 only after `on conflict do nothing`.
 *
 * The object's keys are the columns, so it must not come from elsewhere with more keys than its type has; values are parameters.
 */
export function insertRow(q: Queryable, table: string, row: object, onConflict = ""): Promise<number> {
  const columns = Object.keys(row).map((key) => pg.escapeIdentifier(columnOf(key)));
  const values = columns.map((_, i) => `$${i + 1}`);
  return q.exec(`insert into ${table} (${columns.join(", ")}) values (${values.join(", ")}) ${onConflict}`, Object.values(row));
}

/** Changes the row with this id, if the SQL condition `and` holds; keys and values as for `insertRow`. Gives the number of rows. */
export async function updateRow(q: Queryable, table: string, id: string, change: object, and = "true"): Promise<number> {
  const sets = Object.keys(change).map((key, i) => `${pg.escapeIdentifier(columnOf(key))} = $${i + 2}`);
  if (sets.length === 0) return 0;
  return q.exec(`update ${table} set ${sets.join(", ")} where id = $1 and ${and}`, [id, ...Object.values(change)]);
}

function columnOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The row of a count: `select count(*) as n …`. */
export const CountRow = z.object({ n: z.coerce.number() }).transform((row) => row.n);

/** A limit of the role's or the database's on idle sessions would end one that holds a lock between two statements. */
const OWN_OPTIONS = "-c search_path=twokey -c idle_session_timeout=0";

/** The settings of every connection; unqualified table names mean the schema `twokey`, whatever options the address has. */
export function connectionSettings(url: string, more = ""): pg.ClientConfig {
  // Options of the address would replace those of the settings: both are needed, and the last of each name counts.
  const address = new URL(url);
  const options = [address.searchParams.get("options"), OWN_OPTIONS, more].filter((o) => o !== null && o !== "").join(" ");
  address.searchParams.set("options", options);
  return {
    connectionString: address.href,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 60_000,
    idle_in_transaction_session_timeout: 60_000,
    application_name: "twokey",
    types: { getTypeParser },
  };
}

/** Runs `work` on one connection of its own, opened for it and closed after it. Errors: what `pg` throws, not classified. */
export async function withConnection<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connectionSettings(url));
  // A connection that is lost between two statements fails the next one; without a listener it would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function runTransaction<T>(pool: pg.Pool, fn: (q: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw classifyStoreError(error);
  });
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on("error", onError);
  try {
    await run(client, "begin");
    const value = await fn({ ...queryable(client), raw: client });
    await run(client, "commit");
    return value;
  } catch (error) {
    // A rollback fails when the connection is lost, and the transaction with it: the first error is the one to report.
    await client.query("rollback").catch((lost: unknown) => {
      broken = lost instanceof Error ? lost : new Error(String(lost));
    });
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}

type Runner = Pick<pg.ClientBase, "query"> | Pick<pg.Pool, "query">;

function queryable(runner: Runner): Queryable {
  async function many<S extends z.ZodType>(row: S, sql: string, params: readonly unknown[] = []): Promise<z.output<S>[]> {
    const { rows } = await run(runner, sql, params);
    return rows.map((raw) => parseRow(row, raw, sql));
  }
  async function maybe<S extends z.ZodType>(row: S, sql: string, params: readonly unknown[] = []): Promise<z.output<S> | null> {
    const rows = await many(row, sql, params);
    if (rows.length > 1) throw new StoreError("bug", `expected at most one row, got ${rows.length}: ${firstWords(sql)}`);
    return rows[0] ?? null;
  }
  return {
    many,
    maybe,
    async one(row, sql, params = []) {
      const found = await many(row, sql, params);
      const first = found[0];
      if (found.length !== 1 || first === undefined) {
        throw new StoreError("bug", `expected exactly one row, got ${found.length}: ${firstWords(sql)}`);
      }
      return first;
    },
    exec: async (sql, params = []) => (await run(runner, sql, params)).rowCount ?? 0,
  };
}

async function run(runner: Runner, sql: string, params: readonly unknown[] = []): Promise<pg.QueryResult<pg.QueryResultRow>> {
  try {
    return await runner.query<pg.QueryResultRow>({ ...named(sql), text: sql, values: [...params] });
  } catch (error) {
    throw classifyStoreError(error, firstWords(sql));
  }
}

const names = new Map<string, string>();

/**
 * A statement's name: PostgreSQL parses and plans a named statement once per connection, and a step runs some thirty.
 *
 * Utility commands have no parameters; with values in their text, names for them would fill this map and the server's memory.
 */
function named(sql: string): { readonly name?: string } {
  if (!/^\s*(?:select|insert|update|delete|with)\b/i.test(sql)) return {};
  const name = names.get(sql) ?? `q${names.size}`;
  names.set(sql, name);
  return { name };
}

function parseRow<S extends z.ZodType>(row: S, raw: unknown, sql: string): z.output<S> {
  const parsed = row.safeParse(raw);
  if (parsed.success) return parsed.data;
  // Only column names: the values may be secret, and the message reaches a log.
  const columns = parsed.error.issues.map((issue) => `${issue.path.join(".")} (${issue.code})`).join(", ");
  throw new StoreError("bug", `a row does not have the expected shape: ${columns}: ${firstWords(sql)}`);
}

function firstWords(sql: string): string {
  return sql.trim().replace(/\s+/g, " ").slice(0, 80);
}

function getTypeParser(oid: number, format?: "text" | "binary"): unknown {
  if (oid === pg.types.builtins.INT8 && format !== "binary") return parseInt8;
  return pg.types.getTypeParser(oid, format ?? "text");
}

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new StoreError("bug", "a bigint does not fit a JavaScript number");
  return value;
}
