import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { createDatabase } from "../../src/store/db.ts";
import type { Birth, Word } from "./child.ts";
import type { Choice } from "./choice.ts";
import type { Life } from "./life.ts";
import { judge, lookBetween } from "./oracle.ts";
import { keyOf, type Point } from "./point.ts";
import { createScene, openScene, type Scene } from "./scene.ts";

/** Where a life is played: a fresh, migrated database each time. */
export interface Databases {
  create(): Promise<{ readonly url: string; drop(): Promise<void> }>;
}

/** How lives are played. */
export interface CrashOptions {
  readonly databases: Databases;
  /** The compiled file of the process that dies. */
  readonly childFile: string;
  /** After so many deaths a life is let be, and another one begins. */
  readonly killsPerLife: number;
}

/** What a life came to. `wrong` empty: it ended as it should, and nothing was harmed on the way. */
export interface LifeReport {
  readonly life: Life;
  readonly deaths: readonly Point[];
  readonly wrong: readonly string[];
  /** Every point that the last process met. */
  readonly seen: readonly string[];
}

/**
 * Plays one life: a process is born, dies where it was chosen to, and another is born on the same database, until one lives to the end.
 * Each time a process is dead the cloud is looked at; at the end all is judged.
 */
export async function playCrashes(life: Life, choice: Choice, o: CrashOptions): Promise<LifeReport> {
  const scene = await createScene({ expungeDelayMs: life === "recover" ? 86_400_000 : 90_000 });
  const door = await openScene(scene);
  const database = await o.databases.create();
  const before = createDatabase(database.url, { max: 1, onError: () => undefined });
  await recordAsMadeBefore(before, scene.cloud);
  await before.close();
  const archive = mkdtempSync(path.join(tmpdir(), "twokey-matrix-"));
  const deaths: Point[] = [];
  const wrong: string[] = [];
  let seen: readonly string[] = [];
  try {
    for (;;) {
      const covered = [...choice.covered, ...deaths.map(keyOf)];
      const now: Choice = deaths.length < o.killsPerLife ? { ...choice, covered } : { ...choice, only: [] };
      const birth: Birth = {
        life,
        databaseUrl: database.url,
        door: door.url,
        keys: scene.keys,
        archive,
        now: scene.clock.at,
        choice: now,
      };
      const told = await live(o.childFile, birth);
      wrong.push(...told.wrong);
      seen = told.seen;
      const place = told.death === null ? "" : ` (after a death at: ${keyOf(told.death)})`;
      wrong.push(...lookBetween(scene).map((sentence) => sentence + place));
      if (told.death === null || wrong.length > 0) break;
      deaths.push(told.death);
    }
    if (choice.only !== null && deaths.length < choice.only.length) wrong.push("it did not come to the point at which it should have died");
    if (wrong.length === 0) wrong.push(...(await judgeAll({ life, scene, archive, deaths }, database.url)));
  } finally {
    await Promise.all([door.close(), scene.cloud.close(), database.drop()]);
    rmSync(archive, { recursive: true, force: true });
  }
  return { life, deaths, wrong, seen };
}

async function judgeAll(
  o: { readonly life: Life; readonly scene: Scene; readonly archive: string; readonly deaths: readonly Point[] },
  url: string,
): Promise<readonly string[]> {
  const db = createDatabase(url, { max: 1, onError: () => undefined });
  try {
    return await judge({ ...o, db });
  } finally {
    await db.close();
  }
}

/** One process, from its birth to its death or to the life's end. */
async function live(
  file: string,
  birth: Birth,
): Promise<{ readonly death: Point | null; readonly wrong: readonly string[]; readonly seen: readonly string[] }> {
  const child = spawn(process.execPath, [file], { stdio: ["pipe", "ignore", "pipe", "pipe"] });
  const wrong: string[] = [];
  let death: Point | null = null;
  let ended = false;
  let seen: readonly string[] = [];
  let errors = "";
  child.stderr?.on("data", (d: Buffer) => (errors = (errors + d.toString("utf8")).slice(-4000)));
  createInterface({ input: child.stdio[3] as Readable }).on("line", (line) => {
    const word = JSON.parse(line) as Word;
    if ("dies" in word) death = { ...word.dies, unrecordedPosts: word.unrecordedPosts };
    else if ("wrong" in word) wrong.push(word.wrong);
    else if ("seen" in word) seen = word.seen;
    else ended = true;
  });
  child.stdin?.end(JSON.stringify(birth));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => child.once("close", (c, s) => resolve([c, s])));
  const isKilled = signal === "SIGKILL" && death !== null;
  if (!isKilled && !(code === 0 && ended)) wrong.push(`the process ended with ${signal ?? code}: ${errors}`);
  return { death, wrong, seen };
}
