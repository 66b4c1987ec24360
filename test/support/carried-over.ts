/**
 * What the code of commit 22fd18c left behind: its database and the world around it, as the bot of today finds them.
 *
 * How `test/fixtures/database-22fd18c.sql` and `world-22fd18c.json` were made: in a checkout of that commit, its own simulated process (that
 * commit's `createReplica`, with the real Slack announcers and posting) worked on a PostgreSQL that its own migrations had made, with its own
 * CloudStack emulator. One project for each state, named after it, its deletion opened by a pass and moved on by `advance` and by people's
 * clicks. The process died three times: before a `deleteTemplate` (`removing`), after a `destroyVirtualMachine` (`dismantling`) and while it
 * saved a template (`archiving`); one answer of CloudStack was lost (`quarantining`). Each table was then written out row by row, each
 * sequence after them. The keys in the world's file are the emulator's.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setUpKeys } from "../../demo/keys.ts";
import { Readable } from "node:stream";
import { z } from "zod";
import { bytesOf } from "../../emulators/cloudstack/bytes.ts";
import { startCloudStackEmulator, type CloudStackEmulatorOptions, type TreeDomain } from "../../emulators/cloudstack/server.ts";
import type { ProjectId } from "../../src/core/ids.ts";
import type { Asker } from "../../src/core/people.ts";
import type { DeletionClick } from "../../src/deletion/view.ts";
import { withConnection, type Database } from "../../src/store/db.ts";
import { readNewestDeletion, type DeletionRow } from "../../src/store/deletions.ts";
import { migrate } from "../../src/store/migrate.ts";
import { createMemoryArchive, type MemoryArchive } from "../sim/archive.ts";
import type { CiProject } from "../sim/ci.ts";
import { openDoor } from "../sim/door.ts";
import { team } from "../sim/people.ts";
import { PolicyBook } from "../sim/policy-book.ts";
import { createChance } from "../sim/random.ts";
import { createReplica, type Replica } from "../sim/replica.ts";
import { config, firstPolicy, undisturbed, type World } from "../sim/world.ts";
import { changed } from "./bot.ts";
import { emptyDatabase, openAsBot, type FreshDatabase } from "./database.ts";
import { useFastWallClock } from "./fast-wall-clock.ts";
import { lendDatabaseLike } from "./lent-database.ts";

const fixtures = path.resolve(import.meta.dirname, "../fixtures");
const migrations = path.resolve(import.meta.dirname, "../../migrations");
const LAST_OLD_MIGRATION = "0020_restore";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** What that commit's simulation was told to read: its names stand in the scope that people confirmed. */
const oldConfig = {
  ...config,
  ci: { ...config.ci, url: "postgres://simulation", views: { projects: "p", users: "u", memberships: "m" } },
  // Its accounts have the role that was the default then.
  cloudstack: { ...config.cloudstack, url: "simulation", roles: { "*": "User" } },
  policy: {
    ...config.policy,
    scope: { ...config.policy.scope, server: "simulation", database: "simulation", views: { projects: "p", users: "u", memberships: "m" } },
  },
};

interface OldWorld {
  readonly at: number;
  readonly emulator: CloudStackEmulatorOptions;
  readonly projects: readonly CiProject[];
  readonly cloudstack: unknown;
}

/** Names of the migrations that came after commit 22fd18c. */
export function laterMigrations(): readonly string[] {
  const names = readdirSync(migrations).filter((file) => file.endsWith(".sql"));
  return names
    .map((file) => file.slice(0, -".sql".length))
    .filter((name) => name > LAST_OLD_MIGRATION)
    .toSorted();
}

/** The database as commit 22fd18c left it: nothing of today was run on it. */
export async function oldDatabase(): Promise<FreshDatabase> {
  const fresh = await emptyDatabase();
  const dir = mkdtempSync(path.join(tmpdir(), "twokey-old-migrations-"));
  try {
    const isLater = (file: string) => laterMigrations().some((name) => file.endsWith(`${name}.sql`));
    cpSync(migrations, dir, { recursive: true, filter: (file) => !isLater(file) });
    await migrate(fresh.url, { dir });
  } finally {
    rmSync(dir, { recursive: true });
  }
  await withConnection(fresh.url, (client) => client.query(readFileSync(path.join(fixtures, "database-22fd18c.sql"), "utf8")));
  return fresh;
}

/** The bot of today on what was carried over, with CloudStack, the CI database and the people as they were then. */
export interface CarriedOver {
  readonly db: Database;
  readonly bot: Replica;
  readonly world: World;
  /** The deletion of the project of this name. */
  row(slug: string): Promise<DeletionRow>;
  /** What the newest card of it says, to somebody who is about to click on it. */
  click(slug: string, by: Asker): Promise<DeletionClick>;
  /** Does what is due for it just now. */
  work(slug: string): Promise<DeletionRow>;
  /** Works on these, and lets time pass, until each has ended or is frozen; gives their phases. */
  finish(...slugs: readonly string[]): Promise<readonly string[]>;
  /** A domain as CloudStack has it; undefined when it is gone. */
  domain(slug: string): TreeDomain | undefined;
  close(): Promise<void>;
}

/** Carries the database over and starts the bot on it, a minute after the old one was stopped. */
export async function carryOver(): Promise<CarriedOver> {
  const fresh = await lendDatabaseLike("22fd18c", async () => {
    const made = await oldDatabase();
    await migrate(made.url);
    await useFastWallClock(made.url);
    return made;
  });
  // With the rights that the bot has: those on tables that are newer than the database, too.
  const db = await openAsBot(fresh);
  const { world, close } = await oldWorld(db);
  const root = world.cloud.tree().children.find((d) => d.name === "ci");
  const bot = createReplica(world, "now", setUpKeys(world.cloud, root?.id ?? ""), (p) => changed(p, { config: oldConfig }));
  bot.process.skewMs = 0;
  const row = async (slug: string): Promise<DeletionRow> => {
    const found = await readNewestDeletion(db, `p-${slug}` as ProjectId);
    if (found === null) throw new Error(`the deletion of ${slug} is not there`);
    return found;
  };
  const work = async (slug: string): Promise<DeletionRow> => {
    await bot.work.deletion((await row(slug)).id, new AbortController().signal);
    return row(slug);
  };
  return {
    db,
    bot,
    world,
    row,
    work,
    async click(slug, by) {
      const { id, version, digest } = await row(slug);
      return { deletionId: id, version, digest, by };
    },
    finish: (...slugs) => finish(slugs, work, world.clock),
    domain: (slug) =>
      world.cloud
        .tree()
        .children.find((d) => d.name === "ci")
        ?.children.find((d) => d.name === slug),
    async close() {
      await close();
      await db.close();
      await fresh.drop();
    },
  };
}

async function finish(
  slugs: readonly string[],
  work: (slug: string) => Promise<DeletionRow>,
  clock: { at: number },
): Promise<readonly string[]> {
  const ends = new Map<string, string>();
  // More rounds than any of them needs: the longest wait is the six hours for which CloudStack keeps a destroyed machine.
  for (let round = 0; round < 30 && ends.size < slugs.length; round++) {
    for (const slug of slugs.filter((one) => !ends.has(one))) {
      const { phase } = await work(slug);
      if (["deleted", "closed", "frozen"].includes(phase)) ends.set(slug, phase);
    }
    clock.at += 2 * HOUR;
  }
  return slugs.map((slug) => ends.get(slug) ?? "never ended");
}

/** The archive as it was left: the bytes that CloudStack gave for each copy. */
async function oldArchive(db: Database): Promise<MemoryArchive> {
  const archive = createMemoryArchive();
  const Copy = z.object({ id: z.string(), key: z.string(), size: z.number() });
  const copies = "select item_id as id, store_key as key, bytes as size from archive_entry where state = 'verified'";
  for (const { id, key, size } of await db.many(Copy, copies)) {
    await archive.append(key, 0, Readable.from([bytesOf({ id, size, format: "QCOW2" }, 0, size)]));
    await archive.finish(key);
  }
  return archive;
}

/** The world as it was left, on a database. */
async function oldWorld(db: Database): Promise<{ readonly world: World; close(): Promise<void> }> {
  const old = JSON.parse(readFileSync(path.join(fixtures, "world-22fd18c.json"), "utf8")) as OldWorld;
  const folder = mkdtempSync(path.join(tmpdir(), "twokey-old-world-"));
  const stateFile = path.join(folder, "cloudstack.json");
  writeFileSync(stateFile, JSON.stringify(old.cloudstack));
  const chance = createChance(old.at);
  const clock = { at: old.at + MINUTE, setBackMs: 0 };
  const cloud = await startCloudStackEmulator({
    ...old.emulator,
    listens: false,
    now: () => clock.at,
    newId: () => chance.uuid(),
    stateFile,
  });
  openDoor((request, response) => cloud.serve(request, response));
  const world: World = {
    ...undisturbed(0),
    seed: 0,
    chance,
    chaos: 0,
    clock,
    db,
    cloud,
    ci: { projects: old.projects.map((p) => ({ ...p })), mood: "honest" },
    archive: await oldArchive(db),
    directory: { approvers: team.filter((p) => p.name !== "Dora"), isAway: false, mood: "honest" },
    cards: [],
    queue: new Map(),
    approvals: new Map(),
    policyCards: [],
    book: new PolicyBook(firstPolicy, clock.at),
    stop: { isOn: true, since: clock.at },
    trace: [],
    violations: [],
  };
  return {
    world,
    async close() {
      await cloud.close();
      rmSync(folder, { recursive: true });
    },
  };
}
