import { z } from "zod";
import { Digest } from "../core/ids.ts";
import { toJson, type Queryable } from "./db.ts";

const UndoneRow = z.object({
  /** The digest of the change. */
  change: Digest,
  /** In whose plan's message it was told. */
  plan: z.string(),
  /** Null: it was not tried, only held up by another one. */
  problem: z.string().nullable(),
});
/** A change that passes try without success, told in one message. */
export type Undone = z.output<typeof UndoneRow>;

/** The changes that the passes before left undone. */
export async function readUndone(q: Queryable): Promise<readonly Undone[]> {
  return (await q.one(z.object({ undone: z.array(UndoneRow) }), "select undone from sync_state")).undone;
}

/** Records which changes are undone now. */
export async function recordUndone(q: Queryable, undone: readonly Undone[]): Promise<void> {
  await q.exec("update sync_state set undone = $1", [toJson(undone)]);
}
