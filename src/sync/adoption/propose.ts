import { unconfirmedScope } from "../../approvals/ballot.ts";
import type { AdoptionBody, AdoptionDomain, AdoptionRow, Rest } from "../../core/adoption.ts";
import { describeClaims } from "../../core/claims.ts";
import { after } from "../../core/clock.ts";
import { digestOf } from "../../core/digest.ts";
import { fail, failure, type Failure } from "../../core/failure.ts";
import { isOneOf, teamOnly, type Asker } from "../../core/people.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { listed } from "../../core/shown-text.ts";
import { DAY_MS } from "../../core/units.ts";
import { countDeletionsOf, endAdoption, insertAdoption, readOpenAdoption } from "../../store/adoptions.ts";
import { recordAudit } from "../../store/audit.ts";
import { readRestrictions } from "../../store/intents.ts";
import { mergedNote, readIdentities, readPersons } from "../../store/known-accounts.ts";
import { readKnownState, readManagedPlaces } from "../../store/managed.ts";
import type { PolicyNow } from "../../core/policy.ts";
import { refusalWhileStopped } from "../execution/pass-lock.ts";
import { findOwner } from "../execution/reconcile.ts";
import { waitingDomains } from "../planning/build-plan.ts";
import { describeChange } from "../planning/describe.ts";
import type { DesiredProject } from "../planning/desired.ts";
import type { Plan } from "../planning/plan.ts";
import type { AdoptionContext } from "./context.ts";
import { nextPortion, type MadeBefore } from "./portion.ts";
import { readKnown, survey, type Mapping, type Survey } from "./survey.ts";

/** What came of a proposal. */
export interface Proposed {
  /** The question that people decide; null: there is nothing to decide. */
  readonly id: string | null;
  /** The same was proposed before and is still open. */
  readonly wasOpen: boolean;
  readonly rows: readonly AdoptionRow[];
  readonly domains: readonly AdoptionDomain[];
  readonly lines: readonly string[];
  /** How many approvers must agree. */
  readonly quorum: number;
  /** What waits for a later portion of a release; left out: nothing. */
  readonly rest?: Rest;
}

/** Proposes to adopt what matches one to one. Errors: not of the team, stopped, another scope, not ours, unread sides, a bad mapping. */
export async function proposeAdoption(by: Asker, mapping: Mapping, c: AdoptionContext): Promise<Result<Proposed, Failure>> {
  const free = await requireReady(by, "adopt domains", c);
  if (!free.ok) return free;
  const seen = await survey(mapping, await readKnown(c.db), c);
  if (!seen.ok) return seen;
  const ours = await requireOurs(seen.value, c);
  if (!ours.ok) return ours;
  const { rows, domains, lines, mapped } = seen.value;
  return propose(by, { kind: "adopt", root: c.fleet.root, domains, rows, lines, mapped }, c);
}

/** Errors: `refused` where another installation, or a newer database of this one, manages what was read. Invariant: INV-1. */
export async function requireOurs(seen: Survey, c: AdoptionContext): Promise<Result<void, Failure>> {
  const owner = await findOwner(seen, seen.recognised, seen.known, true, c);
  if (owner.claims.length > 0) return fail("refused", "adoption.not_ours", describeClaims(owner.claims));
  return owner.notOurs === null ? ok(undefined) : fail("unavailable", "adoption.not_ours", owner.notOurs);
}

/** Proposes to give adopted domains back, by their projects. Errors: as for `proposeAdoption`; a project without an adopted domain. */
export async function proposeGivingBack(by: Asker, projects: readonly string[], c: AdoptionContext): Promise<Result<Proposed, Failure>> {
  const free = await requireReady(by, "give domains back", c);
  if (!free.ok) return free;
  const known = await readKnownState(c.db, []);
  const places = new Map((await readManagedPlaces(c.db)).map((p) => [p.domainId, p.path]));
  const desired = await c.desired.readDesired(c.fleet);
  const slugs = new Map(desired.projects.map((p) => [p.id, p]));
  const domains: AdoptionDomain[] = [];
  const unknown: string[] = [];
  for (const name of new Set(projects)) {
    const record = known.managedDomains.find(
      (m) =>
        m.origin === "adopted" && [m.projectId, m.domainId, slugs.get(m.projectId)?.slug, places.get(m.domainId)].some((n) => n === name),
    );
    const path = record === undefined ? null : (places.get(record.domainId) ?? null);
    if (record === undefined || path === null) unknown.push(name);
    else {
      const { domainId, projectId, generation } = record;
      const slug = slugs.get(projectId)?.slug ?? (path.split("/").at(-1) as AdoptionDomain["slug"]);
      domains.push({ domainId, projectId, slug, path, generation, isNew: false, accounts: [] });
    }
  }
  if (unknown.length > 0 || domains.length === 0) {
    const adopted = known.managedDomains.filter((m) => m.origin === "adopted").map((m) => slugs.get(m.projectId)?.slug ?? m.projectId);
    const remedy = adopted.length === 0 ? "No domain is adopted." : `Adopted are those of ${listed(adopted.toSorted())}.`;
    return fail("invalid", "adoption.not_adopted", `There is no adopted domain of ${listed(unknown) || "no project"}`, { remedy });
  }
  if (
    (await countDeletionsOf(
      c.db,
      domains.map((d) => d.domainId),
    )) > 0
  )
    return fail("refused", "adoption.under_deletion", "One of these domains is under a deletion", {
      remedy: "/ci-deletions shows it: reject, cancel or restore it first.",
    });
  const made = domains.filter((d) => isCreatedAgain(d, slugs.get(d.projectId)));
  const fits = requireRoomForNew(
    made.map((d) => slugs.get(d.projectId)).filter((p) => p !== undefined),
    await c.policyNow(),
  );
  if (!fits.ok) return fits;
  const createdAgain = new Set(made.map((d) => d.domainId));
  const lines = domains.flatMap((d) => linesOfGivingBack(d, known, createdAgain.has(d.domainId)));
  return propose(by, { kind: "give_back", root: c.fleet.root, domains: sorted(domains), rows: [], lines, mapped: [] }, c);
}

/** Whether its project has its name free once the domain is given back, so that the next pass makes a new one. */
function isCreatedAgain({ path, slug }: AdoptionDomain, project: DesiredProject | undefined): boolean {
  return project?.state === "active" && path.split("/").at(-1)?.toLowerCase() !== slug;
}

/** Errors: `refused` `adoption.no_room` where the new domains of those given back would hold the next pass as a whole. */
function requireRoomForNew(projects: readonly DesiredProject[], { changesPerPass }: PolicyNow): Result<void, Failure> {
  // A domain, its limits and its members' accounts.
  const sizes = projects.map((p) => 1 + Object.keys(p.limits).length + p.members.length);
  const all = sizes.reduce((sum, n) => sum + n, 0);
  if (all <= changesPerPass) return ok(undefined);
  let [count, used] = [0, 0];
  for (const n of sizes) {
    if (used + n > changesPerPass) break;
    [count, used] = [count + 1, used + n];
  }
  const sentence = `The next pass would make new domains for ${projects.length} of these projects, by up to ${all} changes; more than ${changesPerPass} in one pass are held as a whole`;
  const raise = `/ci-policy set changes-per-pass ${all} because these domains are given back on purpose`;
  const [first, last] = [projects[0]?.slug ?? "", projects[count - 1]?.slug ?? ""];
  const portion =
    count === 0 ? "Two" : `Give back ${count} of them at once, such as ${first} to ${last}, and the others after the next pass; or two`;
  return fail("refused", "adoption.no_room", sentence, { remedy: `${portion} approvers raise the limit first: ${raise}.` });
}

function sorted(domains: readonly AdoptionDomain[]): readonly AdoptionDomain[] {
  return domains.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function linesOfGivingBack(d: AdoptionDomain, known: Pick<Awaited<ReturnType<typeof readKnownState>>, "managedAccounts">, isAnew: boolean) {
  const accounts = known.managedAccounts.filter((a) => a.domainId === d.domainId);
  const locked = accounts.filter((a) => a.lockedByUs).length;
  return [
    `${d.path}: Twokey no longer manages it, nor its ${accounts.length} accounts; nothing in it changes`,
    ...(locked > 0 ? [`${d.path}: ${locked} accounts that Twokey locked stay locked`] : []),
    ...(isAnew ? [`${d.slug} is active and its name is free: the next pass makes a new domain for it`] : []),
  ];
}

/**
 * Proposes to release the restrictive changes and deletions of adopted domains that wait: as many domains as the limits let through.
 *
 * Errors: as for `proposeAdoption`; `refused` `adoption.no_room`.
 */
export async function proposeRelease(by: Asker, c: AdoptionContext): Promise<Result<Proposed, Failure>> {
  const free = await requireReady(by, "release the first plan of adopted domains", c);
  if (!free.ok) return free;
  const plan = await c.preview();
  const partial = plan.holds.find((h) => h.blocks === "everything");
  if (partial !== undefined) return err(heldNow(partial.sentence, partial.liftedBy));
  const known = await readKnownState(c.db, []);
  const places = new Map((await readManagedPlaces(c.db)).flatMap((p) => (p.path === null ? [] : [[p.domainId, p.path] as const])));
  const portion = nextPortion(plan, places, await c.policyNow(), await readMadeBefore(c));
  if (!portion.ok) return portion;
  const { domains: ids, rest } = portion.value;
  const lines = waitingLines(planOf(plan, ids));
  const domains = known.managedDomains.flatMap(({ domainId, projectId, generation }): readonly AdoptionDomain[] => {
    const path = places.get(domainId) ?? null;
    if (!ids.has(domainId) || path === null) return [];
    return [{ domainId, projectId, generation, path, slug: path.split("/").at(-1) as AdoptionDomain["slug"], isNew: false, accounts: [] }];
  });
  const body = { kind: "release", root: c.fleet.root, domains: sorted(domains), rows: [], lines, mapped: [] } as const;
  return propose(by, rest === null ? body : { ...body, rest }, c);
}

/** How many restrictive changes were made, as the next pass counts them. */
export async function readMadeBefore({ db, now }: Pick<AdoptionContext, "db" | "now">): Promise<MadeBefore> {
  return { day: await readRestrictions(db, now() - DAY_MS), week: await readRestrictions(db, now() - 7 * DAY_MS) };
}

/** The part of a plan that is about these domains. */
export function planOf(plan: Plan, ids: ReadonlySet<string>): Plan {
  const isOf = ({ domainId }: { readonly domainId: string }): boolean => ids.has(domainId);
  return { ...plan, restrictive: plan.restrictive.filter(isOf), proposals: plan.proposals.filter(isOf) };
}

/** The sentences of what waits for a release in a plan. */
export function waitingLines(plan: Plan): readonly string[] {
  const ids = waitingDomains(plan);
  const changes = plan.restrictive.filter((change) => ids.has(change.domainId)).map(describeChange);
  const deletions = plan.proposals.filter((p) => ids.has(p.domainId)).map((p) => `ask whether to delete ${p.path}`);
  return [...changes, ...deletions].toSorted();
}

/** The refusal of a release while the plan is held as a whole. */
export function heldNow(sentence: string, liftedBy: string): Failure {
  return failure("unavailable", "adoption.held", `The plan is held now: ${sentence}`, { remedy: `Lifted by: ${liftedBy}.` });
}

async function requireReady(by: Asker, what: string, c: AdoptionContext): Promise<Result<void, Failure>> {
  if (!by.isTeam) return err(teamOnly(what));
  const stopped = await refusalWhileStopped(c.db);
  if (stopped !== null) return err(stopped);
  return (await c.policyNow()).scopeIsConfirmed ? ok(undefined) : err(unconfirmedScope());
}

/** Who asked. A login at a terminal is a note only: whoever types may have set it, so it takes no vote from anybody, and gives none. */
function requestersOf(by: Asker) {
  const { id } = by.operator;
  const isFromTerminal = id.startsWith("terminal:");
  return { requesters: [id, ...(by.account === undefined || isFromTerminal ? [] : [by.account])], isFromTerminal };
}

/**
 * Records the question. An open one of its kind is superseded, unless it is the same.
 *
 * Nobody knows who types at a terminal, so one approver more must agree: one of them may be that person. Invariant: INV-2.
 */
async function propose(by: Asker, body: AdoptionBody, c: AdoptionContext): Promise<Result<Proposed, Failure>> {
  const { rows, domains, lines, rest } = body;
  const shown = { rows, domains, lines, ...(rest === undefined ? {} : { rest }) };
  const policy = await c.policyNow();
  const { requesters, isFromTerminal } = requestersOf(by);
  const quorum = policy.quorum + (isFromTerminal ? 1 : 0);
  if (domains.length === 0) return ok({ id: null, wasOpen: false, ...shown, quorum });
  const possible = await requireVoters(requesters, quorum, c);
  if (!possible.ok) return possible;
  const [id, at, digest] = [c.newId(), c.now(), digestOf(body)];
  const asked = { id, kind: body.kind, body, digest, requesters, proposed_by_name: by.operator.name, quorum };
  return c.db.tx(async (q) => {
    const open = await readOpenAdoption(q, body.kind);
    if (open !== null && open.digest === digest) return ok({ id: open.id, wasOpen: true, ...shown, quorum: open.quorum });
    if (open !== null) await endAdoption(q, open.id, { state: "superseded", at, by: by.operator.name, reason: "a newer table was made" });
    if (!(await insertAdoption(q, { ...asked, proposed_at: at, expires_at: after(at, policy.approvalMs) })))
      return fail("refused", "adoption.open", "Somebody else proposed the same kind of table at this moment", { remedy: "Use its card." });
    const data = { kind: body.kind, digest, domains: domains.length, requesters };
    await recordAudit(q, { at, actor: by.operator.id, kind: "adoption.proposed", subject: id, data });
    return ok({ id, wasOpen: false, ...shown, quorum });
  });
}

/** Errors: `refused` where too few could approve. Where nobody can say who may, the card says so later. */
async function requireVoters(requesters: readonly string[], quorum: number, c: AdoptionContext): Promise<Result<void, Failure>> {
  const people = requesters.filter((r) => /^(?:ci|slack):/.test(r)) as Asker["operator"]["id"][];
  await c.approvers.learnAccounts(people);
  const found = await c.approvers.approversNow();
  if (!found.ok) return ok(undefined);
  const { identities } = await readIdentities(c.db, requesters);
  const others = found.value.filter((a) => !isOneOf(a, identities));
  const { count, merged } = await readPersons(c.db, others);
  if (count >= quorum) return ok(undefined);
  const why = merged.length > 0 ? `: ${mergedNote(merged)}` : "";
  return fail("refused", "adoption.nobody", `Only ${count} could approve it, and ${quorum} must; who asks has no vote${why}`, {
    remedy: "Somebody who is no approver asks, or two approvers add one (/ci-policy set approvers).",
  });
}
