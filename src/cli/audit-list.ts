import type { AuditRow } from "../store/audit.ts";
import { readAuditRow, searchAudit, type AuditFilter } from "../store/audit-search.ts";
import { refuse, refuseUse, tellJson, type CliCommand, type CliIo, type Given } from "./command.ts";
import { instantOf } from "../core/clock.ts";
import { INSTANT_HINT, jsonInstant, shownInstant } from "./instants.ts";
import { withReading } from "./reading.ts";
import { oneLine } from "./reimport-text.ts";

const LIMIT = 50;
const LIMIT_MAX = 100_000;

/** `twokey audit list`: the newest rows that fit the filters, oldest first. */
export const runAuditList: CliCommand = async (io, given) => {
  const filter = readFilter(given, io);
  if (filter === null) return 2;
  return withReading(io, async (db) => {
    const rows = await searchAudit(db, filter);
    if (given.flags.has("json")) tellJson(io, rows.map(jsonOf));
    else {
      for (const row of rows) io.out(`${oneLine(lineOf(row))}\n`);
      if (rows.length === 0) io.out("No row fits.\n");
      if (rows.length === filter.limit) io.err(`The newest ${filter.limit} are shown; --limit shows more.\n`);
    }
    return 0;
  });
};

/** `twokey audit show`: one row with all that it has. */
export const runAuditShow: CliCommand = async (io, given) => {
  const [number = ""] = given.args;
  if (!/^[1-9]\d{0,14}$/.test(number))
    return refuseUse(io, given, `${oneLine(number)} is no number of a row; twokey audit list shows them.`);
  return withReading(io, async (db) => {
    const row = await readAuditRow(db, Number(number));
    if (row === null) return refuse(io, `There is no row ${number} in the audit log. twokey audit list shows the newest.`);
    if (given.flags.has("json")) tellJson(io, jsonOf(row));
    else {
      const { seq, at, actor, kind, subject, data, prevHash, hash } = row;
      const fields = { row: seq, at: shownInstant(at), actor, kind, subject, "hash before": prevHash, hash };
      for (const [name, value] of Object.entries(fields)) io.out(`${name.padEnd(12)} ${oneLine(String(value))}\n`);
      io.out(`data\n${JSON.stringify(data, null, 2)}\n`);
    }
    return 0;
  });
};

function readFilter(given: Given, io: CliIo): AuditFilter | null {
  const { values } = given;
  const wrong = (what: string): null => {
    refuseUse(io, given, what);
    return null;
  };
  const times: Record<string, number | null> = {};
  for (const name of ["since", "until"]) {
    const text = values[name];
    const at = text === undefined ? null : instantOf(text);
    if (text !== undefined && at === null) return wrong(`--${name} ${text} is not a time (${INSTANT_HINT}).`);
    times[name] = at;
  }
  const { since = null, until = null } = times;
  if (since !== null && until !== null && since >= until) return wrong("--since must lie before --until.");
  const limit = values["limit"] ?? String(LIMIT);
  if (!/^[1-9]\d*$/.test(limit) || Number(limit) > LIMIT_MAX) return wrong(`--limit ${limit} is not a number from 1 to ${LIMIT_MAX}.`);
  return {
    ...{ kind: values["kind"] ?? null, actor: values["actor"] ?? null, subject: values["subject"] ?? null },
    ...{ since, until, limit: Number(limit) },
  };
}

function lineOf({ seq, at, kind, actor, subject }: AuditRow): string {
  return `${String(seq).padStart(6)}  ${shownInstant(at)}  ${kind.padEnd(24)}  ${actor}  ${subject}`;
}

function jsonOf({ at, ...row }: AuditRow): object {
  return { ...row, at: jsonInstant(at) };
}
