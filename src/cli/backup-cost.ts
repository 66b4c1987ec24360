import { compareNow } from "../backups/desk.ts";
import { createCloudStackReader } from "../cloudstack/reader.ts";
import { costNotes, costTables } from "../commands/backup-cost.ts";
import { measureContext } from "../compose.ts";
import type { DomainPath } from "../core/ids.ts";
import { ok } from "../core/result.ts";
import { withConfig, withStore, type CliCommand } from "./command.ts";

/** `twokey backup-cost`: the policies compared, on the terminal. */
export const backupCost: CliCommand = {
  name: "backup-cost",
  usage: "  compares what the backup policies cost and what each could have brought back in 2017",
  async run(args, io) {
    if (args.length > 0) {
      io.err(`twokey backup-cost takes no argument, but was given ${args.length}.\n`);
      return 2;
    }
    return withConfig(io, (config) =>
      withStore(config, async (db) => {
        const reader = createCloudStackReader({
          url: config.cloudstack.url,
          ...config.cloudstack.read,
          rootPath: config.cloudstack.rootPath as DomainPath,
          now: io.now,
          sleep: io.sleep,
          newId: io.newId,
          timeoutMs: config.cloudstack.timeoutMs,
          beforeCall: () => Promise.resolve(ok(undefined)),
          onCall: () => undefined,
        });
        const compared = await compareNow(measureContext(config, db, reader, io), config.backups);
        if (!compared.ok) {
          io.err(`${[compared.error.message, compared.error.mending].filter((s) => s !== undefined).join("\n")}\n`);
          return 1;
        }
        for (const table of costTables(compared.value)) io.out(`${table.title}\n${table.lines.map((l) => `  ${l}\n`).join("")}\n`);
        io.out(`${costNotes(compared.value).join("\n")}\n`);
        return 0;
      }),
    );
  },
};
