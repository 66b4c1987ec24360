import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { Instant } from "../../core/ids.ts";
import { gatherIncident } from "./gather.ts";
import { writeReport } from "./report.ts";
import { withOwnDatabase, type CliCommand, type CliIo } from "../command.ts";

/** `twokey incident`: writes the report on a window of time from what Twokey stored. */
export const incidentCommand: CliCommand = {
  name: "incident",
  usage:
    "--since <when> [--until <when>] [--out <file>]   writes the report on an incident: what is gone, what can be brought back, whom to inform",
  async run(args, io) {
    const asked = readArguments(args, io);
    if (asked === null) return 2;
    return withOwnDatabase(io, async (db) => {
      const text = writeReport(await gatherIncident(db, asked, io.now()));
      if (asked.out === undefined) io.out(text);
      else {
        await writeFile(asked.out, text, { mode: 0o600 });
        io.err(`Written to ${asked.out}; it contains names and e-mail addresses.\n`);
      }
      return 0;
    });
  },
};

interface Asked {
  readonly since: Instant;
  readonly until: Instant;
  readonly out: string | undefined;
}

function readArguments(args: readonly string[], io: CliIo): Asked | null {
  const refuse = (what: string): null => {
    io.err(`${what}\nUsage: twokey incident --since 2026-07-01 --until 2026-07-02T12:00Z (times without a zone are UTC)\n`);
    return null;
  };
  try {
    const options = { since: { type: "string" }, until: { type: "string" }, out: { type: "string" } } as const;
    const { values } = parseArgs({ args: [...args], options });
    if (values.since === undefined) return refuse("--since is missing.");
    const since = instantOf(values.since);
    const until = values.until === undefined ? io.now() : instantOf(values.until);
    if (since === null) return refuse(`--since ${values.since} is not a time.`);
    if (until === null) return refuse(`--until ${String(values.until)} is not a time.`);
    return since < until ? { since, until, out: values.out } : refuse("--since must lie before --until.");
  } catch (thrown) {
    return refuse(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** Reads `2026-07-01`, `2026-07-01T10:00` or with a zone; null for anything else. Units: UTC epoch milliseconds. */
function instantOf(text: string): Instant | null {
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/.test(text)) return null;
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/.test(text) || text.length === 10 ? text : `${text}Z`;
  const at = Date.parse(zoned);
  return Number.isNaN(at) ? null : (at as Instant);
}
