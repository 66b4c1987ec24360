import { z } from "zod";

/** What counts as now: older rows may miss what was written on the primary since. Units: milliseconds. */
const AGE_MS_MAX = 600_000;
/** How far the clocks of primary and standby may differ. Units: milliseconds. */
const SKEW_MS_MAX = 60_000;

/**
 * What a server says of its replication; on a primary everything is null.
 *
 * Source: PostgreSQL 18, "Recovery Information Functions", "pg_stat_wal_receiver" (without `pg_read_all_stats` only its pid is shown).
 * Until the first message of a connection, both times of a message are the moment at which the receiver started.
 */
export const Standby = z.object({
  is_standby: z.boolean(),
  replay: z.string().nullable(),
  /** How old the last commit is that was replayed, by the clock of the server that made it; null: none since the start. */
  committed_ms: z.number().nullable(),
  has_receiver: z.boolean(),
  receiver: z.string().nullable(),
  heard_ms: z.number().nullable(),
  has_heard: z.boolean().nullable(),
  /** Whether it replayed everything that the other server had at its last message. */
  has_all: z.boolean().nullable(),
});

/** The columns and the source of `Standby`. */
export const STANDBY = `
  pg_is_in_recovery() as is_standby, case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() end as replay,
  case when pg_is_in_recovery()
    then (extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 end as committed_ms,
  r.pid is not null as has_receiver, r.status as receiver,
  (extract(epoch from clock_timestamp() - r.last_msg_receipt_time) * 1000)::float8 as heard_ms,
  r.last_msg_send_time <> r.last_msg_receipt_time as has_heard, pg_last_wal_replay_lsn() >= r.latest_end_lsn as has_all
  from (values (1)) one left join pg_catalog.pg_stat_wal_receiver r on true`;

/** Why the rows of a server may be old, and what to do. */
export interface Stale {
  readonly why: string;
  readonly remedy: string;
}

/**
 * Why what a server shows may be old; null: it is a primary, or a standby that has what its primary had ten minutes ago or later.
 *
 * A standby shows that in two ways. It replayed a commit made since; or it is connected, heard from the other server since, and replayed
 * all that this one had then, as on a quiet night. What is not known counts as old. Whether the other server is itself a standby that lost
 * its primary cannot be seen here: then only the first way says something (docs/ci-database.md).
 */
export function whyStale(s: z.output<typeof Standby>): Stale | null {
  if (!s.is_standby) return null;
  if (s.replay !== "not paused") return { why: "its replay is paused", remedy: REPAIR };
  if (s.committed_ms !== null && s.committed_ms <= AGE_MS_MAX && s.committed_ms >= -SKEW_MS_MAX) return null;
  const link = linkProblem(s);
  return link === null ? null : { why: `${link.why}, and ${commitProblem(s.committed_ms)}`, remedy: link.remedy };
}

const REPAIR = "Let CI_DATABASE_URL lead to the primary, or repair the replication.";

function linkProblem(s: z.output<typeof Standby>): Stale | null {
  if (!s.has_receiver) return { why: "it is not connected to its primary", remedy: REPAIR };
  if (s.receiver === null)
    return {
      why: "its role may not see when it last heard from its primary",
      remedy:
        "On the primary, grant pg_read_all_stats to the role of CI_DATABASE_URL, or let a job commit something every few minutes " +
        "(docs/ci-database.md); or let CI_DATABASE_URL lead to the primary.",
    };
  if (s.receiver !== "streaming") return { why: `its connection to its primary is ${s.receiver}`, remedy: REPAIR };
  if (s.has_heard !== true || s.heard_ms === null || s.heard_ms > AGE_MS_MAX)
    return { why: "it has not heard from its primary lately", remedy: REPAIR };
  return s.has_all === true ? null : { why: "it has not replayed all that its primary has", remedy: REPAIR };
}

function commitProblem(ms: number | null): string {
  if (ms === null) return "it has replayed no commit since it started";
  const minutes = Math.round(Math.abs(ms) / 60_000);
  return ms < 0
    ? `the last commit it replayed is dated ${minutes} minutes from now (the clocks disagree)`
    : `the last commit it replayed is ${minutes} minutes old`;
}
