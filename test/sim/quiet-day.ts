/** Passes over a service that never changes, each five minutes after the last one, and what they leave in Twokey's own database. */
import { z } from "zod";
import type { Database } from "../../src/store/db.ts";
import { putInForce } from "../support/bot.ts";
import { service, type Service } from "../sync/people.ts";

/** How many passes a day has, one each five minutes. */
export const PASSES_A_DAY = 288;
const MEMBERS = 4;
/** How often autovacuum would come by, at least. Units: passes. */
const VACUUM_PASSES = 48;

/** Projects with four members each, of which everything was made and is known: what comes now is unchanged. */
export async function quietService(db: Database, projects: number, owner = db): Promise<Service> {
  await putInForce(owner);
  const members = (n: number) => Array.from({ length: MEMBERS }, (_, m) => `user${n * MEMBERS + m}`);
  const world = service(db, Object.fromEntries(Array.from({ length: projects }, (_, n) => [`p${n}`, members(n)])));
  // They find everything for the first time.
  for (let n = 0; n < 3; n += 1) await world.pass();
  return world;
}

/** What some unchanged passes cost. */
export interface Cost {
  /** How much each table grew with its indexes, the largest first. Units: bytes. */
  readonly grown: readonly (readonly [table: string, bytes: number])[];
  readonly bytes: number;
  /** How long a pass took. Units: milliseconds. */
  readonly msPerPass: number;
}

/** Runs unchanged passes and measures what they leave after a vacuum; the engine's own tables are not looked at. */
export async function costOf(db: Database, world: Service, passes: number): Promise<Cost> {
  const before = await sizesOf(db);
  const began = performance.now();
  for (let n = 1; n <= passes; n += 1) {
    const { state } = await world.pass();
    if (state !== "unchanged") throw new Error(`a pass ended as ${state}`);
    if (n % VACUUM_PASSES === 0) await db.exec("vacuum");
  }
  const msPerPass = (performance.now() - began) / passes;
  const grown = [...(await sizesOf(db))]
    .map(([table, bytes]) => [table, bytes - (before.get(table) ?? 0)] as const)
    .filter(([, bytes]) => bytes !== 0)
    .toSorted((a, b) => b[1] - a[1]);
  return { grown, bytes: grown.reduce((sum, [, bytes]) => sum + bytes, 0), msPerPass };
}

async function sizesOf(db: Database): Promise<ReadonlyMap<string, number>> {
  await db.exec("vacuum");
  const rows = await db.many(
    z.object({ name: z.string(), bytes: z.coerce.number() }),
    "select relname as name, pg_total_relation_size(oid) as bytes from pg_class where relnamespace = 'twokey'::regnamespace and relkind = 'r'",
  );
  return new Map(rows.map((row) => [row.name, row.bytes]));
}
