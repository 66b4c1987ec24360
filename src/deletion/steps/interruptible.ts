import { Readable } from "node:stream";
import type { SaveContext } from "../../archive/entry.ts";
import { fail, type Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { readDeletion, type DeletionRow } from "../../store/deletions.ts";
import { readStop } from "../../store/stop-switch.ts";
import type { DeletionContext } from "../context.ts";

/** How often people's decisions are read while bytes pass. Units: milliseconds. */
const ASK_MS = 2000;

/**
 * The archive and the exports of a deletion, as long as people leave it as it is. Reading or saving may take hours: a Restore, a Keep
 * or a stop does not wait for its end.
 *
 * Errors: `unavailable` `deletion.interrupted`, or a stream that breaks off.
 */
export function interruptible(row: DeletionRow, c: DeletionContext): SaveContext {
  const isUnchanged = async (): Promise<boolean> => {
    const now = await readDeletion(c.db, row.id);
    return now?.phase === row.phase && now.restore_by === row.restore_by && !(await readStop(c.db)).stopped;
  };
  const whole = async <T>(open: () => Promise<Result<T, Failure>>): Promise<Result<T, Failure>> =>
    (await isUnchanged()) ? open() : fail("unavailable", "deletion.interrupted", "somebody decided otherwise meanwhile");
  async function* passOn(bytes: Readable): AsyncGenerator<unknown> {
    let asked = c.now();
    for await (const chunk of bytes) {
      if (c.now() - asked >= ASK_MS) {
        asked = c.now();
        if (!(await isUnchanged())) throw new Error("somebody decided otherwise meanwhile");
      }
      yield chunk;
    }
  }
  const watched = (bytes: Readable): Readable => Readable.from(passOn(bytes));

  const { db, now, archive, exports } = c;
  return {
    db,
    now,
    store: {
      ...archive,
      open: (key) =>
        whole(async () => {
          const opened = await archive.open(key);
          return opened.ok ? ok(watched(opened.value)) : opened;
        }),
    },
    source: {
      openExport: async (item) => {
        const opened = await exports.openExport(item);
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
