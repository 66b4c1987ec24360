import { z } from "zod";
import type { Database } from "../../src/store/db.ts";
import { seedPolicy } from "../../src/store/policies.ts";
import { createMemoryArchive } from "./archive.ts";
import { PolicyBook } from "./policy-book.ts";
import { resetDatabase, tablesOf } from "./reset.ts";
import { firstPolicy, type World } from "./world.ts";

/** Twokey's whole database at a moment, with what people know to have decided until then. */
export interface Backup {
  readonly at: number;
  /** The rows of each table, as PostgreSQL writes them, in a JSON list. */
  readonly rows: Readonly<Record<string, string>>;
  readonly head: number;
  readonly queue: readonly (readonly [string, number])[];
  readonly approvals: World["approvals"];
  readonly askedBack: World["askedBack"];
  readonly stop: World["stop"];
  readonly versions: number;
}

/** Makes a backup, by the database's owner. */
export async function takeBackup(w: World, owner: Database): Promise<Backup> {
  const tables = await tablesOf(owner);
  const tableRows = tables.map((t) => `select '${t}' as name, (select coalesce(json_agg(r::text), '[]')::text from "${t}" r) as rows`);
  const { rows, head } = await owner.one(
    z.object({ rows: z.record(z.string(), z.string()), head: z.number() }),
    `select json_object_agg(name, rows) as rows, (select coalesce(max(seq), 0)::float8 from audit) as head
     from (${tableRows.join(" union all ")}) tables`,
  );
  return {
    ...{ at: w.clock.at, rows, head, queue: [...w.queue] },
    approvals: new Map([...w.approvals].map(([id, said]) => [id, new Map(said)])),
    askedBack: new Set(w.askedBack),
    stop: { ...w.stop },
    versions: w.book.versions,
  };
}

/**
 * Puts a backup in the place of what is there: rows, work that waits, and what people accept when they resume on it
 * (docs/restore-own-database.md).
 */
export async function putBack(w: World, owner: Database, b: Backup): Promise<void> {
  await putRows(owner, b.rows);
  w.queue.clear();
  for (const [id] of b.queue) w.queue.set(id, w.clock.at);
  refill(w.approvals, b.approvals);
  w.askedBack.clear();
  for (const id of b.askedBack) w.askedBack.add(id);
  Object.assign(w.stop, b.stop);
  w.book.goBackTo(b.versions);
}

/** Replaces all rows. */
export async function putRows(owner: Database, rows: Backup["rows"]): Promise<void> {
  await resetDatabase(owner);
  const insertOf = (t: string, json: string): string =>
    `insert into "${t}" overriding system value
     select (r::"${t}").* from json_array_elements_text($rows$${json}$rows$) r;`;
  const inserts = Object.entries(rows)
    .filter(([, json]) => json !== "[]")
    .map(([t, json]) => insertOf(t, json));
  await owner.exec(["set local session_replication_role = replica;", "delete from sync_state;", ...inserts].join("\n"));
}

/** A new installation of the bot: an empty database, an archive of its own, and the same CloudStack. */
export async function newInstallation(w: World, owner: Database): Promise<World> {
  await resetDatabase(owner);
  await w.db.tx((q) => seedPolicy(q, firstPolicy, w.clock.at));
  return {
    ...w,
    archive: createMemoryArchive(),
    cards: [],
    queue: new Map(),
    approvals: new Map(),
    askedBack: new Set(),
    policyCards: [],
    book: new PolicyBook(firstPolicy, w.clock.at),
    stop: { isOn: true, since: 0 },
  };
}

/** Number of the newest row of the audit log that the archive knows; 0: it knows none. */
export function newestKept(w: World): number {
  const bytes = w.archive.newestHead();
  const head = bytes === undefined ? null : z.object({ seq: z.number() }).parse(JSON.parse(bytes.toString("utf8")));
  return head?.seq ?? 0;
}

function refill<K, V>(map: Map<K, V>, from: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
}
