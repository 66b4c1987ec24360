import { giveBackFromTerminal } from "../deletion/from-terminal.ts";
import { hurryWaiting } from "../engine/waiting.ts";
import { readLiveDeletions, readUnreadable, type DeletionRow, type UnreadableDeletion } from "../store/deletions.ts";
import { readStopView } from "../sync/execution/stop-view.ts";
import { readVotes } from "../store/ballots.ts";
import type { Queryable } from "../store/db.ts";
import { tellFailure, tellJson, withOwnDatabase, type CliCommand } from "./command.ts";
import { jsonInstant } from "./instants.ts";
import { withReading } from "./reading.ts";
import { oneLine } from "./reimport-text.ts";
import { tellStop } from "./stop.ts";
import { whoTypes } from "./who-types.ts";

/** `twokey deletions`: as `/ci-deletions`, with nothing but Twokey's own database. */
export const runDeletions: CliCommand = async (io, given) => {
  return withReading(io, async (db) => {
    if (given.flags.has("json")) {
      const live = await Promise.all((await readLiveDeletions(db)).map((row) => jsonOf(db, row)));
      tellJson(io, [...live, ...(await readUnreadable(db)).map(unreadableJson)]);
      return 0;
    }
    const view = await readStopView(db, io.now());
    if (view !== null && view.resumed === null) {
      io.out("Everything is stopped:\n");
      tellStop(view, io);
    }
    const live = await readLiveDeletions(db);
    const unreadable = await readUnreadable(db);
    for (const row of live) io.out(`${oneLine(lineOf(row))}\n`);
    for (const { slug, path, why } of unreadable) io.out(`${oneLine(`${slug}  ${path}  ${why}`)}\n`);
    io.out(
      live.length + unreadable.length === 0
        ? "No deletion is under way.\n"
        : "npx twokey restore <project> cancels one, or gives its domain back.\n",
    );
    return 0;
  });
};

async function jsonOf(db: Queryable, row: DeletionRow): Promise<object> {
  const votes = await readVotes(db, { kind: "deletion", id: row.id });
  return {
    ...{ id: row.id, project: row.slug, projectId: row.project_id, domainId: row.domain_id, path: row.path },
    ...{ phase: row.phase, frozenFrom: row.frozen_from, frozenBecause: row.frozen_reason, activity: row.activity },
    ...{ waitingFor: row.waiting_for, waitingSince: jsonInstant(row.waiting_since) },
    ...{ opened: jsonInstant(row.opened_at), phaseSince: jsonInstant(row.entered_at), phaseUntil: jsonInstant(row.until_at) },
    ...{ expires: row.phase === "proposed" ? jsonInstant(row.expires_at) : null, digest: row.digest },
    ...{ quorum: row.quorum, approvals: votes.filter((v) => v.verdict === "approve").map((v) => v.voterName) },
  };
}

function unreadableJson(row: UnreadableDeletion): object {
  const about = { id: row.id, project: row.slug, projectId: row.project_id, domainId: row.domain_id, path: row.path };
  return { ...about, phase: row.phase, unreadable: row.why };
}

function lineOf(row: DeletionRow): string {
  const until = row.until_at === null ? "" : ` until ${new Date(row.until_at).toISOString()}`;
  const activity = row.activity === null ? "" : `, ${row.activity}`;
  return `${row.slug}  ${row.path}  ${row.phase.replaceAll("_", " ")}${until}${activity}`;
}

/** `twokey restore`: Cancel or Restore, with nothing but Twokey's own database; the bot that runs carries it out. */
export const runRestore: CliCommand = async (io, given) => {
  const [named = ""] = given.args;
  return withOwnDatabase(io, async (db) => {
    const by = whoTypes(io);
    const done = await giveBackFromTerminal(named, by, { db, now: io.now });
    if (!done.ok) return tellFailure(io, { ...done.error, message: oneLine(done.error.message) });
    const { row, isCancelled } = done.value;
    // Where no run waits, or it cannot be reached, the bot's own sweep finds what was recorded within a minute or two.
    await hurryWaiting(db, "deletion", row.id, 0).catch(() => false);
    if (given.flags.has("json")) {
      const about = { id: row.id, project: row.slug, projectId: row.project_id, domainId: row.domain_id, path: row.path };
      tellJson(io, { ...about, done: isCancelled ? "cancelled" : "recorded" });
      return 0;
    }
    io.out(
      isCancelled
        ? `Cancelled: nothing of ${oneLine(row.path)} was changed.\n`
        : `Recorded: the running bot gives ${oneLine(row.path)} back, also while everything is stopped. npx twokey deletions shows how far it is.\n`,
    );
    return 0;
  });
};
