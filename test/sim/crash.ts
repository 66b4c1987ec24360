import type { Database, Queryable, Transaction } from "../../src/store/db.ts";

/** A process that died: nothing of it goes on. */
export class Crashed extends Error {
  override readonly name = "Crashed";
}

/** One simulated process. `points` are its calls and statements, before and after each; at `dieAt` of them it dies. */
export interface Process {
  readonly name: string;
  points: number;
  dieAt: number;
  dead: boolean;
  /** Its clock is wrong by this much just now. Units: ms. */
  skewMs: number;
  /** The API key with which it speaks to CloudStack: by it the door knows whose call a call is. */
  readonly apiKeys: ReadonlySet<string>;
}

/** Counts one point of a process. Errors: throws `Crashed` when it dies here or is dead already. */
export function passPoint(process: Process): void {
  process.points += 1;
  if (process.points >= process.dieAt) process.dead = true;
  if (process.dead) throw new Crashed(`${process.name} is dead`);
}

/** The database as a process sees it that may die before and after every statement; a transaction dies whole. */
export function mortal(db: Database, process: Process): Database {
  return {
    ...mortalStatements(db, process),
    tx: async (fn) => {
      passPoint(process);
      const value = await db.tx(async (q) => {
        const result = await fn({ ...mortalStatements(q, process), raw: q.raw } as Transaction);
        passPoint(process);
        return result;
      });
      passPoint(process);
      return value;
    },
    withAdvisoryLock: async (key, options, fn) => {
      passPoint(process);
      return db.withAdvisoryLock(key, options, fn);
    },
    close: () => db.close(),
  };
}

/** A database that tells when a deletion has recorded that it is about to send a call. */
export function afterIntents(db: Database, then: (deletion: string) => Promise<void>): Database {
  return {
    ...db,
    exec: async (sql, params) => {
      const rows = await db.exec(sql, params);
      if (sql.startsWith("insert into intent") && params?.includes("deletion") === true) await then(String(params[2]));
      return rows;
    },
  };
}

function mortalStatements(q: Queryable, process: Process): Queryable {
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    passPoint(process);
    const value = await work();
    passPoint(process);
    return value;
  };
  return {
    many: (row, sql, params) => around(() => q.many(row, sql, params)),
    one: (row, sql, params) => around(() => q.one(row, sql, params)),
    maybe: (row, sql, params) => around(() => q.maybe(row, sql, params)),
    exec: (sql, params) => around(() => q.exec(sql, params)),
  };
}
