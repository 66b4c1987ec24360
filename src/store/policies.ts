import { z } from "zod";
import { Digest, Instant, OperatorId } from "../core/ids.ts";
import { TeamPolicy } from "../core/policy.ts";
import { toJson, type Queryable } from "./db.ts";

const VersionRow = z.object({ version: z.number(), body: TeamPolicy, change_id: z.guid().nullable(), at: Instant });
/** One version of the policy; the newest is in force. */
export type PolicyVersion = z.output<typeof VersionRow>;

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
const CHANGE_COLUMNS = Object.keys(ChangeRow.shape).join(", ");

/** Reads the policy in force; null before the first start. */
export async function readPolicy(q: Queryable): Promise<PolicyVersion | null> {
  return q.maybe(VersionRow, "select version, body, change_id, at from policy_version order by version desc limit 1");
}

/** Reads one version. */
export async function readPolicyVersion(q: Queryable, version: number): Promise<PolicyVersion | null> {
  return q.maybe(VersionRow, "select version, body, change_id, at from policy_version where version = $1", [version]);
}

/** Records the first version. Two replicas may try: the first one counts. */
export async function seedPolicy(q: Queryable, body: TeamPolicy, at: number): Promise<void> {
  await q.exec("select pg_advisory_xact_lock(hashtextextended('twokey.policy', 0))");
  await q.exec(
    "insert into policy_version (version, body, change_id, at) select 1, $1, null, $2 where not exists (select 1 from policy_version)",
    [toJson(body), at],
  );
}

/** Records the version that a change makes. Errors: `StoreError` `policy_version_quorum`, `policy_version_change`. */
export async function recordPolicyVersion(q: Queryable, v: PolicyVersion): Promise<void> {
  await q.exec("insert into policy_version (version, body, change_id, at) values ($1, $2, $3, $4)", [
    v.version,
    toJson(v.body),
    v.change_id,
    v.at,
  ]);
}

/** Records a proposed change; false when one of the same setting is live. Errors: `StoreError` `policy_base`, `policy_quorum`. */
export async function insertPolicyChange(
  q: Queryable,
  c: Omit<PolicyChangeRow, "state" | "ended_at" | "ended_by" | "ended_reason">,
): Promise<boolean> {
  const n = await q.exec(
    `insert into policy_change (id, base_version, setting, body, digest, proposed_by, proposed_by_name, reason, quorum, proposed_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing`,
    [
      c.id,
      c.base_version,
      c.setting,
      toJson(c.body),
      c.digest,
      c.proposed_by,
      c.proposed_by_name,
      c.reason,
      c.quorum,
      c.proposed_at,
      c.expires_at,
    ],
  );
  return n === 1;
}

/** Reads one change; `lock` keeps it until the transaction ends. */
export async function readPolicyChange(q: Queryable, id: string, lock = false): Promise<PolicyChangeRow | null> {
  return q.maybe(ChangeRow, `select ${CHANGE_COLUMNS} from policy_change where id = $1${lock ? " for update" : ""}`, [id]);
}

/** Reads the changes that are live, and those that ended at or after an instant, oldest first. */
export async function readPolicyChanges(q: Queryable, endedSince: number): Promise<readonly PolicyChangeRow[]> {
  return q.many(
    ChangeRow,
    `select ${CHANGE_COLUMNS} from policy_change where state = 'proposed' or ended_at >= $1 order by proposed_at, id`,
    [endedSince],
  );
}

/** Reads the newest change of a setting, ended or not. */
export async function readNewestPolicyChange(q: Queryable, setting: string): Promise<PolicyChangeRow | null> {
  return q.maybe(ChangeRow, `select ${CHANGE_COLUMNS} from policy_change where setting = $1 order by proposed_at desc, id limit 1`, [
    setting,
  ]);
}

/** Ends a change. Errors: `StoreError` `policy_ended`, `policy_applied`. */
export async function endPolicyChange(
  q: Queryable,
  id: string,
  end: { readonly state: PolicyChangeRow["state"]; readonly at: number; readonly by: string | null; readonly reason: string },
): Promise<void> {
  await q.exec("update policy_change set state = $2, ended_at = $3, ended_by = $4, ended_reason = $5 where id = $1", [
    id,
    end.state,
    end.at,
    end.by,
    end.reason,
  ]);
}
