import { z } from "zod";
import { Digest, Instant, OperatorId } from "../core/ids.ts";
import { TeamPolicy } from "../core/policy.ts";
import { columnsOf, insertRow, toJson, updateRow, type Queryable } from "./db.ts";

const VersionRow = z.object({ version: z.number(), body: TeamPolicy, change_id: z.guid().nullable(), at: Instant });
/** One version of the policy; the newest is in force. */
export type PolicyVersion = z.output<typeof VersionRow>;
const SELECT_VERSION = `select ${columnsOf(VersionRow)} from policy_version`;

const ChangeRow = z.object({
  id: z.guid(),
  base_version: z.number(),
  setting: z.string(),
  body: TeamPolicy,
  digest: Digest,
  /** An operator's id; `twokey` for a change that a pass found. */
  proposed_by: z.union([OperatorId, z.literal("twokey")]),
  proposed_by_name: z.string(),
  reason: z.string(),
  quorum: z.number(),
  proposed_at: Instant,
  expires_at: Instant,
  state: z.enum(["proposed", "applied", "rejected", "expired", "superseded"]),
  ended_at: Instant.nullable(),
  ended_by: z.string().nullable(),
  ended_reason: z.string().nullable(),
});
/** One proposed change of one setting. */
export type PolicyChangeRow = z.output<typeof ChangeRow>;
const SELECT_CHANGE = `select ${columnsOf(ChangeRow)} from policy_change`;

/** Reads the policy in force; null before the first start. */
export async function readPolicy(q: Queryable): Promise<PolicyVersion | null> {
  return q.maybe(VersionRow, `${SELECT_VERSION} order by version desc limit 1`);
}

/** Reads one version, in force or not; null: there is none with this number. */
export async function readPolicyVersion(q: Queryable, version: number): Promise<PolicyVersion | null> {
  return q.maybe(VersionRow, `${SELECT_VERSION} where version = $1`, [version]);
}

/** Records the first version; of two replicas that try, the first one succeeds. */
export async function seedPolicy(q: Queryable, body: TeamPolicy, at: number): Promise<void> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.policy', 0))");
  await q.exec(
    "insert into policy_version (version, body, change_id, at) select 1, $1, null, $2 where not exists (select 1 from policy_version)",
    [toJson(body), at],
  );
}

/**
 * Records the version that a change makes: its body exactly as it was proposed, by whatever version.
 *
 * Errors: `StoreError` `policy_version_quorum`, `policy_version_change`.
 */
export async function recordPolicyVersion(q: Queryable, changeId: string, version: number, at: number): Promise<void> {
  await q.exec("insert into policy_version (version, body, change_id, at) select $2, body, id, $3 from policy_change where id = $1", [
    changeId,
    version,
    at,
  ]);
}

/** Records a proposed change; false when one of the same setting is live. Errors: `StoreError` `policy_base`, `policy_quorum`. */
export async function insertPolicyChange(
  q: Queryable,
  c: Omit<PolicyChangeRow, "state" | "ended_at" | "ended_by" | "ended_reason">,
): Promise<boolean> {
  return (await insertRow(q, "policy_change", c, "on conflict do nothing")) === 1;
}

/** Reads one change; `lock` locks its row until the transaction ends. */
export async function readPolicyChange(q: Queryable, id: string, lock = false): Promise<PolicyChangeRow | null> {
  return q.maybe(ChangeRow, `${SELECT_CHANGE} where id = $1${lock ? " for update" : ""}`, [id]);
}

/** Reads the changes that are live, and those that ended at or after an instant, oldest first. */
export async function readPolicyChanges(q: Queryable, endedSince: number): Promise<readonly PolicyChangeRow[]> {
  return q.many(ChangeRow, `${SELECT_CHANGE} where state = 'proposed' or ended_at >= $1 order by proposed_at, id`, [endedSince]);
}

/** Reads the newest change of a setting, ended or not. */
export async function readNewestPolicyChange(q: Queryable, setting: string): Promise<PolicyChangeRow | null> {
  return q.maybe(ChangeRow, `${SELECT_CHANGE} where setting = $1 order by seq desc limit 1`, [setting]);
}

/** Ends a change. Errors: `StoreError` `policy_ended`, `policy_applied`. */
export async function endPolicyChange(
  q: Queryable,
  id: string,
  end: { readonly state: PolicyChangeRow["state"]; readonly at: number; readonly by: string | null; readonly reason: string },
): Promise<void> {
  await updateRow(q, "policy_change", id, { state: end.state, ended_at: end.at, ended_by: end.by, ended_reason: end.reason });
}
