/** Claim: each object of both sides is in exactly one situation, whatever their order, and only what matches one to one would be adopted. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { situations, type AdoptionRow } from "../../../src/core/adoption.ts";
import { domainIdFor, userIdFor } from "../../../src/core/derived-ids.ts";
import type { ManagedAccount, ManagedDomain } from "../../../src/core/managed.ts";
import { match } from "../../../src/sync/adoption/match.ts";
import type { MatchQuestion } from "../../../src/sync/adoption/question.ts";
import { whatMoved } from "../../../src/sync/adoption/survey.ts";
import { account, accountId, domain, domainId, member, project, question, user } from "./world.ts";

const of = (q: MatchQuestion, place: string): AdoptionRow | undefined => match(q).rows.find((r) => r.place === place);
const situationOf = (q: Partial<MatchQuestion>, place: string) => of(question(q), place)?.situation;
const managed = (n: number, more: Partial<ManagedDomain> = {}): ManagedDomain => ({
  ...{ domainId: domainId(n), projectId: project(n).id, generation: 1, origin: "created", absence: null, ...more },
});
const managedAccount = (n: number, of: number, who: number): ManagedAccount => ({
  ...{ accountId: accountId(n), userId: user(n, "", "").id, domainId: domainId(of), projectId: project(of).id },
  ...{ ciUserId: member(who).userId, lockedByUs: false },
});
const known = (more: Partial<MatchQuestion["known"]>) => ({ ...question({}).known, ...more });

describe("domains", () => {
  test("one of the name, in whatever case, is found; what nobody has is absent; what nobody wants is unassigned", () => {
    const q = { projects: [project(1), project(2)], domains: [domain(1, "P1"), domain(3, "other")] };
    expect([situationOf(q, "ROOT/ci/P1"), situationOf(q, "p2"), situationOf(q, "ROOT/ci/other")]).toEqual([
      "found",
      "absent",
      "unassigned",
    ]);
    expect(match(question(q)).domains).toEqual([
      { domainId: domainId(1), projectId: "p-1", slug: "p1", path: "ROOT/ci/P1", generation: 1, isNew: true, accounts: [] },
    ]);
  });

  test("the mapping file goes before the name, on both sides", () => {
    const q = { projects: [project(1), project(2)], domains: [domain(1), domain(2, "Team Two")] };
    const mapped = [{ projectId: project(1).id, domainId: domainId(2) }];
    expect(situationOf({ ...q, mapped }, "ROOT/ci/Team Two")).toBe("found");
    // p1 has another domain now, so the one of its name is nobody's.
    expect(situationOf({ ...q, mapped }, "ROOT/ci/p1")).toBe("unassigned");
    expect(situationOf({ ...q, mapped }, "p2")).toBe("absent");
  });

  test("what a mapping file says is ambiguous where the domain has another active project's name, or only its members' accounts", () => {
    const both = { projects: [project(1), project(2, [member(2)])], domains: [domain(1, "Team"), domain(2)] };
    const mapped = [{ projectId: project(1).id, domainId: domainId(2) }];
    expect(of(question({ ...both, mapped }), "ROOT/ci/p2")).toMatchObject({
      situation: "ambiguous",
      reason: expect.stringContaining("the name of another active project, p2") as string,
    });
    const byAccounts = question({
      ...both,
      accounts: [account(1, 1, "user2")],
      mapped: [{ projectId: project(1).id, domainId: domainId(1) }],
    });
    expect(of(byAccounts, "ROOT/ci/Team")).toMatchObject({
      situation: "ambiguous",
      reason: expect.stringContaining("no account is of a member of p1, and 1 are of members of p2") as string,
    });
    expect(match(byAccounts).domains.map((d) => d.slug)).toEqual(["p2"]);
  });

  test("closed, held, nested, under deletion, and ids of ours are never adopted", () => {
    const held = [{ view: "projects", key: "p-2", problem: "x", remedy: "y", projectId: project(2).id, userId: null }];
    const q = question({
      projects: [project(1, [], { state: "closed" }), project(2), project(4), project(5)],
      domains: [domain(1), domain(2), domain(3, "p4/inner", { depth: 2, name: "p4" }), domain(4), domain(5)],
      known: known({ domainsUnderDeletion: [domainId(4)] }),
      derived: new Set([domainId(5)]),
      held,
    });
    for (const n of [1, 2, 4, 5]) expect(of(q, `ROOT/ci/p${n}`), `p${n}`).toMatchObject({ situation: "unqualified" });
    expect(of(q, "ROOT/ci/p4/inner")).toMatchObject({ situation: "unqualified" });
    expect(match(q).domains).toEqual([]);
  });

  test("a held row that names no project keeps everything back", () => {
    const held = [{ view: "projects", key: "?", problem: "x", remedy: "y", projectId: null, userId: null }];
    expect(match(question({ projects: [project(1)], domains: [domain(1)], held })).domains).toEqual([]);
  });

  test("what is managed is confirmed, or its source is missing; a vanished one is absent, and none is adopted again", () => {
    const q = question({
      projects: [project(1), project(3)],
      domains: [domain(1), domain(2)],
      known: known({ managedDomains: [managed(1), managed(2), managed(3)] }),
    });
    expect(match(q).rows.map((r) => [r.place, r.situation])).toEqual([
      ["ROOT/ci/p1", "confirmed"],
      ["ROOT/ci/p2", "source_missing"],
      ["p3", "absent"],
    ]);
    expect(match(q).domains).toEqual([]);
  });

  test("two of a name are ambiguous, and none of them is adopted", () => {
    const q = question({ projects: [project(1)], domains: [domain(1, "p1"), domain(2, "P1")] });
    expect(match(q).rows).toMatchObject([{ situation: "ambiguous", domains: [domainId(1), domainId(2)], projects: ["p-1"] }]);
    expect(match(q).domains).toEqual([]);
  });

  test("a domain without a UUID is unassigned, and a project of its name stays absent", () => {
    const q = question({ projects: [project(1)], nonUuid: [{ rawId: "17", path: "ROOT/ci/p1" }] });
    expect(match(q).rows.map((r) => r.situation)).toEqual(["unassigned", "absent"]);
  });

  test("a project that had domains before gets its next generation", () => {
    const q = question({ projects: [project(1)], domains: [domain(1)], known: known({ generations: { "p-1": 3 } }) });
    expect(match(q).domains[0]?.generation).toBe(3);
  });
});

describe("accounts and users", () => {
  const at = (accounts: MatchQuestion["accounts"], members = [member(1)], more: Partial<MatchQuestion> = {}): MatchQuestion =>
    question({ projects: [project(1, members)], domains: [domain(1)], accounts, ...more });
  const adopted = (q: MatchQuestion) => match(q).domains[0]?.accounts ?? [];

  test("by username, by e-mail, by a user's name; the row says what differs", () => {
    expect(adopted(at([account(1, 1, "USER1")]))).toMatchObject([{ accountId: accountId(1), ciUserId: "u-1" }]);
    const byMail = at([account(1, 1, "u.one", { users: [user(7, "u.one", "User1@example.org")] })]);
    expect(adopted(byMail)).toMatchObject([{ userId: user(7, "", "").id }]);
    expect(of(byMail, "ROOT/ci/p1/u.one")?.reason).toContain("the username differs");
    const stranger = at([account(1, 1, "user1", { users: [user(7, "user1", "mallory@example.com")] })]);
    expect(of(stranger, "ROOT/ci/p1/user1")).toMatchObject({
      situation: "found",
      reason: expect.stringContaining("mallory@example.com") as string,
    });
    expect(adopted(at([account(1, 1, "team", { users: [user(8, "user1", "")] })]))).toMatchObject([
      { name: "team", userId: user(8, "", "").id },
    ]);
  });

  test("an account whose e-mail is another member's is ambiguous; agreement in both decides", () => {
    const crossed = at([account(1, 1, "user1", { users: [user(7, "user1", "user2@example.org")] })], [member(1), member(2)]);
    expect(of(crossed, "ROOT/ci/p1/user1")?.situation).toBe("ambiguous");
    expect(adopted(crossed)).toEqual([]);
    const robot = account(2, 1, "robot", { users: [user(9, "robot", "user1@example.org")] });
    const both = at([account(1, 1, "user1"), robot]);
    expect(adopted(both)).toMatchObject([{ accountId: accountId(1) }]);
    expect(of(both, "ROOT/ci/p1/robot")).toMatchObject({
      situation: "unassigned",
      reason: "it has the e-mail of user1, whose account is another one",
    });
  });

  test("one e-mail for all says nothing: all with it are ambiguous", () => {
    const shared = [1, 2].map((n) => member(n, { email: "ci@example.org" }));
    const accounts = [3, 4].map((n) => account(n, 1, `other${n}`, { users: [user(n, `other${n}`, "ci@example.org")] }));
    expect(adopted(at(accounts, shared))).toEqual([]);
  });

  test("further users are rows of their own; several of whom none is the member are ambiguous; none at all gets a derived id", () => {
    const two = account(1, 1, "user1", { users: [user(7, "user1", "user1@example.org"), user(8, "deputy", "d@example.org")] });
    expect(of(at([two]), "ROOT/ci/p1/user1/deputy")).toMatchObject({ what: "user", situation: "unassigned" });
    const none = account(1, 1, "user1", { users: [user(7, "x", ""), user(8, "y", "")] });
    expect(of(at([none]), "ROOT/ci/p1/user1")?.situation).toBe("ambiguous");
    expect(adopted(at([account(1, 1, "user1", { users: [] })]))[0]?.userId).toBe(userIdFor(project(1).id, 1, member(1).userId));
  });

  test("in a managed domain: what is recorded is confirmed, a leaver's source is missing, a vanished one is absent, the rest is adopted", () => {
    const q = at([account(1, 1, "user1"), account(2, 1, "user2"), account(3, 1, "user3")], [member(1), member(3), member(4)], {
      known: known({
        managedDomains: [managed(1)],
        managedAccounts: [managedAccount(1, 1, 1), managedAccount(2, 1, 2), managedAccount(4, 1, 4)],
      }),
    });
    expect(match(q).rows.map((r) => [r.place, r.situation])).toEqual([
      ["ROOT/ci/p1", "confirmed"],
      ["ROOT/ci/p1/user1", "confirmed"],
      ["ROOT/ci/p1/user2", "source_missing"],
      ["ROOT/ci/p1/user3", "found"],
      ["ROOT/ci/p1/user4", "absent"],
    ]);
    expect(match(q).domains).toMatchObject([{ isNew: false, accounts: [{ accountId: accountId(3) }] }]);
  });

  test("accounts of domains that are nobody's, and of the root, are unassigned", () => {
    const q = question({ domains: [domain(1, "other")], accounts: [account(1, 1, "a"), account(2, 99, "admin")] });
    expect(match(q).rows.map((r) => r.situation)).toEqual(["unassigned", "unassigned", "unassigned"]);
  });
});

test("between table and approval: gone, moved, another's, or with other accounts; what is new does not matter", () => {
  const before = question({ projects: [project(1, [member(1)])], domains: [domain(1)], accounts: [account(1, 1, "user1")] });
  const approved = match(before).domains;
  const now = (q: MatchQuestion) => whatMoved(approved, { ...match(q), observed: { domains: q.domains } as never });
  expect(now(before)).toEqual([]);
  expect(now({ ...before, domains: [domain(1), domain(2)], projects: [...before.projects, project(2)] })).toEqual([]);
  expect(now({ ...before, domains: [] })).toEqual(["ROOT/ci/p1 is no longer there"]);
  expect(now({ ...before, domains: [domain(1, "renamed")] })).toEqual(["ROOT/ci/p1 is now at ROOT/ci/renamed"]);
  expect(now({ ...before, projects: [project(1, [], { state: "closed" })] })).toMatchObject([expect.stringContaining("unqualified")]);
  expect(now({ ...before, projects: [project(1, [member(1)], { id: "p-9" as never })] })).toEqual(["ROOT/ci/p1 belongs to p1 now"]);
  expect(now({ ...before, accounts: [account(2, 1, "user1")] })).toEqual(["the account ROOT/ci/p1/user1 matches otherwise now"]);
  expect(now({ ...before, projects: [project(1)] })).toEqual(["the account ROOT/ci/p1/user1 matches otherwise now"]);
});

/** Worlds of few names, so that they collide. */
const world = fc.record({
  projects: fc.uniqueArray(fc.record({ n: fc.nat(5), closed: fc.boolean(), members: fc.uniqueArray(fc.nat(3), { maxLength: 3 }) }), {
    selector: (p) => p.n,
    maxLength: 6,
  }),
  domains: fc.uniqueArray(fc.record({ n: fc.nat(7), name: fc.nat(6), upper: fc.boolean(), depth: fc.constantFrom(1, 1, 1, 2) }), {
    selector: (d) => d.n,
    maxLength: 8,
  }),
  accounts: fc.uniqueArray(fc.record({ n: fc.nat(9), of: fc.nat(8), name: fc.nat(4), mail: fc.nat(4), users: fc.nat(2) }), {
    selector: (a) => a.n,
    maxLength: 10,
  }),
  managed: fc.uniqueArray(fc.record({ domain: fc.nat(7), project: fc.nat(6) }), { maxLength: 3, selector: (m) => m.domain }),
  recorded: fc.uniqueArray(fc.record({ account: fc.nat(9), domain: fc.nat(7), project: fc.nat(6), who: fc.nat(3) }), {
    maxLength: 3,
    selector: (m) => m.account,
  }),
  busy: fc.uniqueArray(fc.nat(7), { maxLength: 2 }),
  mapped: fc.option(fc.record({ project: fc.nat(5), domain: fc.nat(7) }), { nil: undefined }),
});

function built(w: typeof world extends fc.Arbitrary<infer W> ? W : never): MatchQuestion {
  return question({
    projects: w.projects.map((p) =>
      project(
        p.n,
        p.members.map((m) => member(m)),
        { state: p.closed ? "closed" : "active" },
      ),
    ),
    domains: w.domains.map((d) => domain(d.n, d.upper ? `P${d.name}` : `p${d.name}`, { depth: d.depth })),
    accounts: w.accounts.map((a) =>
      account(a.n, a.of, `user${a.name}`, {
        users: Array.from({ length: a.users }, (_, i) =>
          user(a.n * 10 + i, i === 0 ? `user${a.name}` : `more${a.n}`, `user${a.mail}@example.org`),
        ),
      }),
    ),
    known: known({
      managedDomains: w.managed.map((m) => managed(m.domain, { projectId: project(m.project).id })),
      managedAccounts: w.recorded.map((r) => ({ ...managedAccount(r.account, r.domain, r.who), projectId: project(r.project).id })),
      domainsUnderDeletion: w.busy.map(domainId),
    }),
    mapped: w.mapped === undefined ? [] : [{ projectId: project(w.mapped.project).id, domainId: domainId(w.mapped.domain) }],
  });
}

test("every object is in exactly one row of one situation, and what would be adopted is free and one to one", () => {
  fc.assert(
    fc.property(world, (w) => {
      const q = built(w);
      const { rows, domains } = match(q);
      const once = (listed: readonly string[], there: readonly string[]): void => expect(listed.toSorted()).toEqual(there.toSorted());
      once(
        rows.flatMap((r) => r.projects),
        q.projects.map((p) => p.id),
      );
      once(
        rows.flatMap((r) => r.domains),
        q.domains.map((d) => d.id),
      );
      once(
        rows.flatMap((r) => r.accounts),
        q.accounts.map((a) => a.id),
      );
      once(
        rows.flatMap((r) => r.users),
        q.accounts.flatMap((a) => a.users.map((u) => u.id)),
      );
      const members = rows.flatMap((r) => r.members);
      expect(new Set(members).size).toBe(members.length);
      for (const r of rows) expect(situations).toContain(r.situation);
      for (const d of domains.filter((one) => one.isNew)) {
        expect(q.known.managedDomains.map((m) => m.domainId)).not.toContain(d.domainId);
        expect(q.known.domainsUnderDeletion).not.toContain(d.domainId);
        expect(q.domains.find((one) => one.id === d.domainId)?.depth).toBe(1);
        expect(q.projects.find((p) => p.id === d.projectId)?.state).toBe("active");
      }
      expect(new Set(domains.map((d) => d.domainId)).size).toBe(domains.length);
      expect(new Set(domains.map((d) => d.projectId)).size).toBe(domains.length);
      const accounts = domains.flatMap((d) => d.accounts.map((a) => a.accountId));
      expect(new Set(accounts).size).toBe(accounts.length);
      for (const m of q.known.managedAccounts)
        expect(accounts.filter((a) => a === m.accountId && domains.some((d) => d.domainId === m.domainId))).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test("the order of the lists does not matter", () => {
  fc.assert(
    fc.property(world, fc.infiniteStream(fc.nat()), (w, chance) => {
      const q = built(w);
      const shuffled = <T>(list: readonly T[]): T[] =>
        list
          .map((one) => [chance.next().value, one] as const)
          .toSorted((a, b) => a[0] - b[0])
          .map(([, one]) => one);
      const other = { ...q, projects: shuffled(q.projects), domains: shuffled(q.domains), accounts: shuffled(q.accounts) };
      expect(match(other)).toEqual(match(q));
    }),
    { numRuns: 60 },
  );
});

test("an id that only Twokey derives is left to the next pass", () => {
  const id = domainIdFor(project(1).id, 1);
  const q = question({ projects: [project(1)], domains: [domain(1, "p1", { id })], derived: new Set([id]) });
  expect(match(q)).toMatchObject({ domains: [], rows: [{ situation: "unqualified" }, { situation: "absent" }] });
});
