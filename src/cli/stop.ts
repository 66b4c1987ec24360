import { archiveStore } from "../app/systems.ts";
import { createHeadKeeper } from "../approvals/ownership.ts";
import { createHeadCopy } from "../archive/head-copy.ts";
import { parseArchiveConfig } from "../config/config.ts";
import type { Database } from "../store/db.ts";
import { readInstallation } from "../store/installation.ts";
import { readStopView, stillness, type StopView } from "../sync/execution/stop-view.ts";
import { stopEverything } from "../sync/execution/service.ts";
import { tellJson, withOwnDatabase, type CliCommand, type CliIo } from "./command.ts";
import { jsonInstant } from "./instants.ts";
import { withReading } from "./reading.ts";
import { oneLine } from "./reimport-text.ts";
import { whoTypes } from "./who-types.ts";

/** `twokey stop`: as `/ci-stop`, with nothing but Twokey's own database. */
export const runStop: CliCommand = async (io, given) => {
  const reason = given.args.join(" ").trim() || "no reason given";
  return withOwnDatabase(io, async (db) => {
    const view = await stopEverything(whoTypes(io), reason.slice(0, REASON_MAX), { db, now: io.now });
    if (given.flags.has("json")) {
      tellJson(io, { stopped: true, ...stopAsJson(view), archiveNotTold: await keepHead(db, io) });
      return 0;
    }
    io.out("Stopped: nothing is sent to CloudStack from now on.\n");
    tellStop(view, io);
    const late = await keepHead(db, io);
    if (late !== null) io.out(`The archive was not told yet (${late}); the bot does it with its next pass.\n`);
    return 0;
  });
};

const REASON_MAX = 1000;
/** How long the archive may take: everything is stopped already. Units: milliseconds. */
const KEEP_MS = 10_000;

/**
 * Gives the archive the stop, as after one in Slack, so that an older database put back now is known as older. Gives what hinders it, which
 * is no failure; null: nothing does. Only where the bot has kept a copy: this terminal's settings may name a place that the bot has never used.
 */
async function keepHead(db: Database, io: CliIo): Promise<string | null> {
  const tell = async (): Promise<string | null> => {
    const place = parseArchiveConfig(io.env);
    if (!place.ok) return place.error.message;
    if ((await readInstallation(db)).keptHash === null) return "it has no copy of the audit log's head";
    const store = await archiveStore({ archive: place.value, cloudstack: { timeoutMs: KEEP_MS } });
    let late: string | null = null;
    await createHeadKeeper({ db, copy: createHeadCopy(store), onFailure: (f) => (late = f.message) }).keep();
    return late;
  };
  const told = tell().catch((thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)));
  const late = await Promise.race([told, io.sleep(KEEP_MS).then(() => "it does not answer")]);
  return late === null ? null : oneLine(late);
}

/** `twokey resume`: says what a resume still needs; it is two approvers' word, given in Slack. */
export const runResume: CliCommand = async (io, given) => {
  return withReading(io, async (db) => {
    const view = await readStopView(db, io.now());
    if (given.flags.has("json")) {
      const isStopped = view !== null && view.resumed === null;
      tellJson(io, isStopped ? { stopped: true, ...stopAsJson(view) } : { stopped: false });
      return isStopped ? 1 : 0;
    }
    if (view === null || view.resumed !== null) {
      io.out("Nothing is stopped.\n");
      return 0;
    }
    tellStop(view, io);
    io.out("Nothing was changed: a terminal does not know who types, and two runs of this command may be one person's.\n");
    return 1;
  });
};

/** A stop as scripts read it. */
export function stopAsJson(view: StopView): object {
  const stops = view.stops.map(({ at, name, reason }) => ({ at: jsonInstant(at), name, reason }));
  return { stops, votes: view.votes, need: view.need, onTheirWay: view.onTheirWay };
}

/** Writes a stop as people must know it: who, why, whether everything stands still, and what a resume needs. */
export function tellStop(view: StopView, io: CliIo): void {
  for (const { at, name, reason } of view.stops) io.out(`  ${new Date(at).toISOString()} ${oneLine(name)}: ${oneLine(reason)}\n`);
  io.out(`${oneLine(stillness(view))}\n`);
  const votes = view.votes.length === 0 ? "" : ` (${oneLine(view.votes.join(", "))})`;
  io.out(`To resume: ${view.votes.length} of ${view.need}${votes}; two approvers write /ci-resume in Slack.\n`);
}
