/** Which projects a CI database says were changed lately: a hint, never a reason to restrict or to delete. */
import type pg from "pg";
import { z } from "zod";
import { ProjectId } from "../core/ids.ts";
import type { ChangedProjects } from "../sync/planning/desired.ts";
import type { ViewNames } from "./assemble.ts";

/** Which of the views have the column `changed_at`. */
export interface Marked {
  readonly projects: boolean;
  readonly users: boolean;
  readonly memberships: boolean;
}

const ChangedRow = z.object({ project_id: ProjectId, at: z.coerce.number() });
const FoundRow = z.object({ at: z.number(), projects: z.boolean(), users: z.boolean(), memberships: z.boolean() });

/** Rows of `changedSql` as changes; a row that names no project is left to the whole pass. */
export function changesOf(at: number, rows: readonly unknown[]): ChangedProjects {
  const parsed = rows.flatMap((row) => {
    const one = ChangedRow.safeParse(row);
    return one.success ? [[one.data.project_id, one.data.at] as const] : [];
  });
  return { at, projects: new Map(parsed) };
}

/**
 * SQL for when projects were changed, one row for each: `project_id` and `changed_at`, of all times. Null: no view has `changed_at`.
 * `text` makes a text of a column.
 */
export function changedSql(
  marked: Marked,
  views: ViewNames,
  quoted: (view: string) => string,
  text: (column: string) => string,
): string | null {
  const [projects, users, memberships] = [quoted(views.projects), quoted(views.users), quoted(views.memberships)];
  const parts = [
    ...(marked.projects ? [`select ${text("id")} as project_id, changed_at from ${projects}`] : []),
    ...(marked.memberships ? [`select ${text("project_id")} as project_id, changed_at from ${memberships}`] : []),
    ...(marked.users
      ? [
          `select ${text("m.project_id")} as project_id, u.changed_at from ${memberships} m join ${users} u on ${text("u.id")} = ${text("m.user_id")}`,
        ]
      : []),
  ];
  return parts.length === 0 ? null : parts.join(" union all ");
}

/** Reads the changes since an instant on PostgreSQL; null: its views have no `changed_at`. `since` null: only what time it is there. */
export async function readChanges(
  client: Pick<pg.ClientBase, "query">,
  views: ViewNames,
  quoted: (view: string) => string,
  since: number | null,
): Promise<ChangedProjects | null> {
  const has = (n: number, name: string): string =>
    `exists (select from pg_attribute where attrelid = to_regclass($${n}) and attname = 'changed_at' and not attisdropped) as ${name}`;
  const { rows: found } = await client.query(
    `select (extract(epoch from clock_timestamp()) * 1000)::float8 as at, ${has(1, "projects")}, ${has(2, "users")}, ${has(3, "memberships")}`,
    [quoted(views.projects), quoted(views.users), quoted(views.memberships)],
  );
  const { at, ...marked } = FoundRow.parse(found[0]);
  const sql = changedSql(marked, views, quoted, (column) => `${column}::text`);
  if (sql === null) return null;
  if (since === null) return { at, projects: new Map() };
  const { rows } = await client.query(
    `select project_id, (max(extract(epoch from changed_at)) * 1000)::float8 as at from (${sql}) changed
     where changed_at >= to_timestamp($1::float8 / 1000) group by 1`,
    [since],
  );
  return changesOf(at, rows);
}
