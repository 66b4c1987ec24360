/** Projects that a quick pass could not read, and when each is tried again. */
import { z } from "zod";
import { ProjectId } from "../core/ids.ts";
import { toJson, type Queryable } from "./db.ts";

const Row = z.object({ projectId: ProjectId, tries: z.number(), nextAt: z.number() });
/** One of them. */
export type UnreadProject = Readonly<z.output<typeof Row>>;

/** All of them, the one that waits longest first. */
export function readUnreadProjects(q: Queryable): Promise<readonly UnreadProject[]> {
  return q.many(Row, `select project_id as "projectId", tries, next_at as "nextAt" from unread_project order by next_at, project_id`);
}

/** Records that projects could not be read, and forgets those that were. */
export async function recordUnreadProjects(q: Queryable, unread: readonly UnreadProject[], read: readonly string[]): Promise<void> {
  if (read.length > 0) await q.exec("delete from unread_project where project_id = any ($1)", [read]);
  if (unread.length === 0) return;
  await q.exec(
    `insert into unread_project (project_id, tries, next_at)
     select u."projectId", u.tries, u."nextAt" from jsonb_to_recordset($1::jsonb) u ("projectId" text, tries integer, "nextAt" bigint)
     on conflict (project_id) do update set tries = excluded.tries, next_at = excluded.next_at`,
    [toJson(unread)],
  );
}
