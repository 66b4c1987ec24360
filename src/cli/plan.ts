import { lookNow, type Look } from "../app/look.ts";
import { parseDatabaseConfig, parseLookConfig } from "../config/config.ts";
import { Slug } from "../core/ids.ts";
import { openFilledForReading, openForReading } from "../store/read-only.ts";
import { findPlanRecord, readPlanHeads } from "../store/plans.ts";
import { wordsToLift } from "../sync/planning/lift.ts";
import { describeChange } from "../sync/planning/describe.ts";
import { planLines } from "../sync/execution/plan-text.ts";
import type { PlanRecord } from "../sync/execution/record.ts";
import { saying } from "./progress.ts";
import { tellFailure, type CliCommand, type CliIo } from "./command.ts";

/** `twokey plan`: what a pass would do now; writes nothing. Exit code 0: nothing; 2: changes; 1: it cannot be told. */
export const runPlan: CliCommand = async (io, given) => {
  const [typed] = given.args;
  const slug = typed === undefined ? null : Slug.safeParse(typed.toLowerCase());
  if (slug?.success === false) return say(io, `${typed ?? ""} is not a project's short name: lower-case letters, digits and hyphens.`);
  const config = parseLookConfig(io.env);
  if (!config.ok) return tellFailure(io, config.error);
  const store = await openForReading(config.value);
  if (!store.ok) return tellFailure(io, store.error);
  try {
    const looking = lookNow(slug?.data ?? null, config.value, store.value.db, io);
    const look = await saying(io, "Reading the CI database and CloudStack, and planning …", looking);
    if (!look.ok) return tellFailure(io, look.error);
    tell(look.value, config.value.environment, given.flags.has("json"), io);
    return codeOf(look.value);
  } catch (thrown) {
    return say(io, `The plan could not be made: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  } finally {
    await store.value.close();
  }
};

/** `twokey plan show`: every line of a plan that a pass stored, with what became of each change. */
export const runPlanShow: CliCommand = async (io, given) => {
  const [typed = ""] = given.args;
  const config = parseDatabaseConfig(io.env);
  if (!config.ok) return tellFailure(io, config.error);
  const store = await openFilledForReading(config.value);
  if (!store.ok) return tellFailure(io, store.error);
  const { db, close } = store.value;
  try {
    const record = (await findPlanRecord(db, typed.toLowerCase())) as PlanRecord | null;
    if (record === null) {
      const newest = (await readPlanHeads(db, 3)).map((h) => h.id).join(", ");
      return say(
        io,
        `There is no plan ${typed}. ${newest === "" ? "None is stored yet." : `The newest: ${newest}. npx twokey replay lists more.`}`,
      );
    }
    const environment = io.env["TWOKEY_ENVIRONMENT"] ?? "production";
    if (given.flags.has("json")) io.out(`${JSON.stringify({ id: record.id, ...plainOf(record) }, null, 2)}\n`);
    else for (const line of planLines(record, environment)) io.out(`${line}\n`);
    return 0;
  } finally {
    await close();
  }
};

/** Nothing of a plan that rests on a read that failed is a fact. */
function codeOf({ record: { plan, outcomes } }: Look): 0 | 1 | 2 {
  const isUnread = plan.holds.some((h) => h.kind === "desired_partial" || h.kind === "observed_partial");
  return isUnread ? 1 : outcomes.length > 0 || plan.proposals.length > 0 ? 2 : 0;
}

function tell(look: Look, environment: string, asJson: boolean, io: CliIo): void {
  const { record, state, stopped, isFirst } = look;
  if (asJson) return io.out(`${JSON.stringify({ isFirst, stopped, ...plainOf(record), state }, null, 2)}\n`);
  const [grouped, whole] = [planLines(record, environment, { groupsHolds: true }), planLines(record, environment)];
  for (const line of grouped) io.out(`${line}\n`);
  if (grouped.length < whole.length) io.out("Every hold: npx twokey plan --json\n");
  if (stopped !== null) io.out(`Everything is stopped, so a pass would do nothing: ${stopped}\n`);
  if (isFirst) io.out("The bot has not been started with this database yet: this is what its first pass would do.\n");
  const n = record.outcomes.length + record.plan.proposals.length;
  io.out(n === 0 ? "Nothing to change. Nothing was written.\n" : "Nothing was done and nothing was written: this was a look.\n");
}

/** A plan for a script: each change with its words; the same names for a look and for a stored plan. */
function plainOf(record: PlanRecord) {
  const { plan, notAsked = [], reported = null } = record;
  const why = new Map(notAsked.map((n) => [n.path, n.reason]));
  return {
    digest: plan.digest,
    state: record.state,
    scope: plan.scope,
    readAt: new Date(plan.asOf).toISOString(),
    counts: plan.counts,
    reported,
    holds: plan.holds.map((h) => ({ ...h, liftedBy: wordsToLift(h, plan) })),
    rowsToCorrect: plan.heldRows,
    changes: record.outcomes.map(({ change, outcome, seen, problem }) => ({
      sentence: describeChange(change),
      outcome,
      seen,
      problem,
      change,
    })),
    proposals: plan.proposals.map((p) => ({ ...p, notAsked: why.get(p.path) ?? null })),
    leftAlone: plan.drift,
  };
}

function say(io: CliIo, sentence: string): 1 {
  io.err(`${sentence}\n`);
  return 1;
}
