import { addManagedRoot } from "../../demo/keys.ts";
import { recordAsMadeBefore } from "../../demo/made-before.ts";
import { startCloudStackEmulator, type CloudStackEmulator } from "../../emulators/cloudstack/server.ts";
import { accountIdFor, domainIdFor, userIdFor } from "../../src/core/derived-ids.ts";
import type { CiUserId, Instant, ProjectId, Slug } from "../../src/core/ids.ts";
import type { DeletionView } from "../../src/deletion/view.ts";
import type { PolicyChangeView } from "../../src/policy/ports.ts";
import type { Database } from "../../src/store/db.ts";
import { seedPolicy } from "../../src/store/policies.ts";
import { NOWHERE } from "../../emulators/cloudstack/nowhere.ts";
import { configOf } from "../support/bot.ts";
import type { Approvals } from "./approvals.ts";
import { createMemoryArchive, type MemoryArchive } from "./archive.ts";
import type { CiProject, CiTruth } from "./ci.ts";
import { team, users, type GroupMood, type Identity, type Person } from "./people.ts";
import { PolicyBook } from "./policy-book.ts";
import { createChance, type Chance } from "./random.ts";

/** Times of the simulation's deletions. Units: ms. */
export const times = { coolOffMs: 600_000, graceMs: 7_200_000, expiresMs: 86_400_000 } as const;
/** How long CloudStack keeps a destroyed machine. Units: ms. */
export const expungeDelayMs = 3_600_000;
/** How many domains may enter the irreversible part. */
export const budget = { perDay: 2, perWeek: 3 } as const;
/** What each process is told from outside. Units: seconds. */
export const config = configOf({
  CLOUDSTACK_API_URL: `${NOWHERE}/client/api`,
  CLOUDSTACK_PROTECTED_DOMAINS: "ROOT/ci/alpha",
  TWOKEY_APPROVAL_SECONDS: String(times.expiresMs / 1000),
  TWOKEY_COOL_OFF_SECONDS: String(times.coolOffMs / 1000),
  TWOKEY_GRACE_SECONDS: String(times.graceMs / 1000),
  TWOKEY_DELETIONS_PER_DAY: String(budget.perDay),
  TWOKEY_DELETIONS_PER_WEEK: String(budget.perWeek),
  TWOKEY_PROPOSALS_PER_PASS: "5",
  TWOKEY_RESTRICTIONS_PER_PASS: "5",
  TWOKEY_CHANGES_PER_PASS: "100",
  TWOKEY_SHRINK_MIN_SHARE: "0.5",
  TWOKEY_ABSENCE_READS: "3",
  TWOKEY_ABSENCE_SECONDS: "21600",
  TWOKEY_SNAPSHOT_AGE_SECONDS: "600",
});
/** What the policy says at the start; people change it. */
export const firstPolicy = config.policy;
/** The project whose domain is on the protected list. */
export const protectedSlug = "alpha";

/** Everything that is true in one run, whatever the bot believes. */
export interface World {
  readonly seed: number;
  readonly chance: Chance;
  /** A source of its own for what came to the simulation later: it changes nothing else in a seed's run. */
  readonly more: Chance;
  /** How often things go wrong and people change their minds, 0…1: calm runs reach the end of deletions, wild ones shake every step. */
  readonly chaos: number;
  /** `setBackMs`: by how much it was set back altogether. Units: ms. */
  readonly clock: { at: number; setBackMs: number };
  readonly db: Database;
  readonly cloud: CloudStackEmulator;
  readonly ci: CiTruth;
  readonly archive: MemoryArchive;
  readonly directory: {
    approvers: Person[];
    isAway: boolean;
    mood: GroupMood;
    /** When somebody first heard the answer that lost people; null: the answers are whole. */
    liedSince?: number | null;
    /** Whether people really came or left, or clocks jumped: then an end for want of approvers may be right. */
    isUnsteady?: boolean;
  };
  /** Who is known as somebody else than at first, by name; and in which way they once were. */
  readonly identities: Map<string, Identity>;
  readonly changedIdentity: Map<string, "row" | "account">;
  /** Deletions that people ended or asked back. */
  readonly askedBack: Set<string>;
  /** Ids of domains that somebody changed by hand. */
  readonly touched: Set<string>;
  /** A command that a key's role lacks just now. */
  lacking: { readonly role: string; readonly command: string } | null;
  /** Every card that was ever shown, oldest first. */
  readonly cards: DeletionView[];
  /** Deletions that are to be woken, and when. */
  readonly queue: Map<string, number>;
  /** What people approved as far as they know, by deletion and person. */
  readonly approvals: Map<string, Approvals>;
  /** Changes of policy that were ever shown, oldest first. */
  readonly policyCards: PolicyChangeView[];
  /** What people made of the policy, by the simulation's own book. */
  readonly book: PolicyBook;
  /** Whether everything is stopped, and since how much `passed`. */
  readonly stop: { isOn: boolean; since: number };
  readonly trace: string[];
  readonly violations: string[];
}

/** Writes one line of the run's story. */
export function tell(w: World, line: string): void {
  w.trace.push(`${new Date(w.clock.at).toISOString().slice(0, 19)} ${line}`);
}

/** Makes the world of a seed: a few projects with their domains, machines and templates, and a domain nobody manages. */
export async function createWorld(seed: number, db: Database): Promise<World> {
  const chance = createChance(seed);
  const chaos = chance.next();
  const clock = { at: Date.UTC(2026, 0, 5, 8), setBackMs: 0 };
  const cloud = await startCloudStackEmulator({
    listens: false,
    now: () => clock.at,
    newId: () => chance.uuid(),
    jobMs: 1500,
    expungeDelayMs,
    expungeIntervalMs: 60_000,
    accountCleanupIntervalMs: 600_000,
    templateBytes: 600,
  });
  const slugs = [protectedSlug, "beta", "gamma", "delta", "eps"].slice(0, 3 + chance.below(2));
  const projects = slugs.map((slug): CiProject => ({
    id: `p-${slug}` as ProjectId,
    slug: slug as Slug,
    state: "active",
    closedBy: null,
    closedAt: null,
    members: users.filter(() => chance.hit(0.5)).map((u) => u.ciUserId),
  }));
  const world: World = {
    seed,
    chance,
    chaos,
    clock,
    db,
    cloud,
    ci: { projects, mood: "honest" },
    archive: createMemoryArchive(),
    directory: { approvers: team.filter((p) => p.name !== "Dora"), isAway: false, mood: "honest" },
    ...undisturbed(seed),
    cards: [],
    queue: new Map(),
    approvals: new Map(),
    policyCards: [],
    book: new PolicyBook(firstPolicy, clock.at),
    stop: { isOn: false, since: 0 },
    trace: [],
    violations: [],
  };
  await db.tx((q) => seedPolicy(q, firstPolicy, clock.at));
  const top = addManagedRoot(cloud);
  for (const project of projects) if (chance.hit(0.9)) furnish(world, top, project);
  const lab = cloud.addDomain({ name: "old-lab", parent: top });
  cloud.addMachine({ account: cloud.addAccount({ domain: lab, name: "keeper" }).accountId, name: "forgotten" });
  await recordAsMadeBefore(db, cloud);
  const outside = cloud.addDomain({ name: "payroll" });
  cloud.addTemplate({ account: cloud.addAccount({ domain: outside, name: "payroll" }).accountId, name: "payroll-image" });
  return world;
}

/** A world in which nobody is known as somebody else, and nobody has changed anything by hand yet. */
export function undisturbed(seed: number): Pick<World, "more" | "identities" | "changedIdentity" | "askedBack" | "touched" | "lacking"> {
  return {
    more: createChance(seed ^ 0x2b0b5),
    identities: new Map(),
    changedIdentity: new Map(),
    askedBack: new Set(),
    touched: new Set(),
    lacking: null,
  };
}

function furnish(w: World, top: string, project: CiProject): void {
  const { cloud, chance } = w;
  const domain = cloud.addDomain({ name: project.slug, parent: top, id: domainIdFor(project.id, 1) });
  for (const member of project.members) {
    const person = users.find((u) => u.ciUserId === member);
    const name = (person?.name ?? member).toLowerCase();
    const { accountId } = cloud.addAccount({
      domain,
      name,
      id: accountIdFor(project.id, 1, member),
      userId: userIdFor(project.id, 1, member),
      email: `${name}@example.org`,
      firstname: person?.name ?? member,
      lastname: "Doe",
    });
    if (chance.hit(0.4)) addThing(w, accountId);
    if (chance.hit(0.5)) cloud.addTemplate({ account: accountId, name: `${project.slug}-image` });
  }
}

/** Adds a machine, mostly stopped, or a disk or a snapshot of it, to an account: what its people do all day. */
export function addThing(w: World, account: string): void {
  const { cloud, chance } = w;
  const machine = cloud.addMachine({ account, name: `m${chance.below(1000)}`, stopped: chance.hit(0.9) });
  if (chance.hit(0.3)) cloud.addVolume({ account, name: `d${chance.below(1000)}`, machine });
  // A choice of its own: the other choices of a seed stay as they were.
  if (machine.charCodeAt(0) % 2 === 0) addRules(cloud, account);
  if (chance.hit(0.3)) cloud.addSnapshot({ machine, name: `s${chance.below(1000)}` });
}

/** As nearly every network has them: what may go out, and a door for a person. */
function addRules(cloud: CloudStackEmulator, account: string): void {
  const network = cloud
    .tree()
    .children.flatMap((d) => d.children)
    .flatMap((d) => d.accounts)
    .find((a) => a.id === account)?.networks[0]?.id;
  if (network === undefined) return;
  cloud.addFirewallRule({ network, egress: true });
  cloud.addFirewallRule({ network, port: 22 });
}

/** The CI user ids of a project's members who could be given or taken a membership. */
export function otherUsers(project: CiProject): readonly CiUserId[] {
  return users.map((u) => u.ciUserId).filter((id) => !project.members.includes(id));
}

/** The time that has really passed: a clock that is set back takes none of it away. Units: ms. */
export function passed({ clock }: Pick<World, "clock">): number {
  return clock.at + clock.setBackMs;
}

/** The world's clock. */
export function nowOf(w: World): Instant {
  return w.clock.at as Instant;
}
