import { z } from "zod";
import { ProjectId, Slug, type CiUserId } from "../core/ids.ts";
import type { Queryable } from "./db.ts";
import { wasMember } from "./former-members.ts";

const FormerRow = z.object({ id: ProjectId, slug: Slug });
/** A project whose last domain was deleted by Twokey. */
export type FormerProject = z.output<typeof FormerRow>;

/**
 * Reads the projects whose last domain was deleted here, or one of them; of a person only those of whose last domain they were a member
 * to the end (`wasMember`). `user` null: whoever's.
 *
 * It says nothing of the CI database: whether that has the project still, and who its members are now, is to be asked first.
 */
export async function readFormerProjects(
  q: Queryable,
  user: CiUserId | null,
  only: ProjectId | null = null,
): Promise<readonly FormerProject[]> {
  return q.many(
    FormerRow,
    `select last.project_id as id, last.slug from (
       select distinct on (d.project_id) d.id, d.project_id, d.domain_id, d.slug from deletion d
       where (d.phase = 'deleted' or d.closed_because = 'gone') and ($2::text is null or d.project_id = $2) order by d.project_id, d.seq desc) last
     where last.slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
       and not exists (select from managed_domain m where m.project_id = last.project_id and m.deleted_at is null)
       and ($1::text is null or ${wasMember("last", "$1")})
     order by last.project_id`,
    [user, only],
  );
}
