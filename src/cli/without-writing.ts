import { ciDatabase, cloudStack } from "../app/systems.ts";
import type { CiDatabase } from "../cidb/read.ts";
import type { CloudStackReader } from "../cloudstack/read/reader.ts";
import type { Config } from "../config/config.ts";
import { createEvents } from "../events.ts";
import type { Queryable } from "../store/db.ts";
import { openForReading } from "../store/read-only.ts";
import { tellFailure, withConfig, type CliIo } from "./command.ts";

/** What a command gets that only looks: nothing that it has can write anywhere. */
export interface Looking {
  readonly config: Config;
  /** Null: Twokey has no database yet, so nothing is managed. */
  readonly db: Queryable | null;
  readonly ci: CiDatabase;
  readonly reader: CloudStackReader;
}

/** The environment for a command that uses nothing of Slack: its variables need not be set. */
export function withoutSlack(io: CliIo): CliIo {
  const unused = { SLACK_BOT_TOKEN: "xoxb-unused", SLACK_CHANNEL: "C0UNUSED", SLACK_APPROVER_GROUP: "unused" };
  const isConnected = ["SLACK_APP_TOKEN", "SLACK_APP_TOKEN_FILE", "SLACK_SIGNING_SECRET", "SLACK_SIGNING_SECRET_FILE"].some(
    (name) => io.env[name] !== undefined,
  );
  const given = Object.fromEntries(
    Object.entries(unused).filter(([name]) => io.env[name] === undefined && io.env[`${name}_FILE`] === undefined),
  );
  return { ...io, env: { ...io.env, ...given, ...(isConnected ? {} : { SLACK_APP_TOKEN: "xapp-unused" }) } };
}

/**
 * Runs `work` on both sides and on Twokey's own database, opened read-only: nothing is migrated, and PostgreSQL refuses every write.
 *
 * Errors: exit code 2 for what is wrong in the environment, 1 for a database that is away or of another version.
 */
export function withoutWriting(io: CliIo, work: (tools: Looking) => Promise<number>): Promise<number> {
  return withConfig(withoutSlack(io), async (config) => {
    const opened = await openForReading(config);
    if (!opened.ok) return tellFailure(io, opened.error);
    try {
      return await look(io, config, opened.value.db, work);
    } finally {
      await opened.value.close();
    }
  });
}

async function look(io: CliIo, config: Config, db: Queryable | null, work: (tools: Looking) => Promise<number>): Promise<number> {
  const { now, sleep, newId } = io;
  const events = createEvents("silent", config.environment);
  const ci = ciDatabase(config, db ?? noDatabase, { now, events });
  try {
    return await work({ config, db, ci, reader: cloudStack(config, db ?? noDatabase, { now, sleep, newId, events }).reader });
  } finally {
    await ci.close();
  }
}

/** Before the first start: no policy, nothing managed. */
const noDatabase: Queryable = {
  many: async () => [],
  maybe: async () => null,
  one: () => Promise.reject(new Error("There is no database")),
  exec: () => Promise.reject(new Error("There is no database")),
};
