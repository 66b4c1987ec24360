import { accountIdFor, domainIdFor, userIdFor } from "../../core/derived-ids.ts";
import { groupBy } from "../../core/group-by.ts";
import type { DomainId } from "../../core/ids.ts";
import type { DesiredMember, DesiredProject } from "./desired.ts";
import type { CompleteInput, PartialInput } from "./input.ts";
import type { LimitType, ManagedAccount, ManagedDomain } from "../../core/managed.ts";
import type { ObservedAccount, ObservedDomain } from "./observed.ts";
import type { AdditiveChange, Drift, Hold, PersonData, RestrictiveChange } from "./plan.ts";
import { isOfEarlierVersion, namesOwner, roleFor, wordsFor, type PlanPolicy } from "./policy.ts";

/** The differences of the two sides. */
export interface Differences {
  readonly additive: readonly AdditiveChange[];
  readonly restrictive: readonly RestrictiveChange[];
  readonly drift: readonly Drift[];
  readonly holds: readonly Hold[];
}

/**
 * Compares desired with observed, project by project.
 *
 * | project | domain | what follows |
 * | active | not there | create it, unless its name is in the way or it vanished |
 * | active | there | repair accounts, users, limits; change roles, lock leavers (complete reads only) |
 * | closed | there | nothing here: `planDeletions` proposes its deletion |
 * | held | any | nothing |
 *
 * Restrictions need both sides complete: losing a page, a row or a side never adds one. Invariant: INV-6, INV-7.
 */
export function planChanges(input: PartialInput | CompleteInput, policy: PlanPolicy): Differences {
  const c = new Comparison(input, policy);
  const heldProjects = new Set(input.desired.held.filter((h) => h.userId === null).map((h) => h.projectId));
  for (const project of input.desired.projects) if (!heldProjects.has(project.id)) c.compareProject(project);
  return c.result();
}

/** Carries the lists while projects are compared. */
class Comparison {
  readonly #additive: AdditiveChange[] = [];
  readonly #restrictive: RestrictiveChange[] = [];
  readonly #drift: Drift[] = [];
  readonly #holds: Hold[] = [];
  readonly #input: PartialInput | CompleteInput;
  readonly #policy: PlanPolicy;
  readonly #complete: boolean;
  readonly #domains: ReadonlyMap<string, ObservedDomain>;
  readonly #accounts: ReadonlyMap<string, readonly ObservedAccount[]>;
  readonly #managed: ReadonlyMap<string, ManagedDomain>;
  #everywhere: ReadonlyMap<string, ManagedAccount> | null = null;
  readonly #managedIn: ReadonlyMap<string, readonly ManagedAccount[]>;
  readonly #names: ReadonlyMap<string, { readonly path: string; readonly id: DomainId | null }>;
  readonly #heldMembers: ReadonlySet<string>;
  readonly #busy: ReadonlySet<string>;

  constructor(input: PartialInput | CompleteInput, policy: PlanPolicy) {
    const { observed, known, desired } = input;
    this.#input = input;
    this.#policy = policy;
    this.#complete = input.coverage === "complete";
    this.#domains = new Map(observed.domains.map((d) => [d.id, d]));
    this.#accounts = groupBy(observed.accounts, (a) => a.domainId);
    this.#managed = new Map(known.managedDomains.map((m) => [m.projectId, m]));
    this.#managedIn = groupBy(known.managedAccounts, (m) => m.domainId);
    const top: readonly (readonly [string, { readonly path: string; readonly id: DomainId | null }])[] = [
      ...observed.domains.filter((d) => d.depth === 1).map(({ name, path, id }) => [name.toLowerCase(), { path, id }] as const),
      ...observed.nonUuid.map(({ path }) => [path.split("/").at(-1)?.toLowerCase() ?? "", { path, id: null }] as const),
    ];
    this.#names = new Map(top);
    this.#heldMembers = new Set(desired.held.map((h) => `${h.projectId} ${h.userId}`));
    this.#busy = new Set(known.domainsUnderDeletion);
  }

  /** What is recorded of an account in this domain; a map of all would be the largest thing of a plan, and is rarely needed. */
  #recordOf(account: ObservedAccount, domainId: DomainId): ManagedAccount | undefined {
    const here = this.#managedIn.get(domainId)?.find((m) => m.accountId === account.id);
    if (here !== undefined) return here;
    this.#everywhere ??= new Map(this.#input.known.managedAccounts.map((m) => [m.accountId, m]));
    return this.#everywhere.get(account.id);
  }

  result(): Differences {
    return { additive: this.#additive, restrictive: this.#restrictive, drift: this.#drift, holds: this.#holds };
  }

  compareProject(project: DesiredProject): void {
    if (project.state === "closed") return;
    const record = this.#managed.get(project.id);
    const next = this.#input.known.generations[project.id] ?? 1;
    const generation = Math.max(record?.generation ?? 1, next);
    const isOld = record !== undefined && record.generation < generation;
    const domainId = record !== undefined && !isOld ? record.domainId : domainIdFor(project.id, generation);
    if (this.#busy.has(domainId)) return;
    const domain = this.#domains.get(domainId);
    if (domain === undefined) return this.#missingDomain(project, domainId, generation, record !== undefined && !isOld);
    if (domain.name !== project.slug) {
      const remedy = `rename it with updateDomain id=${domain.id} name=${project.slug}`;
      this.#drift.push(driftOf("renamed", domain.path, `${domain.path} belongs to the project now called ${project.slug}; ${remedy}`));
    }
    this.#compareLimits(project, domain);
    this.#compareAccounts(project, domain, generation);
  }

  #missingDomain(project: DesiredProject, domainId: DomainId, generation: number, vanished: boolean): void {
    const { observed } = this.#input;
    const looked = observed.coverage === "complete" || observed.scope.kind === "project";
    if (!looked || observed.root === null) return;
    if (vanished)
      return this.#hold(project, `the domain of ${project.slug} is no longer listed: deleted by somebody else, or hidden as Inactive`);
    const inTheWay = this.#names.get(project.slug.toLowerCase());
    if (inTheWay !== undefined) {
      const before = this.#formerOwner(project, inTheWay.id);
      if (before !== null) {
        const sentence = `${inTheWay.path} is still the domain of project ${before.id}, which had this slug before and is closed; project ${project.id} gets its own once that one is deleted`;
        return this.#hold(project, sentence, "the deletion of that domain");
      }
      const sentence = `${inTheWay.path} has the name of ${project.slug} but was not made by Twokey`;
      return this.#hold(project, sentence, this.#liftedByAdoption("domain"));
    }
    const path = `${observed.root.path}/${project.slug}` as ObservedDomain["path"];
    const { slug: name } = project;
    this.#additive.push({ kind: "create_domain", ...named(project, domainId), generation, name, parentId: observed.root.id, path });
    for (const member of project.members) this.#createAccount(project, domainId, generation, member);
    for (const [type, to] of limitEntries(project))
      if (to !== -1) this.#additive.push({ kind: "raise_limit", ...named(project, domainId), type, from: 0, to });
  }

  /** The closed project of the same slug to which a managed domain belongs; null: there is none. */
  #formerOwner({ slug }: DesiredProject, domainId: DomainId | null): DesiredProject | null {
    const record = this.#input.known.managedDomains.find((m) => m.domainId === domainId);
    const owner = record === undefined ? undefined : this.#input.desired.projects.find((p) => p.id === record.projectId);
    return owner?.state === "closed" && owner.slug === slug ? owner : null;
  }

  #compareLimits(project: DesiredProject, domain: ObservedDomain): void {
    if (domain.limits === null) return;
    for (const [type, to] of limitEntries(project)) {
      const from = domain.limits[type];
      if (from === undefined || from === to) continue;
      if (to === -1 || (from !== -1 && to > from))
        this.#additive.push({ kind: "raise_limit", ...named(project, domain.id), type, from, to });
      else if (this.#complete) this.#restrictive.push({ kind: "lower_limit", ...named(project, domain.id), type, from, to });
    }
  }

  #compareAccounts(project: DesiredProject, domain: ObservedDomain, generation: number): void {
    const accounts = this.#accounts.get(domain.id) ?? [];
    const ours = new Set<string>();
    const adopted = new Map((this.#managedIn.get(domain.id) ?? []).map((m) => [m.ciUserId, m.accountId]));
    for (const member of project.members) {
      const id = adopted.get(member.userId) ?? accountIdFor(project.id, generation, member.userId);
      ours.add(id);
      const account = accounts.find((a) => a.id === id);
      if (account !== undefined) this.#compareAccount(project, domain, account, member, generation);
      else this.#missingAccount(project, domain, generation, member, accounts, adopted.has(member.userId));
    }
    for (const account of accounts) {
      if (ours.has(account.id)) continue;
      const record = this.#recordOf(account, domain.id);
      // An account that is another project's by our record has not left this one, whatever domain CloudStack shows it in.
      if (record === undefined || record.projectId !== project.id) {
        const sentence = `account ${account.name} in ${domain.path} was not made by Twokey for this project; it is left alone`;
        this.#drift.push(driftOf("unmanaged_account", `${domain.path}/${account.name}`, sentence));
      } else this.#compareLeaver(project, domain, account, record);
    }
  }

  #compareLeaver(project: DesiredProject, domain: ObservedDomain, account: ObservedAccount, record: ManagedAccount): void {
    const { ciUserId } = record;
    const isHeld = [`${project.id} ${ciUserId}`, `null ${ciUserId}`, `${project.id} null`, "null null"].some((k) =>
      this.#heldMembers.has(k),
    );
    if (!this.#complete || isHeld || account.state !== "enabled") return;
    const { id: accountId, name: username } = account;
    this.#restrictive.push({ kind: "lock_account", ...named(project, domain.id), accountId, username, ciUserId });
  }

  #missingAccount(
    project: DesiredProject,
    domain: ObservedDomain,
    generation: number,
    member: DesiredMember,
    accounts: readonly ObservedAccount[],
    vanished: boolean,
  ): void {
    const { observed } = this.#input;
    if (observed.coverage !== "complete" && observed.scope.kind !== "project") return;
    const lost = `the account of ${member.username} in ${domain.path} was removed by somebody else`;
    if (vanished) return this.#hold(project, lost, undefined, member.userId);
    const name = member.username.toLowerCase();
    const named = accounts.find((a) => a.name.toLowerCase() === name || a.users.some((u) => u.username.toLowerCase() === name));
    if (named !== undefined) {
      const { ciUserId: owner } = this.#ownRecord(project, domain, named) ?? { ciUserId: null };
      if (owner !== null) return this.#heldByAnother(project, domain, named, { owner, member });
      const sentence = `${domain.path} already has an account or user ${member.username} that was not made by Twokey`;
      return this.#hold(project, sentence, this.#liftedByAdoption("account"), member.userId);
    }
    this.#createAccount(project, domain.id, generation, member);
  }

  /** What is recorded of an account as this project's. */
  #ownRecord(project: DesiredProject, domain: ObservedDomain, account: ObservedAccount): ManagedAccount | null {
    const record = namesOwner(this.#policy) ? this.#recordOf(account, domain.id) : undefined;
    return record?.projectId === project.id ? record : null;
  }

  /**
   * A person who was entered again, or another one who got the username: nobody here can tell, and the account's machines are its owner's.
   * Adopting it is no way out, since it is managed.
   */
  #heldByAnother(
    project: DesiredProject,
    domain: ObservedDomain,
    account: ObservedAccount,
    { owner, member }: { readonly owner: string; readonly member: DesiredMember },
  ): void {
    const sentence = `account ${account.name} in ${domain.path} is that of the CI user ${owner}; ${member.userId}, who has the username ${member.username} now, gets none while it is called so`;
    const same = `if they are one person, by giving them the id ${owner} again in the CI database`;
    const remedy = `the CI team: ${same}; else by renaming that account and its user in CloudStack (updateAccount id=${account.id}, updateUser)`;
    this.#hold(project, sentence, remedy, member.userId);
  }

  #createAccount(project: DesiredProject, domainId: DomainId, generation: number, member: DesiredMember): void {
    this.#additive.push({
      kind: "create_account",
      ...named(project, domainId),
      ciUserId: member.userId,
      accountId: accountIdFor(project.id, generation, member.userId),
      userId: userIdFor(project.id, generation, member.userId),
      person: personOf(member),
      role: roleFor(this.#policy, member.role),
    });
  }

  #compareAccount(
    project: DesiredProject,
    domain: ObservedDomain,
    account: ObservedAccount,
    member: DesiredMember,
    generation: number,
  ): void {
    // Nothing is made for an account that is as it should be: there are a million of them.
    const base = (): ReturnType<typeof named> & { readonly accountId: ObservedAccount["id"] } => ({
      ...named(project, domain.id),
      accountId: account.id,
    });
    const record = this.#recordOf(account, domain.id);
    const role = roleFor(this.#policy, member.role);
    if (account.roleName !== "" && account.roleName !== role) {
      const change = { kind: "set_role", ...base(), username: account.name, from: account.roleName, to: role } as const;
      if (isOfEarlierVersion(this.#policy)) this.#additive.push(change);
      else if (this.#complete) this.#restrictive.push(change);
    }
    if (account.state !== "enabled") {
      if (account.state === "locked" && record?.lockedByUs === true)
        this.#additive.push({ kind: "unlock_account", ...base(), username: account.name });
      else {
        const sentence = `account ${account.name} in ${domain.path} was ${account.state} by somebody else; it is left so`;
        const kind = account.state === "locked" ? "locked_by_others" : "disabled";
        this.#drift.push(driftOf(kind, `${domain.path}/${account.name}`, sentence));
      }
      return;
    }
    // An adopted account has a user of its own id, perhaps of another name.
    const recorded = record?.userId;
    const only = account.users[0];
    // To derive an id takes longer than all else here, and is rarely needed.
    const expected =
      only !== undefined && only.id === recorded && account.users.length === 1 ? only.id : userIdFor(project.id, generation, member.userId);
    const user =
      account.users.find((u) => u.id === recorded || u.id === expected) ??
      account.users.find((u) => u.username.toLowerCase() === member.username.toLowerCase());
    if (user === undefined) {
      this.#additive.push({ kind: "create_user", ...base(), accountName: account.name, userId: expected, person: personOf(member) });
      return;
    }
    if (user.state !== "enabled" && !isOfEarlierVersion(this.#policy)) {
      const why = "after wrong passwords, or by somebody else; it is left so";
      const sentence = `user ${user.username} in ${domain.path} is ${user.state} in CloudStack, ${why}`;
      this.#drift.push(driftOf("disabled", `${domain.path}/${account.name}/${user.username}`, sentence));
    }
    if (user.email === member.email && user.firstName === member.firstName && user.lastName === member.lastName) return;
    const from: PersonData = { username: user.username, email: user.email, firstName: user.firstName, lastName: user.lastName };
    const to: PersonData = { ...personOf(member), username: user.username };
    this.#additive.push({ kind: "update_user", ...base(), userId: user.id, from, to });
  }

  /** Plans of earlier versions, which knew of no adoption, are made again in their own words. Invariant: INV-7. */
  #liftedByAdoption(what: "domain" | "account"): string {
    if (this.#input.known.firstPlan === undefined) return `the CI team, by renaming or adopting that ${what}`;
    return `two approvers, by adopting it: /ci-adopt; or the CI team, by renaming that ${what}`;
  }

  #hold(project: DesiredProject, sentence: string, liftedBy = "the CI team, after looking in CloudStack", about?: string): void {
    const which = { projectId: project.id, ...(about === undefined ? {} : { about }) };
    this.#holds.push({ kind: "name_in_the_way", blocks: "one_project", sentence, liftedBy, ...which });
  }
}

function named(project: DesiredProject, domainId: DomainId) {
  return { projectId: project.id, slug: project.slug, domainId };
}

function personOf(member: DesiredMember): PersonData {
  return { username: member.username, email: member.email, firstName: member.firstName, lastName: member.lastName };
}

function limitEntries(project: DesiredProject): readonly (readonly [LimitType, number])[] {
  return Object.entries(project.limits).toSorted(([a], [b]) => (a < b ? -1 : 1)) as unknown as readonly (readonly [LimitType, number])[];
}

/** The domains of no desired project: nested, unmanaged or orphaned. They are shown with every plan and left alone. */
export function domainDrift(input: PartialInput | CompleteInput, policy: PlanPolicy): readonly Drift[] {
  if (input.coverage !== "complete") return [];
  const managed = new Map(input.known.managedDomains.map((m) => [m.domainId, m]));
  const drift: Drift[] = [];
  for (const domain of input.observed.domains) {
    const record = managed.get(domain.id);
    const { path } = domain;
    if (domain.depth > 1) drift.push(driftOf("nested_domain", path, `${path} was made inside a project's domain; it is left alone`));
    else if (record === undefined) drift.push(driftOf("unmanaged_domain", path, `${path} was not made by Twokey; it is left alone`));
    else if (input.desired.find(record.projectId) === undefined && !input.desired.isHeld(record.projectId)) {
      const since = record.absence === null ? "now" : `${record.absence.reads} ${wordsFor(policy, record.absence.reads, "read", "reads")}`;
      const sentence = `${path}: its project ${record.projectId} is no longer listed (since ${since}); it is left alone`;
      drift.push(driftOf("orphaned", path, sentence));
    }
  }
  for (const { path } of input.observed.nonUuid)
    drift.push(driftOf("unmanaged_domain", path, `${path} has an id that is no UUID; it is left alone`));
  return drift;
}

function driftOf(kind: Drift["kind"], path: string, sentence: string): Drift {
  return { kind, path, sentence };
}
