import { open, rm } from "node:fs/promises";
import { keyUses, type KeyUse } from "../../cloudstack/api/needs.ts";
import { keyVariablesOf } from "../../cloudstack/api/wanted-roles.ts";
import type { Keys } from "../../cloudstack/setup/carry-out.ts";
import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";

/** A file for keys that only its owner can read, made before any key is. */
export interface KeysFile {
  write(keys: ReadonlyMap<KeyUse, Keys>): Promise<void>;
  /** Removes it: it has no keys yet. */
  discard(): Promise<void>;
}

/** Makes the file. Errors: `refused` where there is one already, which is never overwritten; `unavailable` where none can be made. */
export async function openKeysFile(file: string): Promise<Result<KeysFile, Failure>> {
  try {
    const handle = await open(file, "wx", 0o600);
    return ok({
      write: async (keys) => {
        await handle.writeFile(contentOf(keys));
        await handle.sync();
        await handle.close();
      },
      discard: async () => {
        await handle.close();
        await rm(file, { force: true });
      },
    });
  } catch (thrown) {
    const { code = "unknown" } = thrown as NodeJS.ErrnoException;
    const remedy = "Name another file by --keys, in a folder that you may write to.";
    return code === "EEXIST"
      ? err(failure("refused", "cli.keys_file", `${file} is there already and is not overwritten`, { remedy }))
      : err(failure("unavailable", "cli.keys_file", `The keys cannot be written to ${file} (${code})`, { remedy }));
  }
}

function contentOf(keys: ReadonlyMap<KeyUse, Keys>): string {
  const lines = keyUses.flatMap((use) => {
    const pair = keys.get(use);
    const [apiKey, secretKey] = keyVariablesOf(use);
    return pair === undefined ? [] : [`${apiKey}=${quoted(pair.apiKey)}`, `${secretKey}=${quoted(pair.secretKey)}`];
  });
  return `# Keys of Twokey's four accounts in CloudStack: set -a; . ./FILE; set +a\n${lines.join("\n")}\n`;
}

/** CloudStack's keys are letters, digits, hyphens and underscores; anything else must not be read by a shell. */
function quoted(value: string): string {
  return /^[\w-]+$/.test(value) ? value : `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
