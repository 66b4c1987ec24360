import { writeFile } from "node:fs/promises";
import type { Instant } from "../../core/ids.ts";
import { gatherIncident } from "./gather.ts";
import { writeReport } from "./report.ts";
import { instantOf } from "../../core/clock.ts";
import { INSTANT_HINT } from "../instants.ts";
import { withReading } from "../reading.ts";
import { refuseUse, type CliCommand, type CliIo, type Given } from "../command.ts";

/** `twokey incident`: writes the report on a window of time from what Twokey stored. */
export const runIncident: CliCommand = async (io, given) => {
  const asked = readArguments(given, io);
  if (asked === null) return 2;
  return withReading(io, async (db) => {
    const text = writeReport(await gatherIncident(db, asked, io.now()));
    if (asked.out === undefined) io.out(text);
    else {
      await writeFile(asked.out, text, { mode: 0o600 });
      io.err(`Written to ${asked.out}; it contains names and e-mail addresses.\n`);
    }
    return 0;
  });
};

interface Asked {
  readonly since: Instant;
  readonly until: Instant;
  readonly out: string | undefined;
}

function readArguments(given: Given, io: CliIo): Asked | null {
  const wrong = (what: string): null => {
    refuseUse(io, given, `${what} (${INSTANT_HINT})`);
    return null;
  };
  const { values } = given;
  const since = instantOf(values["since"] ?? "");
  const until = values["until"] === undefined ? io.now() : instantOf(values["until"]);
  if (since === null) return wrong(`--since ${values["since"] ?? ""} is not a time`);
  if (until === null) return wrong(`--until ${values["until"] ?? ""} is not a time`);
  return since < until ? { since, until, out: values["out"] } : wrong("--since must lie before --until");
}
