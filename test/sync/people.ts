/** A CI service in memory around the bot of the tests: projects with members on one side, domains with accounts on the other. */
import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { accountIdFor, domainIdFor, userIdFor } from "../../src/core/derived-ids.ts";
import { failure, type Failure } from "../../src/core/failure.ts";
import type { CiUserId, DomainId, DomainPath, Instant, ProjectId, Slug } from "../../src/core/ids.ts";
import type { Limits } from "../../src/core/managed.ts";
import { err, ok } from "../../src/core/result.ts";
import type { Scope } from "../../src/core/scope.ts";
import type { Database } from "../../src/store/db.ts";
import type { PlanRecord } from "../../src/sync/execution/record.ts";
import { completeDesired, type DesiredProject } from "../../src/sync/planning/desired.ts";
import type { ObservedAccount, ObservedDomain } from "../../src/sync/planning/observed.ts";
import type { Change } from "../../src/sync/planning/plan.ts";
import type { Config } from "../../src/config/config.ts";
import { configOf, testBot, type PartsChange, type TestBot } from "../support/bot.ts";

const path = "ROOT/ci" as DomainPath;
const scope = { kind: "fleet", root: path } as const;
const root: ObservedDomain = {
  ...{ id: "6f1c9a1e-0000-4000-8000-0000000000c1" as DomainId, parentId: null, name: "ci", path, depth: 0, createdAt: null, limits: {} },
};

/** Both sides, which a test changes, and what came of it. */
export interface Service {
  now: number;
  /** Members of each project, by name. */
  projects: Record<string, { readonly members: Set<string>; state: "active" | "closed"; limits: Limits }>;
  /** The ids in the CI database of those who were entered anew, by name; everybody else's is their name. */
  readonly enteredAs: Map<string, string>;
  readonly domains: Map<string, ObservedDomain>;
  readonly accounts: Map<string, ObservedAccount>;
  /** What CloudStack answers to a change; null: it is made. */
  refuses: (change: Change) => Failure | null;
  /** How CloudStack says that it stands with any job; null: it does not say. */
  jobState: "unknown" | "running" | "succeeded" | null;
  /** How often it was asked. */
  lookedUp: number;
  readonly made: Change[];
  /** Every message of a plan as it was last shown, by plan. */
  readonly messages: Map<string, PlanRecord>;
  /** How often one was shown. */
  shown: number;
  /** How often one was corrected. */
  corrected: number;
  bot(config?: Config, change?: PartsChange): TestBot;
  /** A pass, five minutes after the last one. */
  pass(bot?: TestBot): Promise<PlanRecord>;
}

/** The ids that Twokey gives. */
export const ids = (project: string, member: string) => ({
  account: accountIdFor(project as ProjectId, 1, member as CiUserId),
  user: userIdFor(project as ProjectId, 1, member as CiUserId),
});

/** A service with these projects, all of it made already. */
export function service(db: Database, members: Readonly<Record<string, readonly string[]>>): Service {
  let isFirst = true;
  const s: Service = {
    now: Date.UTC(2026, 0, 5),
    projects: Object.fromEntries(Object.entries(members).map(([p, m]) => [p, { members: new Set(m), state: "active", limits: {} }])),
    enteredAs: new Map(),
    domains: new Map(),
    accounts: new Map(),
    refuses: () => null,
    jobState: "unknown",
    lookedUp: 0,
    made: [],
    messages: new Map(),
    shown: 0,
    corrected: 0,
    bot: (config = configOf(), change = {}) => botOf(s, db, config, change),
    async pass(bot = s.bot()) {
      if (isFirst) await recordAsMadeBefore(db, { tree: () => treeOf(s) as never });
      isFirst = false;
      s.now += 300_000;
      const done = await bot.runPass(null, { kind: "schedule" });
      if (!done.ok) throw new Error(done.error.message);
      return done.value;
    },
  };
  for (const [project, list] of Object.entries(members)) {
    addDomain(s, project);
    for (const member of list) addAccount(s, project, member);
  }
  return s;
}

function treeOf(s: Service) {
  const things = [...s.domains.values(), ...s.accounts.values()];
  return { id: root.id, accounts: [], children: things.map(({ id }) => ({ id, accounts: [], children: [] })) };
}

function botOf(s: Service, db: Database, config: Config, change: PartsChange): TestBot {
  return testBot(db, {
    config,
    now: () => s.now as Instant,
    ci: {
      projectsOf: async () => ok(Object.entries(s.projects).map(([id, p]) => projectOf(s, id, p))),
      readDesired: async (of) => {
        const projects = Object.entries(s.projects).map(([id, p]) => projectOf(s, id, p));
        if (of.kind === "project") return { ...narrowed(s, of), projects: projects.filter((p) => p.id === of.projectId), held: [] };
        const n = { projects: projects.length, memberships: 0 };
        const made = completeDesired({ scope, projects, held: [], counted: n, rows: n, asOf: s.now as Instant });
        if (!made.ok) throw new Error(made.error.sentence);
        return made.value;
      },
    },
    reader: {
      readItems: async () => ok([]),
      findJob: async () => {
        s.lookedUp += 1;
        return s.jobState === null ? err(failure("unavailable", "cloudstack.away", "no answer")) : ok({ state: s.jobState });
      },
      readProject: async ({ projectId, domainId }) => ({
        ...narrowed(s, { kind: "project", root: path, projectId }),
        ...{ root, domains: [...s.domains.values()].filter((d) => d.id === domainId), nonUuid: [] },
        accounts: [...s.accounts.values()].filter((a) => a.domainId === domainId),
      }),
      readFleet: async () => {
        const domains = [...s.domains.values()];
        const listedAgain = domains.map((d) => d.id);
        return ok({ scope, root, domains, listedAgain, accounts: [...s.accounts.values()], nonUuid: [], asOf: s.now as Instant });
      },
    },
    writer: {
      applyChange: async (c) => {
        const refused = s.refuses(c);
        if (refused !== null) return err(refused);
        s.made.push(c);
        make(s, c);
        return ok(undefined);
      },
    },
    plans: {
      showPlan: async (record) => {
        s.shown += 1;
        s.messages.set(record.id, record);
      },
      correctPlan: async (record) => {
        if (JSON.stringify(s.messages.get(record.id)) === JSON.stringify(record)) return;
        s.corrected += 1;
        s.messages.set(record.id, record);
      },
    },
    ...change,
  });
}

function narrowed(s: Service, scope: Scope) {
  return { coverage: "partial", scope, asOf: s.now as Instant, reason: "narrowed to one project" } as const;
}

function projectOf(s: Service, id: string, p: Service["projects"][string]): DesiredProject {
  const members = [...p.members].map((m) => ({ userId: (s.enteredAs.get(m) ?? m) as CiUserId, ...personOf(m), role: "member" }));
  const plain = { name: id, closedAt: null, closedBy: null };
  return { id: id as ProjectId, slug: id as Slug, ...plain, state: p.state, limits: p.limits, members };
}

function personOf(name: string) {
  return { username: name, email: `${name}@example.org`, firstName: "F", lastName: "L" };
}

function addDomain(s: Service, project: string): void {
  const id = domainIdFor(project as ProjectId, 1);
  const place = { parentId: root.id, name: project, path: `${path}/${project}` as DomainPath, depth: 1 };
  s.domains.set(project, { id, ...place, createdAt: null, limits: { user_vm: 3 } });
}

function addAccount(s: Service, project: string, member: string, roleName = configOf().cloudstack.roles["*"] ?? ""): void {
  const { account: id, user } = ids(project, member);
  // A domain that was there before has an id of its own.
  const domainId = s.domains.get(project)?.id ?? domainIdFor(project as ProjectId, 1);
  const users = [{ id: user, ...personOf(member), state: "enabled" }];
  s.accounts.set(id, { id, name: member, domainId, state: "enabled", roleName, users });
}

function make(s: Service, c: Change): void {
  if (c.kind === "create_domain") return addDomain(s, c.projectId);
  if (c.kind === "create_account") return addAccount(s, c.projectId, c.person.username, c.role);
  if (c.kind === "raise_limit" || c.kind === "lower_limit") {
    const domain = s.domains.get(c.projectId);
    if (domain !== undefined) s.domains.set(c.projectId, { ...domain, limits: { ...domain.limits, [c.type]: c.to } });
    return;
  }
  const account = s.accounts.get(c.accountId);
  if (account === undefined) return;
  if (c.kind === "lock_account") s.accounts.set(account.id, { ...account, state: "locked" });
  if (c.kind === "unlock_account") s.accounts.set(account.id, { ...account, state: "enabled" });
  if (c.kind === "set_role") s.accounts.set(account.id, { ...account, roleName: c.to });
}
