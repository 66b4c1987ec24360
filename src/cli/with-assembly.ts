import { assemble, type Assembly } from "../app/assemble.ts";
import type { Parts, SlackParts } from "../app/parts.ts";
import { archiveStore, ciDatabase, cloudStack } from "../app/systems.ts";
import type { Config } from "../config.ts";
import { failure, type Failure } from "../core/failure.ts";
import { err } from "../core/result.ts";
import { createEvents } from "../events.ts";
import { createSkewMeter } from "../store/server-clock.ts";
import { withConfig, withStore, type CliIo } from "./command.ts";

/** What a command that works on all systems is given: the bot, and the parts that it was put together from. */
export interface AssemblyTools {
  readonly config: Config;
  readonly parts: Parts;
  readonly assembly: Assembly;
}

/** The terminal speaks to nobody in Slack, and nobody approves there. */
const noSlack: SlackParts = {
  approvers: { approversNow: async () => err(noApprovers()), resolve: async () => err(noApprovers()) },
  announcers: {
    plan: { showPlan: async () => undefined },
    deletion: { showCard: async () => undefined, note: async () => undefined, tellMembers: async () => undefined },
    export: { showExport: async () => undefined },
    policy: { showChange: async () => undefined },
  },
};

/** Runs `work` with the bot of the environment, without Slack and the queue. Errors: as for `withConfig` and `withStore`. */
export function withAssembly(io: CliIo, work: (tools: AssemblyTools) => Promise<number>): Promise<number> {
  return withConfig(io, (config) =>
    withStore(config, async (db) => {
      const { now, newId, newToken, sleep } = io;
      const events = createEvents("silent", config.environment);
      const ci = ciDatabase(config, { now, events });
      const parts: Parts = {
        ...{ config, db, ci, now, newId, newToken, events },
        cloud: cloudStack(config, db, { now, sleep, newId, events }),
        archive: await archiveStore(config),
        slack: noSlack,
        enqueue: () => Promise.reject(new Error("A command of the terminal hands out no work.")),
        publicUrl: () => config.http.publicUrl ?? "",
        // Beside the database server's clock only: a command does not live long enough to see a jump.
        clockSkew: createSkewMeter(db, now, now),
      };
      try {
        return await work({ config, parts, assembly: assemble(parts) });
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

function noApprovers(): Failure {
  return failure("unavailable", "cli.no_slack", "Nobody can approve from the terminal", { remedy: "Ask in the CI team's channel." });
}
