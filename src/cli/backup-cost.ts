import { writeFile } from "node:fs/promises";
import type { Comparison } from "../archive/backups/model.ts";
import { drawCosts } from "../archive/backups/plot.ts";
import { renderPng } from "../archive/backups/png.ts";
import { costNotes, costTables } from "../commands/backup-cost.ts";
import { refuseUse, tellFailure, tellJson, type CliCommand, type CliIo } from "./command.ts";
import { withAssembly } from "./with-assembly.ts";

/** `twokey backup-cost`: the policies compared, on the terminal. */
export const runBackupCost: CliCommand = async (io, given) => {
  const file = given.values["plot"];
  if (file?.endsWith(".png") === false) return refuseUse(io, given, "--plot takes the name of a file that ends in .png.");
  return withAssembly(io, async ({ assembly }) => {
    const compared = await assembly.services.backups.compare();
    if (!compared.ok) return tellFailure(io, compared.error);
    if (given.flags.has("json")) tellJson(io, compared.value);
    else writeTables(compared.value, io);
    return file === undefined ? 0 : writePlot(compared.value, file, io);
  });
};

function writeTables(comparison: Comparison, io: CliIo): void {
  for (const table of costTables(comparison)) io.out(`${table.title}\n${table.lines.map((l) => `  ${l}\n`).join("")}\n`);
  io.out(`${costNotes(comparison).join("\n")}\n`);
}

async function writePlot(comparison: Comparison, file: string, io: CliIo): Promise<number> {
  const png = await renderPng(drawCosts(comparison));
  try {
    await writeFile(file, png);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? "unknown";
    io.err(`The picture could not be written to ${file} (${code}). Name a file in an existing folder that you may write to.\n`);
    return 1;
  }
  io.err(`The picture is in ${file}.\n`);
  return 0;
}
