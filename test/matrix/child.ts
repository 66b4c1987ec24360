/** A process that lives a deletion's life and may be killed at a point: the first that nobody has died at, or one that was named. */
import { readFileSync, writeSync } from "node:fs";
import { z } from "zod";
import { createFolderStore } from "../../src/archive/folder-store.ts";
import { createDatabase, type Queryable } from "../../src/store/db.ts";
import type { FourKeys } from "../../demo/keys.ts";
import { createBot } from "./bot.ts";
import { playLife, type Life } from "./life.ts";
import { mortalArchive, mortalCalls, mortalDatabase, Mortality } from "./mortal.ts";
import { keyOf, type Point } from "./point.ts";
import { doomed } from "./scene.ts";
import { chosenOf, type Choice } from "./choice.ts";

/** What a process is told at its birth, on its standard input. */
export interface Birth {
  readonly life: Life;
  readonly databaseUrl: string;
  readonly door: string;
  readonly keys: FourKeys;
  readonly archive: string;
  readonly now: number;
  readonly choice: Choice;
}

/** What it says, one line each, on its file descriptor 3: it is written before the process goes on, or dies. */
export type Word =
  | { readonly dies: Point; readonly unrecordedPosts: number }
  | { readonly wrong: string }
  | { readonly ended: string }
  | { readonly seen: readonly string[] };

const say = (word: Word): void => {
  writeSync(3, `${JSON.stringify(word)}\n`);
};

const birth = JSON.parse(readFileSync(0, "utf8")) as Birth;
const isChosen = chosenOf(birth.choice);
const seen = new Set<string>();
const m = new Mortality(
  (point) => {
    seen.add(keyOf(point));
    if (!isChosen(point)) return;
    say({ dies: point, unrecordedPosts: m.unrecordedPosts });
    process.kill(process.pid, "SIGKILL");
    // The signal is delivered before anything else of this process runs.
    for (;;);
  },
  { isEveryRead: birth.choice.isEveryRead },
);

const Standing = z.object({ phase: z.string(), step: z.string().nullable() });
async function readStanding(q: Queryable): Promise<void> {
  const row = await q.maybe(
    Standing,
    `select case when restore_by is null or phase = 'closed' then phase else 'restoring' end as phase,
            (select command || ' ' || (params ->> 'name') from intent where owner_id = deletion.id::text order by at desc, ctid desc limit 1) as step
     from deletion where project_id = $1`,
    [doomed.id],
  );
  if (row !== null) m.moveTo(row.phase, row.step ?? "-");
}

const clock = { at: birth.now };
const plain = createDatabase(birth.databaseUrl, { max: 4, onError: (error) => say({ wrong: error.message }) });
await readStanding(plain);
const slack = mortalCalls(m, birth.door, () => clock.at);
const bot = createBot({
  db: mortalDatabase(plain, m, readStanding),
  keys: birth.keys,
  clock,
  slack: (method, body) => m.around(`slack ${method}`, () => slack(method, body)),
  archive: mortalArchive(createFolderStore(birth.archive), m),
  timeoutMs: 60_000,
  wrong: (sentence) => say({ wrong: sentence }),
});
const phase = await playLife(birth.life, bot, (sentence) => say({ wrong: sentence }));
say({ seen: [...seen] });
say({ ended: phase });
process.exit(0);
