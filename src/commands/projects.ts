import type { InventoryItem, ItemKind } from "../core/inventory.ts";
import type { ManagedAccount, ProjectDomain } from "../core/managed.ts";
import { notYours, type Asker } from "../core/people.ts";
import { failure, type Failure } from "../core/failure.ts";
import type { Clock } from "../core/clock.ts";
import type { CiUserId, DeletionId, DomainId, Instant, ProjectId, Slug } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { describeChange } from "../sync/planning/describe.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import type { DomainNow } from "../sync/planning/observed.ts";
import type { PlanRecord } from "../sync/execution/record.ts";
import { unmanagedNames } from "../sync/planning/left-alone.ts";
import type { Plan } from "../sync/planning/plan.ts";
import { holdsOfAll, overviewOf, type FleetFacts, type Overview } from "./attention.ts";
import { isLive, type LastDeletion } from "./deletion-parts.ts";
import { differencesOf } from "./differences.ts";

/** What `/ci-status` shows of one project. */
export interface ProjectStatus {
  readonly slug: string;
  /** Null: the CI database lists it no longer. */
  readonly project: DesiredProject | null;
  /** Whether the asker is a member of it, or was one of what was deleted. */
  readonly isMember: boolean;
  readonly domain: ProjectDomain | null;
  /** Its domain as CloudStack has it; null where there is none, or it could not be read. */
  readonly now: DomainNow | null;
  readonly items: readonly InventoryItem[] | null;
  /** When the newest verified copy of a thing was saved, by its id. */
  readonly copies: ReadonlyMap<string, Instant>;
  /** Users and accounts that cannot log in to CloudStack, a line for each. */
  readonly lockedOut: readonly string[];
  /** Whether the asker is one of them. */
  readonly isLockedOut: boolean;
  /** Sentences for what the next plan would change; null: not known. */
  readonly nextChanges: readonly string[] | null;
  /** How the CI database and CloudStack differ, grouped: a line for each kind of difference. */
  readonly differences: readonly string[];
  /** Why the project is not kept in step, and who lifts it, such as that its domain is there but was not adopted. */
  readonly held: readonly string[];
  /** Its newest deletion, ended or not; null: there was none. */
  readonly deletion: LastDeletion | null;
  /** What could not be read. */
  readonly troubles: readonly string[];
  /** Its domain is there, but not managed. */
  readonly isUnadopted: boolean;
  readonly at: Instant;
}

/** Projects, as commands use them; a user sees only projects they are a member of, the team sees all. */
export interface ProjectService {
  projectsOf(asker: Asker): Promise<Result<readonly DesiredProject[], Failure>>;
  /** One project. Errors: `refused`, in the same words whether it does not exist or is not theirs. */
  status(asker: Asker, slug: Slug): Promise<Result<ProjectStatus, Failure>>;
  /** All projects of the asker's, and what of them needs attention, without a question to CloudStack. */
  overview(asker: Asker): Promise<Result<Overview, Failure>>;
}

/** What the service is built on. */
export interface ProjectServiceContext {
  readonly projectsOf: (user: CiUserId | "all", since?: Instant) => Promise<Result<readonly DesiredProject[], Failure>>;
  readonly domainOf: (project: Pick<DesiredProject, "id" | "slug">) => Promise<ProjectDomain | null>;
  readonly readItems: (domain: ProjectDomain, kinds: readonly ItemKind[]) => Promise<Result<readonly InventoryItem[], Failure>>;
  readonly readDomainNow: (id: DomainId) => Promise<Result<DomainNow, Failure>>;
  readonly accountsOf: (id: DomainId) => Promise<readonly ManagedAccount[]>;
  readonly copyDates: (kinds: readonly ItemKind[], itemIds: readonly string[]) => Promise<ReadonlyMap<string, Instant>>;
  readonly preview: (project: ProjectId) => Promise<PlanRecord>;
  /** The CloudStack role of a CI role. */
  readonly roleOf: (ciRole: string) => string;
  readonly lastDeletion: (project: ProjectId) => Promise<LastDeletion | null>;
  readonly deletionNamed: (id: DeletionId) => Promise<LastDeletion | null>;
  /** The deletions of projects that the CI database may no longer list, the newest first, that certainly concern somebody. */
  readonly deletionsOf: (user: CiUserId | "all", slug: Slug | null) => Promise<readonly DeletionId[]>;
  /** Whether the CI database has no such project, for certain. Errors: it does not show that for certain. */
  readonly isAbsent: (project: ProjectId) => Promise<Result<boolean, Failure>>;
  readonly fleetFacts: () => Promise<FleetFacts>;
  readonly now: Clock;
}

/** Builds the service for questions about projects. */
export function createProjectService(c: ProjectServiceContext): ProjectService {
  const projectsOf = async (asker: Asker): Promise<Result<readonly DesiredProject[], Failure>> => {
    const user = whose(asker);
    return user === null ? ok([]) : c.projectsOf(user, asker.since);
  };
  return {
    projectsOf,
    async status(asker, slug) {
      const projects = await projectsOf(asker);
      if (!projects.ok) return projects;
      const project = projects.value.find((p) => p.slug === slug);
      const isMember = (p: DesiredProject): boolean => p.members.some((m) => m.userId === asker.operator.ciUserId);
      if (project !== undefined) return ok(await statusOf(project, isMember(project), asker.operator.ciUserId, c));
      return formerStatus(asker, slug, c);
    },
    async overview(asker) {
      const projects = await projectsOf(asker);
      if (!projects.ok) return projects;
      const overview = overviewOf(projects.value, await c.fleetFacts(), asker.isTeam);
      if (asker.isTeam) return ok(overview);
      return ok({ ...overview, former: await formerOf(asker, new Set(projects.value.map((p) => p.id)), c) });
    },
  };
}

function whose(asker: Asker): CiUserId | "all" | null {
  return asker.isTeam ? "all" : asker.operator.ciUserId;
}

function notCertain(slug: Slug): Failure {
  const remedy = "Ask again in a few minutes; the CI team sees what is wrong with its row.";
  return failure("unavailable", "project.not_certain", `The CI database does not say for certain whether it still has ${slug}`, { remedy });
}

/** The deletions of projects that the CI database no longer lists, of somebody who certainly was a member. */
async function formerOf(asker: Asker, listed: ReadonlySet<string>, c: ProjectServiceContext): Promise<readonly LastDeletion[]> {
  const user = asker.operator.ciUserId;
  const ids = user === null ? [] : await c.deletionsOf(user, null);
  const found = await Promise.all(ids.map((id) => c.deletionNamed(id)));
  const newest = new Map<string, LastDeletion>();
  for (const one of found) if (one !== null && !newest.has(one.view.projectId)) newest.set(one.view.projectId, one);
  const left = [...newest.values()].filter(({ view }) => !listed.has(view.projectId));
  const absent = await Promise.all(left.map(({ view }) => c.isAbsent(view.projectId)));
  // What is not certain is left out here; whoever asks for it by its name is told so.
  return left.filter((_, i) => absent[i]?.ok === true && absent[i].value);
}

/**
 * A project that the CI database no longer lists, by its deletion, and for the team by its domain too. Whom the CI database does not name
 * among the members of a project that it has, left it, whatever they were told once.
 *
 * Errors: there is nothing that they may see; whether the CI database has the project is not certain.
 */
async function formerStatus(asker: Asker, slug: Slug, c: ProjectServiceContext): Promise<Result<ProjectStatus, Failure>> {
  const user = whose(asker);
  const [id] = user === null ? [] : await c.deletionsOf(user, slug);
  const deletion = id === undefined ? null : await c.deletionNamed(id);
  const place = asker.isTeam ? (await c.fleetFacts()).places.find((p) => p.path?.endsWith(`/${slug}`)) : undefined;
  if (deletion === null && place === undefined) return err(notYours(slug));
  const absent = asker.isTeam || deletion === null ? ok(true) : await c.isAbsent(deletion.view.projectId);
  if (!absent.ok) return err(notCertain(slug));
  if (!absent.value) return err(notYours(slug));
  const domain = place === undefined || place.path === null ? null : { id: place.domainId, path: place.path };
  const of = { slug, project: null, isMember: !asker.isTeam, deletion };
  const none = { isLockedOut: false, nextChanges: [], differences: [], held: [], isUnadopted: false };
  return ok({ ...of, ...none, ...(await contentsOf(domain, deletion !== null && isLive(deletion.view), c)), domain, at: c.now() });
}

/** The kinds that `/ci-status` shows. */
const shownKinds: readonly ItemKind[] = ["machine", "volume", "snapshot", "template"];

/** What the domain holds now; null: it has none. While a deletion is under way, that all are shut out is said with it. */
async function contentsOf(domain: ProjectDomain | null, isBusy: boolean, c: ProjectServiceContext) {
  const [items, now] = domain === null ? [] : await Promise.all([c.readItems(domain, shownKinds), c.readDomainNow(domain.id)]);
  const things = items?.ok === true ? items.value : null;
  const domainNow = now?.ok === true ? now.value : null;
  const ids = (things ?? []).map((i) => i.id);
  return {
    now: domainNow,
    items: things,
    copies: await c.copyDates(shownKinds, ids),
    lockedOut: isBusy || domainNow === null ? [] : lockedOutOf(domainNow.accounts),
    troubles: [...new Set([items, now].flatMap((read) => (read?.ok === false ? [read.error.message] : [])))],
  };
}

async function statusOf(
  project: DesiredProject,
  isMember: boolean,
  reader: CiUserId | null,
  c: ProjectServiceContext,
): Promise<ProjectStatus> {
  const [domain, deletion] = await Promise.all([c.domainOf(project), c.lastDeletion(project.id)]);
  const isBusy = deletion !== null && isLive(deletion.view);
  const [contents, accounts, { plan }, facts] = await Promise.all([
    contentsOf(domain, isBusy, c),
    domain === null ? [] : c.accountsOf(domain.id),
    c.preview(project.id),
    c.fleetFacts(),
  ]);
  const own = accounts.find((a) => a.ciUserId === reader)?.accountId;
  const ownNow = contents.now?.accounts.filter((a) => a.id === own) ?? [];
  const unread = plan.holds.filter(isUnreadHold).map((h) => h.sentence);
  return {
    ...{ slug: project.slug, project, isMember, domain, deletion },
    ...contents,
    isLockedOut: !isBusy && ownNow.some((a) => lockedOutOf([a]).length > 0),
    nextChanges: unread.length > 0 ? null : [...plan.additive, ...plan.restrictive].map(describeChange),
    differences: isBusy ? [] : differencesOf({ project, now: contents.now, accounts, plan, roleOf: c.roleOf }),
    held: heldBy(plan, project.id, facts),
    isUnadopted: domain === null && (project.state === "closed" ? isLeftAlone(project, facts) : plan.holds.some(isToAdopt)),
    troubles: [...contents.troubles, ...unread],
    at: c.now(),
  };
}

/** What keeps this project's changes: its own holds, and what the newest plan over everything holds for all. */
function heldBy({ holds }: Plan, id: ProjectId, facts: FleetFacts): readonly string[] {
  const own = holds.filter((h) => h.projectId === id || h.blocks === "adopted" || (h.blocks === "everything" && !isUnreadHold(h)));
  const ofAll = holdsOfAll(facts.plan).filter((h) => h.blocks !== "deletions");
  return [...new Set([...own, ...ofAll].map((h) => `${h.sentence}. Lifted by: ${h.liftedBy}`))];
}

function isToAdopt({ kind, liftedBy }: Plan["holds"][number]): boolean {
  return kind === "name_in_the_way" && liftedBy.includes("/ci-adopt");
}

/** Whether a domain of its name is there that is not managed, as the newest plan over everything saw it. */
function isLeftAlone({ slug }: DesiredProject, { plan }: FleetFacts): boolean {
  return plan !== null && unmanagedNames(plan.plan).has(slug);
}

function isUnreadHold({ kind }: Plan["holds"][number]): boolean {
  return kind === "observed_partial" || kind === "desired_partial";
}

function lockedOutOf(accounts: DomainNow["accounts"]): readonly string[] {
  return accounts.flatMap((account) =>
    account.state !== "enabled"
      ? [`${account.name}: the account is ${account.state}`]
      : account.users
          .filter((u) => u.state !== "enabled")
          .map((u) => `${u.username}: the user is ${u.state}, perhaps after wrong passwords`),
  );
}
