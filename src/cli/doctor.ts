import type { Config } from "../config.ts";
import { redact } from "../events.ts";
import { inspectStore } from "../store/prepare.ts";
import type { CliIo } from "./command.ts";

/** What the bot's own database says of the bot's role, before the bot starts; changes nothing. Exit code 1: somebody should look. */
export async function examineStore(config: Pick<Config, "databaseUrl">, io: Pick<CliIo, "out" | "err">): Promise<number> {
  if (config.databaseUrl === null) {
    io.out("Twokey's database is the embedded one: the bot works in it as a role that owns nothing.\n");
    return 0;
  }
  try {
    const { isMigrated, warning } = await inspectStore(config.databaseUrl);
    if (!isMigrated) io.out("Twokey's database can be reached; it is migrated at the first start.\n");
    else io.out(warning === null ? "Twokey's database can be reached; the bot's role can only add to the audit log.\n" : `${warning}\n`);
    return warning === null ? 0 : 1;
  } catch (thrown) {
    io.err(`Twokey's database could not be asked: ${redact(thrown instanceof Error ? thrown.message : String(thrown))}\n`);
    return 1;
  }
}
