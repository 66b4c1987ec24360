import { createCiDatabase, type CiDatabase } from "../cidb/read.ts";
import type { Config } from "../config.ts";
import { createEvents } from "../events.ts";
import type { Failure } from "../core/failure.ts";
import type { Database } from "../store/db.ts";
import { cloudStack } from "../app/systems.ts";
import { withConfig, withStore, type CliIo } from "./command.ts";

/** What a command that mends is given: our own database, the CI database and CloudStack. */
export interface CloudTools {
  readonly config: Config;
  readonly db: Database;
  readonly ci: CiDatabase;
  readonly cloud: ReturnType<typeof cloudStack>;
}

/** Runs `work` on the three systems of the environment. Errors: as for `withConfig` and `withStore`. */
export function withCloud(io: CliIo, work: (tools: CloudTools) => Promise<number>): Promise<number> {
  return withConfig(io, (config) =>
    withStore(config, async (db) => {
      const events = createEvents("silent", config.environment);
      const ci = createCiDatabase({
        url: config.ci.url,
        views: config.ci.views,
        now: io.now,
        sentinelProject: config.ci.sentinelProject,
        onError: (e) => events.bug("cidb.connection", e),
      });
      try {
        return await work({ config, db, ci, cloud: cloudStack(config, db, { now: io.now, sleep: io.sleep, newId: io.newId, events }) });
      } finally {
        await ci.close();
      }
    }),
  );
}

/** Writes a failure with what to do about it. */
export function sayFailure(io: CliIo, f: Failure): void {
  io.err([f.message, f.remedy, ""].filter((line) => line !== undefined).join("\n"));
}
