import { assemble, type Assembly } from "../app/assemble.ts";
import type { Parts, SlackParts } from "../app/parts.ts";
import { archiveStore, ciDatabase, cloudStack } from "../app/systems.ts";
import type { Config } from "../config/config.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err, ok } from "../core/result.ts";
import { createEvents } from "../events.ts";
import { createSkewMeter } from "../store/server-clock.ts";
import { withConfig, withStore, type CliIo } from "./command.ts";

/** What a command that uses all systems gets: the assembled bot and its parts. */
export interface AssemblyTools {
  readonly config: Config;
  readonly parts: Parts;
  readonly assembly: Assembly;
}

/** Nothing is posted from the terminal, and nobody can approve there. */
const noSlack: SlackParts = {
  identify: async () => err(noApprovers()),
  approvers: {
    approversNow: async () => err(noApprovers()),
    resolve: async () => err(noApprovers()),
    listedNow: async () => ok(() => true),
    learnAccounts: async () => undefined,
  },
  announcers: {
    plan: { showPlan: async () => undefined, correctPlan: async () => undefined },
    deletion: {
      showCard: async () => undefined,
      note: async () => undefined,
      tellMembers: async () => undefined,
      askToSettle: async () => false,
    },
    export: { showExport: async () => false },
    policy: { showChange: async () => undefined },
    stop: { showStop: () => undefined },
    adoption: { showAdoption: async () => undefined },
    here: { showHere: async () => undefined },
    home: { refresh: async () => undefined },
    nudge: { nudge: async () => false },
    template: { showTemplate: async () => false },
    notice: { mention: async () => false, linkOf: async () => null },
  },
};

/** Runs `work` on the bot of the environment, without Slack and the engine. Errors: as for `withConfig` and `withStore`. */
export function withAssembly(io: CliIo, work: (tools: AssemblyTools) => Promise<number>): Promise<number> {
  return withConfig(io, (config) =>
    withStore(config, async (db) => {
      const { now, newId, newToken, sleep } = io;
      const events = createEvents("silent", config.environment);
      const ci = ciDatabase(config, db, { now, events });
      const parts: Parts = {
        ...{ config, db, ci, now, newId, newToken, events },
        cloud: cloudStack(config, db, { now, sleep, newId, events }),
        archive: await archiveStore(config),
        slack: noSlack,
        enqueue: () => Promise.reject(new Error("A command of the terminal gives the engine no work.")),
        publicUrl: () => config.http.publicUrl,
        // Compared with the database server's clock only: a command is too short to see a jump.
        clockSkew: createSkewMeter(db, now, now),
        stopping: new AbortController().signal,
      };
      try {
        return await work({ config, parts, assembly: assemble(parts) });
      } finally {
        await ci.close();
      }
    }),
  );
}

function noApprovers(): Failure {
  return failure("unavailable", "cli.no_slack", "Nobody can approve from the terminal", { remedy: "Ask in the CI team's channel." });
}
