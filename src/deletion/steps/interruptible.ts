import { Readable } from "node:stream";
import type { SaveContext } from "../../archive/entry.ts";
import { fail, type Failure } from "../../core/failure.ts";
import { inTime } from "../../core/in-time.ts";
import { ok, type Result } from "../../core/result.ts";
import { readDeletion, type DeletionRow } from "../../store/deletions.ts";
import { readStop } from "../../store/stop-switch.ts";
import type { DeletionContext } from "../context.ts";
import { isBack } from "../question.ts";

/** How often people's decisions are read while bytes pass, or none come. Units: milliseconds. */
const ASK_MS = 2000;
/** How often the CI database is asked meanwhile whether the project is back. Units: milliseconds. */
const ASK_PROJECT_MS = 60_000;
const DECIDED = "somebody decided otherwise meanwhile";

/** What saving needs, and whether people still leave the deletion as it is. */
export type Interruptible = SaveContext & { isUnchanged(): Promise<boolean> };

/**
 * The archive and the exports of a deletion, as long as people leave it as it is, its project is not back, and no other run has taken it
 * over. Reading or saving may take hours: a Restore, a Keep or a stop does not wait for its end, nor for an archive that does not answer.
 *
 * Errors: `unavailable` `deletion.interrupted`, or a stream that breaks off.
 */
export function interruptible(row: DeletionRow, c: DeletionContext): Interruptible {
  const isUnchanged = watchDecisions(row, c);
  /** Null: somebody decided otherwise before it came. */
  const unlessDecided = async <T>(coming: Promise<T>): Promise<{ readonly came: T } | null> => {
    let first = await inTime(coming, ASK_MS);
    while (first === null && (await isUnchanged())) first = await inTime(coming, ASK_MS);
    return first;
  };
  const whole = async <T>(open: () => Promise<Result<T, Failure>>): Promise<Result<T, Failure>> => {
    const opened = (await isUnchanged()) ? await unlessDecided(open()) : null;
    return opened?.came ?? fail("unavailable", "deletion.interrupted", DECIDED);
  };
  async function* passOn(bytes: Readable): AsyncGenerator<unknown> {
    let asked = c.now();
    const chunks = bytes[Symbol.asyncIterator]() as AsyncIterator<unknown>;
    try {
      for (;;) {
        const next = await unlessDecided(chunks.next());
        if (next === null) throw new Error(DECIDED);
        if (next.came.done === true) return;
        if (c.now() - asked >= ASK_MS) {
          asked = c.now();
          if (!(await isUnchanged())) throw new Error(DECIDED);
        }
        yield next.came.value;
      }
    } finally {
      bytes.destroy();
    }
  }
  const watched = (bytes: Readable): Readable => Readable.from(passOn(bytes));

  const { db, now, archive, exports } = c;
  return {
    db,
    now,
    isUnchanged,
    store: {
      ...archive,
      requireRoom: (bytes) => whole(() => archive.requireRoom(bytes)),
      append: (key, offset, bytes) => whole(() => archive.append(key, offset, bytes)),
      finish: (key) => whole(() => archive.finish(key)),
      open: (key) =>
        whole(async () => {
          const opened = await archive.open(key);
          return opened.ok ? ok(watched(opened.value)) : opened;
        }),
    },
    source: {
      openExport: async (item) => {
        // CloudStack may copy for hours before there is anything to download.
        const opened = await whole(() => exports.openExport(item));
        if (!opened.ok) return opened;
        return ok({
          open: (offset) =>
            whole(async () => {
              const stream = await opened.value.open(offset);
              return stream.ok ? ok({ ...stream.value, bytes: watched(stream.value.bytes) }) : stream;
            }),
        });
      },
    },
  };
}

/** Asks whether a deletion is as it was: by each question its row and the stop switch, now and then the CI database too. */
function watchDecisions(row: DeletionRow, c: DeletionContext): () => Promise<boolean> {
  let projectAskedAt = c.now();
  return async () => {
    const now = await readDeletion(c.db, row.id);
    if (now?.phase !== row.phase || now.restore_by !== row.restore_by || now.lease !== row.lease) return false;
    if ((await readStop(c.db)).stopped) return false;
    // After the point of no return two people may have accepted that it is back.
    if (row.phase === "removing" || Math.abs(c.now() - projectAskedAt) < ASK_PROJECT_MS) return true;
    projectAskedAt = c.now();
    return !(await isBack(row, c));
  };
}
