import type { NewId, Clock } from "../../core/clock.ts";
import { jobIdFor } from "../../core/derived-ids.ts";
import { groupBy } from "../../core/group-by.ts";
import type { PassId } from "../../core/ids.ts";
import { recordAudit } from "../../store/audit.ts";
import { recordIntent, recordOutcome } from "../../store/intents.ts";
import { refusalOfChange } from "../../store/last-word.ts";
import { recordLock, recordManagedAccounts, recordManagedDomains } from "../../store/managed.ts";
import type { Database, Transaction } from "../../store/db.ts";
import { describeChange } from "../planning/describe.ts";
import type { Change } from "../planning/plan.ts";
import type { ChangeWriter } from "./ports.ts";
import type { ChangeOutcome } from "./record.ts";

/** What applying needs. */
export interface ApplyContext {
  readonly db: Database;
  readonly writer: ChangeWriter;
  readonly now: Clock;
  readonly newId: NewId;
  readonly passId: PassId;
  readonly signal: AbortSignal;
}

const PROJECTS_AT_A_TIME = 4;

/**
 * Carries out changes: project by project, four at a time, in the plan's order inside one project.
 *
 * After a failure the rest of that project is skipped: the next pass plans anew. Before each change `refusalOfChange` is asked
 * and the intent recorded; after it the outcome and what is managed now, in one transaction. Invariant: INV-3, INV-5.
 */
export async function applyChanges(changes: readonly Change[], c: ApplyContext): Promise<readonly ChangeOutcome[]> {
  const outcomes = new Map<Change, ChangeOutcome>();
  const queue = [...groupBy(changes, (change) => change.projectId).values()];
  const work = async (): Promise<void> => {
    for (let group = queue.shift(); group !== undefined; group = queue.shift()) await applyGroup(group, c, outcomes);
  };
  await Promise.all(Array.from({ length: PROJECTS_AT_A_TIME }, work));
  return changes.map((change) => outcomes.get(change) ?? { change, outcome: "skipped", seen: null, problem: null });
}

async function applyGroup(group: readonly Change[], c: ApplyContext, outcomes: Map<Change, ChangeOutcome>): Promise<void> {
  for (const change of group) {
    const outcome = await applyOne(change, c);
    outcomes.set(change, outcome);
    if (outcome.outcome !== "done") return;
  }
}

async function applyOne(change: Change, c: ApplyContext): Promise<ChangeOutcome> {
  const problem = c.signal.aborted ? "this process lost its lock" : await refusalOfChange(c.db, c.passId);
  if (problem !== null) return { change, outcome: "held", seen: null, problem };
  const id = c.newId();
  const jobId = jobIdFor(id);
  const sentence = describeChange(change);
  const params = { change, jobId, sentence };
  await recordIntent(c.db, { id, owner: { kind: "pass", id: c.passId }, command: change.kind, params, at: c.now() });
  const result = await c.writer.applyChange(change, jobId);
  const unknown = !result.ok && result.error.kind === "indeterminate";
  const end = result.ok ? "done" : unknown ? "indeterminate" : "refused";
  const data = result.ok ? null : { code: result.error.code, sentence: result.error.message };
  await c.db.tx(async (q) => {
    await recordOutcome(q, { intentId: id, result: end, data, at: c.now() });
    if (result.ok) await recordEffect(q, change, c.now());
    const told = { sentence, slug: change.slug, domainId: change.domainId, jobId, problem: data?.sentence ?? null };
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: `change.${change.kind}.${end}`, subject: c.passId, data: told });
  });
  return { change, outcome: end, seen: null, problem: data?.sentence ?? null };
}

async function recordEffect(q: Transaction, change: Change, at: number): Promise<void> {
  const { projectId, domainId } = change;
  if (change.kind === "create_domain")
    await recordManagedDomains(q, [{ domainId, projectId, generation: change.generation, origin: "created" }], at);
  else if (change.kind === "create_account") {
    const { accountId, userId, ciUserId } = change;
    await recordManagedAccounts(q, [{ accountId, userId, domainId, projectId, ciUserId }], at);
  } else if (change.kind === "lock_account") await recordLock(q, change.accountId, true);
  else if (change.kind === "unlock_account") await recordLock(q, change.accountId, false);
}
