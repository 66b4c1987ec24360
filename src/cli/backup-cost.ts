import { writeFile } from "node:fs/promises";
import { compareNow } from "../archive/backups/service.ts";
import type { Comparison } from "../archive/backups/model.ts";
import { drawCosts } from "../archive/backups/plot.ts";
import { renderPng } from "../archive/backups/png.ts";
import { createCloudStackReader } from "../cloudstack/read/reader.ts";
import { costNotes, costTables } from "../commands/backup-cost.ts";
import type { DomainPath } from "../core/ids.ts";
import { ok } from "../core/result.ts";
import { measureContext } from "../app/systems.ts";
import { withConfig, withStore, type CliCommand, type CliIo } from "./command.ts";

/** `twokey backup-cost`: the policies compared, on the terminal. */
export const backupCost: CliCommand = {
  name: "backup-cost",
  usage: "[--plot <file.png>]  compares what the backup policies cost and what each could have brought back in 2017",
  async run(args, io) {
    const [flag, file, ...more] = args;
    if (more.length > 0 || (flag !== undefined && (flag !== "--plot" || file === undefined || !file.endsWith(".png")))) {
      io.err("twokey backup-cost takes no argument, or --plot and the name of a file that ends in .png.\n");
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
          io.err(`${[compared.error.message, compared.error.remedy].filter((s) => s !== undefined).join("\n")}\n`);
          return 1;
        }
        for (const table of costTables(compared.value)) io.out(`${table.title}\n${table.lines.map((l) => `  ${l}\n`).join("")}\n`);
        io.out(`${costNotes(compared.value).join("\n")}\n`);
        return file === undefined ? 0 : writePlot(compared.value, file, io);
      }),
    );
  },
};

async function writePlot(comparison: Comparison, file: string, io: CliIo): Promise<number> {
  const png = await renderPng(drawCosts(comparison));
  try {
    await writeFile(file, png);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? "unknown";
    io.err(`The picture could not be written to ${file} (${code}). Name a file in a folder that is there and that you may write to.\n`);
    return 1;
  }
  io.out(`The picture is in ${file}.\n`);
  return 0;
}
