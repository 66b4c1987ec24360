import type { Services } from "../../commands/services.ts";
import type { Clock } from "../../core/clock.ts";
import type { TeamPolicy } from "../../core/policy.ts";
import type { ApproverDirectory, Asker } from "../../core/people.ts";
import { isOneOf } from "../../core/people.ts";
import type { Database } from "../../store/db.ts";
import {
  readHomeDeletions,
  readHomeExports,
  readHomeHolds,
  readHomeQuestions,
  readNewestDeletionsOf,
  readNewestPass,
  readProjectsWithDomain,
  type HomeQuestion,
} from "../../store/home.ts";
import { readIdentities } from "../../store/known-accounts.ts";
import { readPolicy } from "../../store/policies.ts";
import { readPassReading, readUsed } from "../../store/readings.ts";
import { readStop } from "../../store/stop-switch.ts";
import type { HomeFacts, Mine, TeamHome } from "../render/home.ts";

/** What Home is read from. */
export interface HomeSources {
  readonly db: Database;
  readonly now: Clock;
  readonly channel: string;
  readonly services: Pick<Services, "projects">;
  readonly approversNow: ApproverDirectory["approversNow"];
  /** What does not work, in sentences. */
  readonly problems: () => Promise<readonly string[]>;
}

/** What the whole team sees, whoever looks. */
export interface SharedFacts extends Omit<TeamHome, "questions"> {
  readonly questions: readonly HomeQuestion[];
  /** Who may approve now; null: the list could not be read. */
  readonly approvers: readonly string[] | null;
}

const LIMITS = [
  ["Deletions today", "deletionsPerDay"],
  ["Deletions this week", "deletionsPerWeek"],
  ["Restrictions today", "restrictionsPerDay"],
  ["Restrictions this week", "restrictionsPerWeek"],
] as const satisfies readonly (readonly [string, keyof TeamPolicy])[];

/** Reads what the team sees, by cheap statements: no deletion waits for it. */
export async function readSharedFacts({ db, now, channel, ...o }: HomeSources): Promise<SharedFacts> {
  const [questions, deletions, holds, stop] = [
    await readHomeQuestions(db),
    await readHomeDeletions(db),
    await readHomeHolds(db),
    await readStop(db),
  ];
  const [policy, used, pass] = [await readPolicy(db), await readUsed(db, now()), await readNewestPass(db)];
  const approvers = await o.approversNow();
  return {
    ...{ channel, questions, deletions, holds, pass },
    stops: stop.stopped ? stop.stops : null,
    budget:
      policy === null ? [] : LIMITS.map(([name, key]) => [name, Math.max(0, policy.body[key] - used[key]), policy.body[key]] as const),
    completeAt: (await readPassReading(db)).completeAt,
    problems: await o.problems(),
    approvers: approvers.ok ? approvers.value.flatMap((a) => [a.id, ...(a.accounts ?? [])]) : null,
  };
}

/** Reads what one person's Home shows; `shared` left out: they are not of the team. */
export async function readHomeFacts(asker: Asker, page: number, shared: SharedFacts | null, o: HomeSources): Promise<HomeFacts> {
  const { db, now } = o;
  const read = await o.services.projects.projectsOf(asker);
  const projects = read.ok ? read.value : [];
  const ids = projects.map((p) => p.id);
  const deletions = new Map((await readNewestDeletionsOf(db, ids)).map((d) => [d.projectId, d]));
  const withDomain = new Set(await readProjectsWithDomain(db, ids));
  return {
    projects: projects.map((p) => ({
      ...{ slug: p.slug, name: p.name, state: p.state, hasDomain: withDomain.has(p.id) },
      deletion: deletions.get(p.id) ?? null,
    })),
    trouble: read.ok ? null : read.error.message,
    exports: await readHomeExports(db, asker.operator.id, now()),
    page,
    team: shared === null ? null : await teamFacts(asker, shared, db),
  };
}

async function teamFacts(asker: Asker, { approvers, ...shared }: SharedFacts, db: Database): Promise<TeamHome> {
  const own = [asker.operator.id, ...(asker.account === undefined ? [] : [asker.account])];
  const { identities } = await readIdentities(db, own);
  const me = { id: asker.operator.id, accounts: [...own, ...identities] };
  // It is only shown: whether a vote counts is decided where it is cast.
  const mine = (q: HomeQuestion): Mine => {
    if (isOneOf(me, q.votedBy)) return "voted";
    if (isOneOf(me, q.askedBy)) return "asked";
    return approvers === null || isOneOf(me, approvers) ? "vote" : "not_approver";
  };
  return { ...shared, questions: shared.questions.map((q) => ({ ...q, mine: mine(q) })) };
}
