/** Claim: nothing is deleted or restricted that the two sides, both read completely, do not positively say; less read never means more done. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accountIdFor, domainIdFor, userIdFor } from "../../src/core/derived-ids.ts";
import { canonicalJson, digestOf } from "../../src/core/digest.ts";
import type { CiUserId, DomainId, DomainPath, Instant, ProjectId, Slug } from "../../src/core/ids.ts";
import type { FleetScope } from "../../src/core/scope.ts";
import { allowedBy, buildPlan } from "../../src/sync/planning/build-plan.ts";
import { completeDesired, type DesiredProject, type PartialDesired } from "../../src/sync/planning/desired.ts";
import { join, type CompleteInput, type PartialInput } from "../../src/sync/planning/input.ts";
import type { KnownState } from "../../src/core/managed.ts";
import { completeObserved, type ObservedAccount, type ObservedDomain, type PartialObserved } from "../../src/sync/planning/observed.ts";
import type { Plan } from "../../src/sync/planning/plan.ts";
import type { PlanPolicy } from "../../src/sync/planning/policy.ts";

const scope: FleetScope = { kind: "fleet", root: "ROOT/ci" as DomainPath };
const now = 1_000_000 as Instant;
const fingerprint = digestOf("scope");
const policy: PlanPolicy = {
  absenceReads: 3,
  absenceMs: 1000,
  restrictionsPerPass: 2,
  proposalsPerPass: 3,
  changesPerPass: 500,
  shrinkMinShare: 0.8,
  snapshotAgeMsMax: 5000,
  protectedDomains: [],
  roles: { "*": "User" },
  sentinelDomain: null,
};

interface World {
  projects: DesiredProject[];
  domains: ObservedDomain[];
  accounts: ObservedAccount[];
  known: KnownState;
}

function project(n: number, state: "active" | "closed", members: readonly number[] = []): DesiredProject {
  const person = (m: number) => ({
    userId: `u-${m}` as CiUserId,
    username: `user${m}`,
    email: `u${m}@example.org`,
    firstName: "F",
    lastName: "L",
    role: "member",
  });
  return {
    id: `p-${n}` as ProjectId,
    slug: `p${n}` as Slug,
    name: `P${n}`,
    state,
    closedAt: null,
    closedBy: null,
    limits: {},
    members: members.map(person),
  };
}

function domain(n: number): ObservedDomain {
  return {
    id: domainIdFor(`p-${n}` as ProjectId, 1),
    parentId: null,
    name: `p${n}`,
    path: `ROOT/ci/p${n}` as DomainPath,
    depth: 1,
    createdAt: null,
    limits: null,
  };
}

function account(n: number, m: number): ObservedAccount {
  const ids = {
    id: accountIdFor(`p-${n}` as ProjectId, 1, `u-${m}` as CiUserId),
    userId: userIdFor(`p-${n}` as ProjectId, 1, `u-${m}` as CiUserId),
  };
  return {
    id: ids.id,
    name: `user${m}`,
    domainId: domain(n).id,
    state: "enabled",
    roleName: "User",
    users: [{ id: ids.userId, username: `user${m}`, email: `u${m}@example.org`, firstName: "F", lastName: "L", state: "enabled" }],
  };
}

const managedDomain = (n: number): KnownState["managedDomains"][number] => ({
  domainId: domain(n).id,
  projectId: `p-${n}` as ProjectId,
  generation: 1,
  origin: "created",
  absence: null,
});

const nothingKnown: KnownState = {
  managedDomains: [],
  managedAccounts: [],
  generations: {},
  domainsUnderDeletion: [],
  lastComplete: null,
  pinnedScope: null,
};

function complete(w: World): CompleteInput | null {
  const d = completeDesired({
    scope,
    projects: w.projects,
    held: [],
    counted: { projects: w.projects.length, memberships: 0 },
    rows: { projects: w.projects.length, memberships: 0 },
    asOf: now,
  });
  const root: ObservedDomain = {
    ...domain(0),
    id: "6f1c9a1e-0000-4000-8000-0000000000ff" as DomainId,
    depth: 0,
    path: scope.root,
    name: "ci",
  };
  const o = completeObserved({
    scope,
    root,
    domains: w.domains,
    listedAgain: w.domains.map((x) => x.id),
    accounts: w.accounts,
    nonUuid: [],
    asOf: now,
  });
  if (!d.ok || !o.ok) return null;
  const joined = join(d.value, o.value, w.known);
  return joined.ok ? joined.value : null;
}

function partial(w: World, narrowedTo: ProjectId | null = null): PartialInput {
  const s = narrowedTo === null ? scope : { kind: "project" as const, root: scope.root, projectId: narrowedTo };
  const desired: PartialDesired = {
    coverage: "partial",
    scope: s,
    projects: w.projects,
    held: [],
    asOf: now,
    reason: "narrowed to one project",
  };
  const observed: PartialObserved = {
    coverage: "partial",
    scope: s,
    root: null,
    domains: w.domains,
    accounts: w.accounts,
    nonUuid: [],
    asOf: now,
    reason: "narrowed to one project",
  };
  return { coverage: "partial", desired, observed, known: w.known };
}

const plan = (input: CompleteInput | PartialInput, p: PlanPolicy = policy): Plan => buildPlan(input, p, fingerprint, now);
const harm = (p: Plan): ReadonlySet<string> =>
  new Set([
    ...p.proposals.map((x) => `delete ${x.path}`),
    ...p.restrictive.map((c) => `${c.kind} ${c.domainId} ${c.kind === "lock_account" ? c.accountId : ""}`),
  ]);

const worlds = fc
  .record({
    projects: fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { minLength: 1 }),
    closed: fc.array(fc.integer({ min: 1, max: 8 })),
    domains: fc.uniqueArray(fc.integer({ min: 1, max: 8 })),
    managed: fc.uniqueArray(fc.integer({ min: 1, max: 8 })),
    absent: fc.array(fc.integer({ min: 1, max: 8 })),
    members: fc.array(fc.integer({ min: 1, max: 4 })),
    busy: fc.array(fc.integer({ min: 1, max: 8 })),
  })
  .map((r): World => {
    const members = [...new Set(r.members)];
    return {
      projects: r.projects.map((n) => project(n, r.closed.includes(n) ? "closed" : "active", members)),
      domains: r.domains.map(domain),
      accounts: r.domains.flatMap((n) => [1, 2, 3, 4].map((m) => account(n, m))),
      known: {
        ...nothingKnown,
        domainsUnderDeletion: r.busy.map((n) => domain(n).id),
        managedDomains: r.managed.map((n) => ({
          domainId: domain(n).id,
          projectId: `p-${n}` as ProjectId,
          generation: 1,
          origin: "created" as const,
          absence: r.absent.includes(n) ? { since: 0 as Instant, reads: 9 } : null,
        })),
        managedAccounts: r.managed.flatMap((n) =>
          [1, 2, 3, 4].map((m) => ({
            accountId: account(n, m).id,
            userId: account(n, m).users[0]?.id ?? ("" as never),
            domainId: domain(n).id,
            projectId: `p-${n}` as ProjectId,
            ciUserId: `u-${m}` as CiUserId,
            lockedByUs: false,
          })),
        ),
      },
    };
  });

test("a deletion is proposed exactly for managed domains that stand there, are not busy, and whose project is closed or long absent", () => {
  fc.assert(
    fc.property(worlds, (w) => {
      const input = complete(w);
      if (input === null) return;
      // The oracle looks at names only, and calls nothing that is tested.
      const expected = w.domains
        .filter((d) => {
          const record = w.known.managedDomains.find((m) => m.domainId === d.id);
          if (record === undefined || w.known.domainsUnderDeletion.includes(d.id)) return false;
          const listed = w.projects.find((p) => p.id === record.projectId);
          return listed === undefined ? record.absence !== null && record.absence.reads >= 3 : listed.state === "closed";
        })
        .map((d) => d.path)
        .toSorted();
      expect(plan(input).proposals.map((p) => p.path)).toEqual(expected);
    }),
  );
});

test("a slug used again: the new project gets its domain once the closed one's is gone, and that one is proposed", () => {
  const before = project(1, "closed");
  const again = { ...project(2, "active"), slug: before.slug };
  const known = { ...nothingKnown, managedDomains: [managedDomain(1)] };
  const planned = (w: World): Plan => {
    const input = complete(w);
    if (input === null) throw new Error("the world of this test must be complete");
    return plan(input);
  };
  const both = planned({ projects: [before, again], domains: [domain(1)], accounts: [], known });
  expect(both.holds).toEqual([
    expect.objectContaining({
      kind: "name_in_the_way",
      projectId: "p-2",
      sentence: expect.stringMatching(
        /^ROOT\/ci\/p1 is still the domain of project p-1, which had this slug before and is closed; project p-2/,
      ),
    }),
  ]);
  expect([...harm(both)]).toEqual(["delete ROOT/ci/p1"]);
  expect(both.additive).toEqual([]);
  const free = planned({ projects: [before, again], domains: [], accounts: [], known: nothingKnown });
  expect(free.additive).toMatchObject([{ kind: "create_domain", projectId: "p-2", name: "p1", domainId: domain(2).id }]);
  expect(free.holds).toEqual([]);
  const open = planned({ projects: [{ ...before, slug: "p9" as Slug }, again], domains: [domain(1)], accounts: [], known });
  expect(open.holds.map((h) => h.sentence)).toEqual(["ROOT/ci/p1 has the name of p1 but was not made by Twokey"]);
});

test("losing a row of the observed side, or any side's completeness, never adds a deletion or a restriction", () => {
  fc.assert(
    fc.property(worlds, fc.nat(), fc.nat(), (w, i, j) => {
      const whole = complete(w);
      if (whole === null) return;
      const full = harm(plan(whole));
      const lost = complete({ ...w, domains: w.domains.filter((_d, n) => n !== i % Math.max(1, w.domains.length)), accounts: [] });
      for (const h of lost === null ? [] : harm(plan(lost))) expect(full).toContain(h);
      const fewer = complete({ ...w, accounts: w.accounts.filter((_a, n) => n !== j % Math.max(1, w.accounts.length)) });
      for (const h of fewer === null ? [] : harm(plan(fewer))) expect(full).toContain(h);
      expect([...harm(plan(partial(w)))]).toEqual([]);
      expect([...harm(plan(partial(w, w.projects[0]?.id ?? null)))]).toEqual([]);
    }),
  );
});

test("a desired row that is lost shows in the count, and the read is not complete", () => {
  fc.assert(
    fc.property(worlds, fc.nat(), (w, i) => {
      const rows = w.projects.filter((_p, n) => n !== i % w.projects.length);
      const d = completeDesired({
        scope,
        projects: rows,
        held: [],
        counted: { projects: w.projects.length, memberships: 0 },
        rows: { projects: rows.length, memberships: 0 },
        asOf: now,
      });
      expect(d.ok).toBe(false);
    }),
  );
});

test("the same inputs give the same bytes", () => {
  fc.assert(
    fc.property(worlds, (w) => {
      const a = complete(w);
      const b = complete(structuredClone(w));
      if (a === null || b === null) return;
      expect(canonicalJson(JSON.parse(JSON.stringify(plan(a))))).toBe(canonicalJson(JSON.parse(JSON.stringify(plan(b)))));
    }),
  );
});

describe("holds", () => {
  const base: World = {
    projects: [1, 2, 3, 4, 5].map((n) => project(n, "active", [1])),
    domains: [1, 2, 3, 4, 5].map(domain),
    accounts: [1, 2, 3, 4, 5].map((n) => account(n, 1)),
    known: nothingKnown,
  };
  const leavers: World = {
    ...base,
    accounts: [1, 2, 3].map((n) => account(n, 2)),
    known: {
      ...nothingKnown,
      managedAccounts: [1, 2, 3].map((n) => ({
        accountId: account(n, 2).id,
        userId: "x" as never,
        domainId: domain(n).id,
        projectId: `p-${n}` as ProjectId,
        ciUserId: "u-2" as CiUserId,
        lockedByUs: false,
      })),
    },
  };
  test("a change of role is a restriction, from a complete read only; in a plan of an earlier version it stays what it was", () => {
    const w = {
      ...base,
      accounts: base.accounts.map((a) => ({ ...a, roleName: "Admin", users: a.users.map((u) => ({ ...u, state: "disabled" })) })),
    };
    const [input, less] = [complete(w), partial(w)];
    if (input === null) throw new Error("the world of this test must be complete");
    const now = { ...policy, restrictionsPerDay: 100, restrictionsPerWeek: 100 };
    const kinds = (p: Plan) => ({ additive: p.additive.map((c) => c.kind), restrictive: p.restrictive.map((c) => c.kind) });
    const roles = Array.from({ length: 5 }, () => "set_role");
    expect(kinds(plan(input, now))).toEqual({ additive: [], restrictive: roles });
    const lockedOut = (p: Plan) => p.drift.filter((d) => d.kind === "disabled").length;
    expect(lockedOut(plan(input, now))).toBe(5);
    expect(kinds(plan(less, now))).toEqual({ additive: [], restrictive: [] });
    expect(kinds(plan(input, policy))).toEqual({ additive: roles, restrictive: [] });
    expect(lockedOut(plan(input, policy))).toBe(0);
  });
  test.each<[string, World, Partial<PlanPolicy>, string, ReturnType<typeof allowedBy>]>([
    [
      "a source that shrank",
      { ...base, known: { ...nothingKnown, lastComplete: { projects: 7, domains: 5, at: now } } },
      {},
      "shrunken_source",
      { additive: false, restrictive: false, deletions: false },
    ],
    [
      "no domains where there were some",
      { ...base, domains: [], accounts: [], known: { ...nothingKnown, lastComplete: { projects: 5, domains: 5, at: now } } },
      {},
      "empty_source",
      { additive: false, restrictive: false, deletions: false },
    ],
    [
      "more deletions proposed at once than the limit",
      {
        ...base,
        projects: [1, 2, 3, 4, 5].map((n) => project(n, n === 5 ? "active" : "closed")),
        known: { ...nothingKnown, managedDomains: [1, 2, 3, 4, 5].map(managedDomain) },
      },
      {},
      "too_many_proposals",
      { additive: true, restrictive: true, deletions: false },
    ],
    ["more restrictions than the limit", leavers, {}, "too_many_restrictions", { additive: true, restrictive: false, deletions: false }],
    [
      "more changes than the limit",
      { ...base, domains: [], accounts: [] },
      { changesPerPass: 3 },
      "too_many_changes",
      { additive: false, restrictive: false, deletions: false },
    ],
    [
      "another scope",
      { ...base, known: { ...nothingKnown, pinnedScope: digestOf("other") } },
      {},
      "scope_changed",
      { additive: false, restrictive: false, deletions: false },
    ],
    [
      "a missing sentinel domain",
      base,
      { sentinelDomain: "6f1c9a1e-0000-4000-8000-00000000abcd" },
      "sentinel_missing",
      { additive: false, restrictive: false, deletions: false },
    ],
  ])("%s holds the plan", (_what, w, more, kind, allowed) => {
    const input = complete(w);
    if (input === null) throw new Error("the world of this test must be complete");
    const p = plan(input, { ...policy, ...more });
    expect(p.holds.map((h) => h.kind)).toContain(kind);
    expect(allowedBy(p)).toEqual(allowed);
  });

  test("reads that are too old hold the plan", () => {
    const input = complete(base);
    if (input === null) throw new Error("complete");
    expect(buildPlan(input, policy, fingerprint, (now + 5001) as Instant).holds.map((h) => h.kind)).toContain("snapshot_too_old");
  });

  test("a protected domain is never proposed, by id or by path", () => {
    const w: World = {
      ...base,
      projects: [project(1, "closed")],
      domains: [domain(1)],
      accounts: [],
      known: {
        ...nothingKnown,
        managedDomains: [{ domainId: domain(1).id, projectId: "p-1" as ProjectId, generation: 1, origin: "created", absence: null }],
      },
    };
    const input = complete(w);
    if (input === null) throw new Error("complete");
    expect(plan(input).proposals).toHaveLength(1);
    for (const name of [domain(1).id, "ROOT/ci/p1"]) expect(plan(input, { ...policy, protectedDomains: [name] }).proposals).toHaveLength(0);
  });
});
