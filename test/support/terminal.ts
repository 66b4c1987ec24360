import { randomUUID } from "node:crypto";
import type { CliIo } from "../../src/cli/command.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { Instant } from "../../src/core/ids.ts";

/** What a command line did. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, as `npx twokey` does; `change` replaces parts of the terminal. `serve` only says so. */
export async function twokey(args: readonly string[], env: CliIo["env"] = {}, change: Partial<CliIo> = {}): Promise<Ran> {
  let [out, err] = ["", ""];
  const io: CliIo = {
    env,
    out: (text) => (out += text),
    err: (text) => (err += text),
    now: () => Date.now() as Instant,
    newId: randomUUID,
    newToken: () => `${randomUUID()}${randomUUID()}`,
    sleep: async () => undefined,
    ...change,
  };
  const serve = async (): Promise<number> => {
    out += "the bot runs\n";
    return 0;
  };
  const code = await runProgram(args, { out: io.out, terminal: async () => io, serve });
  return { code, out, err };
}
