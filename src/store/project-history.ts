/** What is kept of projects for their members to see: copies in the archive, and who belonged to what was deleted. */
import { z } from "zod";
import { Instant, type CiUserId, type DeletionId } from "../core/ids.ts";
import { itemKinds, type ItemKind } from "../core/inventory.ts";
import { SAVED_AT } from "./archive-entries.ts";
import type { Queryable } from "./db.ts";
import { wasMember } from "./former-members.ts";

const DateRow = z.object({ itemId: z.string(), savedAt: Instant });

/** When the newest verified copy of each thing was saved; a thing without one is left out. */
export async function readCopyDates(
  q: Queryable,
  kinds: readonly ItemKind[],
  itemIds: readonly string[],
): Promise<ReadonlyMap<string, Instant>> {
  if (itemIds.length === 0) return new Map();
  const rows = await q.many(
    DateRow,
    `select item_id as "itemId", max(${SAVED_AT}) as "savedAt" from archive_entry
     where item_kind = any($1) and item_id = any($2) and state = 'verified' and removal_begun_at is null group by item_id`,
    [kinds, itemIds],
  );
  return new Map(rows.map((r) => [r.itemId, r.savedAt]));
}

const SavedRow = z.object({
  itemId: z.string(),
  kind: z.enum(itemKinds),
  name: z.string(),
  bytes: z.number(),
  savedAt: Instant,
});
/** One thing that was saved for a deletion and is in the archive still. Units: bytes. */
export type SavedThing = Readonly<z.output<typeof SavedRow>>;

/** Reads what was saved for a deletion and is in the archive still, by name. */
export async function readSavedFor(q: Queryable, id: DeletionId): Promise<readonly SavedThing[]> {
  return q.many(
    SavedRow,
    `select item_id as "itemId", item_kind as kind, name, bytes, ${SAVED_AT} as "savedAt" from archive_entry
     where owner_kind = 'deletion' and owner_id = $1 and state = 'verified' and removal_begun_at is null order by name, item_id`,
    [id],
  );
}

/**
 * Reads the deletions of which somebody is certain to have been concerned although the CI database may list no member any more, the newest
 * first: those of which Twokey told them as a member, and those of what they were a member of to the end (`wasMember`). Deletions that
 * ended with nothing deleted are left out. `slug` narrows.
 */
export async function readDeletionsOfMember(q: Queryable, user: CiUserId, slug: string | null): Promise<readonly string[]> {
  const rows = await q.many(
    z.object({ id: z.string() }),
    `select d.id::text from deletion d
     where (d.phase <> 'closed' or d.closed_because = 'gone') and ($2::text is null or d.slug = $2)
       and (exists (select from posted_message p where p.key = 'keep:' || d.id || ':' || $1)
         or ${wasMember("d", "$1")})
     order by d.seq desc limit 20`,
    [user, slug],
  );
  return rows.map((r) => r.id);
}

/** Reads the newest deletion of any project with this short name, those that ended with nothing deleted left out; null: there is none. */
export async function readNewestDeletionNamed(q: Queryable, slug: string): Promise<string | null> {
  const row = await q.maybe(
    z.object({ id: z.string() }),
    `select id::text from deletion where slug = $1 and (phase <> 'closed' or closed_because = 'gone') order by seq desc limit 1`,
    [slug],
  );
  return row?.id ?? null;
}
