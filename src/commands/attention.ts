/** What of many projects needs attention, from what is stored: nothing is asked of CloudStack, whatever the number of projects. */
import type { DomainId, DomainPath, ProjectId } from "../core/ids.ts";
import { compareNames } from "../core/shown-text.ts";
import { phaseWords, type Standing } from "../deletion/phase-words.ts";
import { isUndone } from "../sync/execution/matters.ts";
import type { PlanRecord } from "../sync/execution/record.ts";
import { describeChange } from "../sync/planning/describe.ts";
import { wordsToLift } from "../sync/planning/lift.ts";
import { unmanagedNames } from "../sync/planning/left-alone.ts";
import type { Hold } from "../sync/planning/plan.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import type { LastDeletion } from "./deletion-parts.ts";
import type { Words } from "./reply.ts";

/** What is stored of all projects. */
export interface FleetFacts {
  readonly places: readonly { readonly projectId: ProjectId; readonly domainId: DomainId; readonly path: DomainPath | null }[];
  readonly deletions: readonly (Standing & { readonly projectId: ProjectId; readonly slug: string })[];
  /** The newest plan over everything; null before the first. */
  readonly plan: Pick<PlanRecord, "plan" | "outcomes"> | null;
}

/** Kinds of attention, the most urgent first. */
const kinds = ["deletion", "held", "refused", "not_adopted", "no_domain", "closed", "left_alone", "unlisted"] as const;
type Kind = (typeof kinds)[number];

/** The title of each kind's list. */
export const attentionTitles: Record<Kind, string> = {
  deletion: "A deletion is under way",
  held: "Held",
  refused: "Refused by CloudStack, or not done",
  not_adopted: "The domain is there, but not adopted: /ci-adopt",
  no_domain: "No domain yet",
  closed: "Closed, and the domain is still there",
  left_alone: "Closed, and its domain is there, but not adopted: it is left alone",
  unlisted: "No longer in the CI database, and the domain is still there",
};

/** One project that needs attention. */
export interface Attention {
  readonly slug: string;
  readonly kind: Kind;
  readonly words: Words;
}

/** Many projects at a glance. */
export interface Overview {
  /** Sorted as people count: proj-2 before proj-10. */
  readonly projects: readonly DesiredProject[];
  /** In the same order, at most one for each project. */
  readonly attention: readonly Attention[];
  /** Closed ones that have no domain any more. */
  readonly gone: number;
  readonly healthy: number;
  /** What of the newest plan is held for all projects, and who lifts it with which command. */
  readonly allHeld: readonly string[];
  /** Rows of the CI database that cannot be used, and do not tell their project. */
  readonly namelessRows: readonly string[];
  /** Deletions of projects that the CI database no longer lists and whose member the asker was. */
  readonly former: readonly LastDeletion[];
}

/** Sorts projects into healthy, gone and those that need attention, each by what is most urgent. `all`: domains of no project count, too. */
export function overviewOf(found: readonly DesiredProject[], facts: FleetFacts, all: boolean): Overview {
  const projects = found.toSorted((a, b) => compareNames(a.slug, b.slug));
  const known = indexOf(facts);
  const attention: Attention[] = [];
  let [gone, healthy] = [0, 0];
  for (const project of projects) {
    const one = attentionTo(project, known);
    if (one !== null) attention.push({ slug: project.slug, ...one });
    else if (project.state === "closed") gone += 1;
    else healthy += 1;
  }
  if (all) attention.push(...unlisted(projects, facts, known));
  attention.sort((a, b) => compareNames(a.slug, b.slug));
  const plan = facts.plan?.plan;
  const allHeld = holdsOfAll(facts.plan).map((h) => `${h.sentence}. Lifted by: ${plan === undefined ? h.liftedBy : wordsToLift(h, plan)}`);
  const nameless = (plan?.heldRows ?? []).filter((row) => row.projectId === null);
  const namelessRows = nameless.map((row) => `${row.view}, ${row.key}: ${row.problem}; ${row.remedy}`);
  return { projects, attention, gone, healthy, allHeld, namelessRows, former: [] };
}

/** The holds of a plan that are for all projects. */
export function holdsOfAll(record: Pick<PlanRecord, "plan"> | null): readonly Hold[] {
  const isOfAll = (h: Hold): boolean => !["one_project", "adopted", "domains"].includes(h.blocks) && h.kind !== "narrowed";
  return (record?.plan.holds ?? []).filter(isOfAll);
}

/** The projects that need one kind of attention. */
export function ofKind(overview: Overview, kind: Kind): readonly Attention[] {
  return overview.attention.filter((a) => a.kind === kind);
}

/** The kinds that an overview has, the most urgent first. */
export function kindsIn(overview: Overview): readonly Kind[] {
  const present = new Set(overview.attention.map((a) => a.kind));
  return kinds.filter((kind) => present.has(kind));
}

type Found = Omit<Attention, "slug">;
interface Known {
  readonly domains: ReadonlyMap<string, DomainId>;
  /** Names of domains that are not managed. */
  readonly unmanaged: ReadonlySet<string>;
  readonly byProject: ReadonlyMap<string, Found>;
}

/** What the facts say of each project, the most urgent only. */
function indexOf({ places, deletions, plan }: FleetFacts): Known {
  const byProject = new Map<string, Found>();
  const put = (projectId: string | null | undefined, found: Found): void => {
    if (projectId == null) return;
    const before = byProject.get(projectId);
    if (before === undefined || kinds.indexOf(found.kind) < kinds.indexOf(before.kind)) byProject.set(projectId, found);
  };
  for (const d of deletions) {
    const { words, until } = phaseWords(d);
    put(d.projectId, { kind: "deletion", words: until === null ? words : [`${words} `, { at: until, as: "day" }] });
  }
  const ownerOf = new Map<string, string>(places.map((p) => [p.domainId, p.projectId]));
  for (const h of plan?.plan.holds ?? []) {
    const kind = h.kind === "name_in_the_way" && h.liftedBy.includes("/ci-adopt") ? "not_adopted" : "held";
    put(h.projectId, { kind, words: `${h.sentence}. Lifted by: ${h.liftedBy}` });
    for (const id of h.blocks === "adopted" ? (h.domainIds ?? []) : []) put(ownerOf.get(id), { kind: "held", words: h.sentence });
  }
  for (const row of plan?.plan.heldRows ?? [])
    put(row.projectId, { kind: "held", words: `a row of the CI database ${row.problem}; ${row.remedy}` });
  for (const o of (plan?.outcomes ?? []).filter(isUndone)) {
    const why = o.problem === null ? "" : `: ${o.problem}`;
    put(o.change.projectId, { kind: "refused", words: `${describeChange(o.change)}${why}` });
  }
  const unmanaged = plan === null ? new Set<string>() : unmanagedNames(plan.plan);
  return { domains: new Map(places.map((p) => [p.projectId, p.domainId])), unmanaged, byProject };
}

function attentionTo({ id, slug, state }: DesiredProject, { domains, unmanaged, byProject }: Known): Found | null {
  const hasDomain = domains.has(id);
  const found = byProject.get(id);
  if (state === "closed") {
    if (found?.kind === "deletion") return found;
    if (hasDomain) return { kind: "closed", words: "closed, no deletion is under way" };
    return unmanaged.has(slug) ? { kind: "left_alone", words: "closed, its domain is not adopted" } : null;
  }
  if (found !== undefined) return found;
  return hasDomain ? null : { kind: "no_domain", words: "the next pass creates it" };
}

/** Domains and deletions of projects that the CI database does not list. */
function unlisted(projects: readonly DesiredProject[], facts: FleetFacts, { byProject }: Known): readonly Attention[] {
  const listed = new Set<string>(projects.map((p) => p.id));
  const places = facts.places.filter((p) => !listed.has(p.projectId));
  const open = facts.deletions.filter((d) => !listed.has(d.projectId));
  const slugs = new Map<string, string>([
    ...places.map((p) => [p.projectId, p.path?.split("/").at(-1) ?? p.projectId] as const),
    ...open.map((d) => [d.projectId, d.slug] as const),
  ]);
  return [...slugs].map(([id, slug]) => {
    const found = byProject.get(id);
    // A held row is why it is not listed.
    return { slug, ...(found ?? { kind: "unlisted" as const, words: `project ${id}` }) };
  });
}
