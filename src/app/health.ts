import { inTime } from "../core/in-time.ts";
import type { Queryable } from "../store/db.ts";

/** Whether each part that the bot cannot work without works: `ok`, or a sentence that says what is wrong. */
export type Health = Readonly<Record<"database" | "slack" | "engine", string>>;

/** What is asked. Each answers with what is wrong, or null. */
export interface HealthSources {
  readonly db: Pick<Queryable, "exec">;
  readonly slack: () => string | null;
  readonly engine: () => string | null;
}

/** How long the database may take; a supervisor does not wait for a connection that never comes. Units: milliseconds. */
const ANSWER_MS_MAX = 3_000;

/** Asks each of them. */
export async function readHealth({ db, slack, engine }: HealthSources): Promise<Health> {
  return { database: await readDatabaseHealth(db), slack: slack() ?? "ok", engine: engine() ?? "ok" };
}

/** What is wrong with the database, or `ok`. */
export async function readDatabaseHealth(db: HealthSources["db"]): Promise<string> {
  const answer = db.exec("select 1").then(
    () => "ok",
    () => "PostgreSQL cannot be reached",
  );
  return (await inTime(answer, ANSWER_MS_MAX))?.came ?? `PostgreSQL did not answer within ${ANSWER_MS_MAX / 1000} s`;
}
