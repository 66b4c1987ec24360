import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { RehearsalSeed } from "./seed-file.ts";

/** The SQL that fills an empty PostgreSQL database with the CI database of a seed: tables, the three views, the reading role, the rows. */
export function ciDatabaseSql({ people, projects }: RehearsalSeed, readerPassword: string | null): string {
  const closer = people.find((p) => p.isApprover)?.id ?? null;
  return [
    "begin;",
    readFileSync(schemaFile(), "utf8").trim(),
    ...(readerPassword === null ? [] : [`alter role twokey_reader password ${literal(readerPassword)};`]),
    ...rows(
      "person (id, username, email, first_name, last_name, slack_id)",
      people.map((p) => [p.id, p.username, p.email, p.firstName, p.lastName, p.slackId ?? null].map(literal)),
    ),
    ...rows(
      "project (id, slug, name, closed_at, closed_by, limits)",
      projects.map((p) => [
        ...[p.id, p.slug, p.name].map(literal),
        ...[p.isClosed ? "now()" : "null", literal(p.isClosed ? closer : null)],
        `${literal(p.limits === undefined ? null : JSON.stringify(p.limits))}::jsonb`,
      ]),
    ),
    ...rows(
      "membership (project_id, person_id, role)",
      projects.flatMap((p) => p.members.map((m) => [p.id, m.person, m.role].map(literal))),
    ),
    "commit;",
    "",
  ].join("\n");
}

function rows(into: string, values: readonly (readonly string[])[]): readonly string[] {
  if (values.length === 0) return [];
  return [`insert into ${into} values\n${values.map((row) => `  (${row.join(", ")})`).join(",\n")};`];
}

/** A text of SQL, also where it holds quotes and backslashes. */
function literal(value: string | null): string {
  if (value === null) return "null";
  const quoted = `'${value.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return value.includes("\\") ? ` E${quoted}` : quoted;
}

/** The compiled file lies in another folder than its source, so the folder is searched upwards. */
function schemaFile(): string {
  for (let at = import.meta.dirname; ; at = path.dirname(at)) {
    const file = path.join(at, "docs", "ci-database-example.sql");
    if (existsSync(file)) return file;
    if (at === path.dirname(at)) throw new Error("docs/ci-database-example.sql was not found beside this program");
  }
}
