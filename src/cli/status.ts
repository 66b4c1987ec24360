import { readVersion } from "../app/version.ts";
import type { TeamPolicy } from "../core/policy.ts";
import { countManagedDomains } from "../store/managed.ts";
import type { Queryable } from "../store/db.ts";
import { readPlanHeads } from "../store/plans.ts";
import { readPolicy } from "../store/policies.ts";
import { readPassReading, readPhases, readQuestions, readUsed } from "../store/readings.ts";
import { readStopView } from "../sync/execution/stop-view.ts";
import { tellJson, type CliCommand, type CliIo } from "./command.ts";
import { jsonInstant, shownInstant } from "./instants.ts";
import { withReading } from "./reading.ts";
import { oneLine } from "./reimport-text.ts";
import { stopAsJson, tellStop } from "./stop.ts";

/** `twokey status`: how everything stands, as Twokey's own database has it. */
export const runStatus: CliCommand = async (io, given) =>
  withReading(io, async (db) => {
    const status = await gather(db, io.now());
    if (given.flags.has("json")) tellJson(io, { ...status, stop: status.stop === null ? null : stopAsJson(status.stop) });
    else tell(status, io);
    return 0;
  });

async function gather(db: Queryable, now: number) {
  const [pass, phases, questions, used, policy, plans, domains, stop] = await Promise.all([
    readPassReading(db),
    readPhases(db),
    readQuestions(db),
    readUsed(db, now),
    readPolicy(db),
    readPlanHeads(db, 1),
    countManagedDomains(db),
    readStopView(db, now),
  ]);
  const [newest] = plans;
  return {
    version: readVersion(),
    stop: stop !== null && stop.resumed === null ? stop : null,
    /** Of both sides; null: there was none yet. */
    lastCompleteRead: jsonInstant(pass.completeAt),
    newestPlan: newest === undefined ? null : { id: newest.id, at: jsonInstant(newest.at), state: newest.state },
    holds: pass.holds,
    managedDomains: domains,
    deletions: phases.map(({ phase, count, since }) => ({ phase, count, oldestSince: jsonInstant(since) })),
    questions: questions.map(({ kind, count, expiresAt }) => ({ kind, count, firstExpires: jsonInstant(expiresAt) })),
    policyVersion: policy?.version ?? null,
    limits: policy === null ? [] : limitsOf(policy.body, used),
  };
}

type Status = Awaited<ReturnType<typeof gather>>;

function limitsOf(policy: TeamPolicy, used: Awaited<ReturnType<typeof readUsed>>) {
  return (["deletionsPerDay", "deletionsPerWeek", "restrictionsPerDay", "restrictionsPerWeek"] as const).map((name) => ({
    name,
    used: used[name],
    of: policy[name],
  }));
}

function tell(s: Status, io: CliIo): void {
  if (s.stop === null) io.out("Nothing is stopped.\n");
  else {
    io.out("Everything is stopped:\n");
    tellStop(s.stop, io);
  }
  const line = (what: string, text: string): void => io.out(`${what.padEnd(22)} ${oneLine(text)}\n`);
  const holds = Object.entries(s.holds).map(([kind, n]) => `${kind.replaceAll("_", " ")} ${n}`);
  line("last complete read", s.lastCompleteRead ?? "none yet");
  line("newest plan", s.newestPlan === null ? "none yet" : `${s.newestPlan.id}, ${s.newestPlan.at ?? ""}, ${s.newestPlan.state}`);
  line("holds", holds.length === 0 ? "none" : holds.join(", "));
  line("managed domains", String(s.managedDomains));
  const deletions = s.deletions.map(
    (d) => `${d.phase.replaceAll("_", " ")} ${d.count} (oldest since ${d.oldestSince ?? shownInstant(null)})`,
  );
  line("deletions under way", deletions.length === 0 ? "none" : deletions.join(", "));
  const questions = s.questions.map(
    (q) => `${q.kind.replaceAll("_", " ")} ${q.count}${q.firstExpires === null ? "" : ` (the first until ${q.firstExpires})`}`,
  );
  line("waiting for votes", questions.length === 0 ? "none" : questions.join(", "));
  line("policy", s.policyVersion === null ? "none yet" : `version ${s.policyVersion}`);
  for (const { name, used, of } of s.limits) line(`  ${name.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`)}`, `${used} of ${of}`);
}
