import type { RehearsalSeed } from "./seed-file.ts";

type Person = RehearsalSeed["people"][number];
type Project = RehearsalSeed["projects"][number];
type Domain = RehearsalSeed["domains"][number];

const TEAM = [
  ["u-1001", "ada", "Ada", "Novak", "U0ADA0001"],
  ["u-1002", "ben", "Ben", "Okafor", "U0BEN0002"],
  ["u-1003", "chen", "Chen", "Li", "U0CHEN003"],
  ["u-1004", "mia", "Mia", "Torres", "U0MIA0004"],
] as const;
/** A CI user, and no approver. */
const MIA = "u-1004";
/** Below this there is no room for what is odd. */
const ODD_FROM = 10;

/**
 * A CI service that has run for years: each project has a domain already, which nobody made by the bot. From ten projects on nine of
 * them are odd, and Mia is a member of the tenth, as docs/rehearsal.md lists it.
 */
export function exampleSeed(o: { readonly projects: number; readonly members: number }): RehearsalSeed {
  const members = (n: number): readonly Person[] => Array.from({ length: o.members }, (_, m) => memberOf(n, m + 1));
  const numbers = Array.from({ length: o.projects }, (_, i) => i + 1);
  const seed = {
    people: [...TEAM.map(teamMember), ...numbers.flatMap(members)],
    projects: numbers.map((n): Project => projectOf(n, members(n))),
    domains: numbers.map((n): Domain => domainOf(n, members(n))),
  };
  return o.projects < ODD_FROM ? seed : withOddities(seed);
}

function teamMember([id, username, firstName, lastName, slackId]: (typeof TEAM)[number]): Person {
  return { id, username, email: `${username}@example.org`, firstName, lastName, slackId, isApprover: username !== "mia" };
}

function memberOf(project: number, member: number): Person {
  const username = `user${project}-${member}`;
  const lastName = `${project}-${member}`;
  return { id: `u-${lastName}`, username, email: `${username}@example.org`, firstName: "User", lastName, isApprover: false };
}

function projectOf(n: number, members: readonly Person[]): Project {
  const roles = members.map(({ id }, place) => ({ person: id, role: place === 0 ? "owner" : "member" }));
  return { id: `p-${n}`, slug: `project-${n}`, name: `Project ${n}`, isClosed: false, members: roles };
}

/** Every tenth domain has a machine and a template. */
function domainOf(n: number, members: readonly Person[]): Domain {
  const accounts = members.map(({ username, email, firstName, lastName }, place) => ({
    name: username,
    ...(email === null ? {} : { email }),
    firstName,
    lastName,
    machines: n % 10 === 0 && place === 0 ? [`build-${n}`] : [],
    templates: n % 10 === 0 && place === 0 ? [{ name: `builder-${n}`, bytes: 200_000 }] : [],
  }));
  return { name: `project-${n}`, accounts };
}

function withOddities(seed: RehearsalSeed): RehearsalSeed {
  const mia = seed.people.find((p) => p.id === MIA);
  const odd: Readonly<Record<string, (d: Domain) => readonly Domain[]>> = {
    "project-1": (d) => [{ ...d, name: "first-project-old" }],
    "project-2": () => [],
    "project-3": ({ accounts, ...d }) => [{ ...d, accounts: accounts.slice(1) }],
    "project-4": (d) => [changed(d, { email: "somebody.else@example.org" })],
    "project-5": (d) => [changed(d, { name: "renamed" })],
    "project-6": (d) => [{ ...d, accounts: [...d.accounts, ...d.accounts.slice(0, 1).map((a) => ({ ...a, name: `${a.name}-again` }))] }],
    "project-7": (d) => [{ ...d, accounts: [...d.accounts, { name: "robot", email: "robot@example.org", machines: [], templates: [] }] }],
    "project-10": (d) => [mia === undefined ? d : withMia(d, mia)],
  };
  const projects: Readonly<Record<string, (p: Project) => Project>> = {
    "p-8": (p) => ({ ...p, isClosed: true }),
    // Its domain has no limit at all: to set one takes something away.
    "p-9": (p) => ({ ...p, limits: { user_vm: 5 } }),
    "p-10": (p) => ({ ...p, members: [...p.members, { person: MIA, role: "member" }] }),
  };
  return {
    people: seed.people,
    projects: seed.projects.map((p) => projects[p.id]?.(p) ?? p),
    domains: [...seed.domains.flatMap((d) => odd[d.name]?.(d) ?? [d]), { name: "old-lab", accounts: [] }],
  };
}

/** With an account of Mia's, who has a template to export. */
function withMia({ name, accounts }: Domain, mia: Person): Domain {
  const { username, email, firstName, lastName } = mia;
  const templates = [{ name: "mia-builder", bytes: 200_000 }];
  return {
    name,
    accounts: [
      ...accounts,
      { name: username, ...(email === null ? {} : { email }), firstName, lastName, machines: ["mia-build"], templates },
    ],
  };
}

/** A domain whose first account is another. */
function changed({ name, accounts }: Domain, change: Partial<Domain["accounts"][number]>): Domain {
  return { name, accounts: accounts.map((a, place) => (place === 0 ? { ...a, ...change } : a)) };
}
