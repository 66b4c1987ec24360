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
  return { database: await databaseProblem(db), slack: slack() ?? "ok", engine: engine() ?? "ok" };
}

async function databaseProblem(db: HealthSources["db"]): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`PostgreSQL did not answer within ${ANSWER_MS_MAX / 1000} s`), ANSWER_MS_MAX);
  });
  const answer = db.exec("select 1").then(
    () => "ok",
    () => "PostgreSQL cannot be reached",
  );
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
