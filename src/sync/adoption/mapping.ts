import type { MappedPair } from "../../core/adoption.ts";
import { fail, type Failure } from "../../core/failure.ts";
import { DomainId } from "../../core/ids.ts";
import type { KnownState } from "../../core/managed.ts";
import { ok, type Result } from "../../core/result.ts";
import { listed } from "../../core/shown-text.ts";
import type { DesiredProject } from "../planning/desired.ts";
import type { NonUuidDomain, ObservedAccount, ObservedDomain } from "../planning/observed.ts";
import { createDoubts } from "./doubts.ts";

/** One line of a mapping file: a project's short name, and its domain by UUID or path. */
interface Line {
  readonly number: number;
  readonly slug: string;
  readonly domain: string;
}

/** What the lines of a mapping file must name. */
export interface MappingQuestion {
  readonly root: string;
  readonly projects: readonly DesiredProject[];
  readonly domains: readonly ObservedDomain[];
  readonly nonUuid: readonly NonUuidDomain[];
  readonly accounts: readonly ObservedAccount[];
  readonly known: Pick<KnownState, "managedDomains">;
}

/** More than any installation has: a file of another kind is not read to its end. Units: characters, problems. */
const [TEXT_MAX, SHOWN] = [4_000_000, 20] as const;

/**
 * Reads a mapping file: on each line a project's short name, a comma, and its domain by UUID, by its whole path, or by its name below the
 * managed root. Empty lines and those that begin with `#` are left out, as is a first line `project,domain` or `slug,domain`.
 *
 * Errors: `invalid` with everything that is wrong in it, line by line; then nothing of it counts.
 */
export function readMapping(text: string, q: MappingQuestion): Result<readonly MappedPair[], Failure> {
  if (text.length > TEXT_MAX) return wrong([`it has more than ${TEXT_MAX} characters`]);
  const { lines, problems } = linesOf(text);
  if (lines.length === 0 && problems.length === 0) return wrong(["it names no project"]);
  const pairs: (MappedPair & { readonly number: number })[] = [];
  for (const line of lines) {
    const found = findPair(line, q);
    if (typeof found === "string") problems.push(`line ${line.number}: ${found}`);
    else pairs.push({ ...found, number: line.number });
  }
  const projects = new Map<string, number>();
  const domains = new Map<string, number>();
  for (const { number, projectId, domainId } of pairs) {
    const [sameProject, sameDomain] = [projects.get(projectId), domains.get(domainId)];
    if (sameProject !== undefined) problems.push(`line ${number}: the same project as on line ${sameProject}; it has one domain`);
    if (sameDomain !== undefined) problems.push(`line ${number}: the same domain as on line ${sameDomain}; two projects cannot share one`);
    projects.set(projectId, sameProject ?? number);
    domains.set(domainId, sameDomain ?? number);
  }
  if (problems.length === 0) problems.push(...doubtsOf(pairs, q));
  const sorted = pairs.toSorted((a, b) => (a.projectId < b.projectId ? -1 : 1));
  // Some are found after others that stand further down; who corrects the file goes through it from above.
  const inOrder = problems.toSorted((a, b) => lineOf(a) - lineOf(b));
  return problems.length > 0 ? wrong(inOrder) : ok(sorted.map(({ projectId, domainId }) => ({ projectId, domainId })));
}

function lineOf(problem: string): number {
  return Number(/^line (\d+)/.exec(problem)?.[1] ?? 0);
}

/** The lines whose domain seems to be another project's, with that one's line: two of them may be swapped. Invariant: INV-2. */
function doubtsOf(pairs: readonly (MappedPair & { readonly number: number })[], q: MappingQuestion): readonly string[] {
  const doubtOf = createDoubts(q.projects, q.accounts);
  const managed = new Set(q.known.managedDomains.map((m) => m.domainId));
  const numbers = new Map(pairs.map((p) => [p.projectId, p.number]));
  return pairs.flatMap(({ number, projectId, domainId }) => {
    const [project, domain] = [q.projects.find((p) => p.id === projectId), q.domains.find((d) => d.id === domainId)];
    const doubt = project === undefined || domain === undefined || managed.has(domainId) ? null : doubtOf(project, domain);
    if (project === undefined || doubt === null) return [];
    const other = numbers.get(doubt.likelier.id);
    const rest =
      other === undefined
        ? `no line names ${doubt.likelier.slug}. If it is the domain of ${project.slug} all the same, rename it to ${project.slug} in CloudStack and leave this line out`
        : `line ${other} gives ${doubt.likelier.slug} another one: are the domains of lines ${number} and ${other} swapped?`;
    return [`line ${number} for ${project.slug}: ${doubt.why}; ${rest}`];
  });
}

function wrong(problems: readonly string[]): Result<never, Failure> {
  const more = problems.length > SHOWN ? `\n  and ${problems.length - SHOWN} more` : "";
  const sentence = `The mapping file cannot be used:\n${problems
    .slice(0, SHOWN)
    .map((p) => `  ${p}`)
    .join("\n")}${more}`;
  return fail("invalid", "adoption.mapping", sentence, {
    remedy: "Each line is a project's short name, a comma, and its domain by UUID or path: aurora,ROOT/ci/Team Aurora. Nothing was done.",
  });
}

function linesOf(text: string): { readonly lines: readonly Line[]; readonly problems: string[] } {
  const lines: Line[] = [];
  const problems: string[] = [];
  for (const [i, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\n|\r/)
    .entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || (lines.length === 0 && /^(?:project|slug)\s*,\s*domain$/i.test(line))) continue;
    const comma = line.indexOf(",");
    const [slug, domain] = comma === -1 ? [line, ""] : [line.slice(0, comma).trim(), unquoted(line.slice(comma + 1).trim())];
    if (comma === -1) problems.push(`line ${i + 1}: there is no comma between a project and its domain: ${shown(line)}`);
    else if (slug === "") problems.push(`line ${i + 1}: there is no project before the comma`);
    else if (domain === "") problems.push(`line ${i + 1}: there is no domain after the comma, for ${shown(slug)}`);
    else lines.push({ number: i + 1, slug: unquoted(slug), domain });
  }
  return { lines, problems };
}

function unquoted(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).trim() : text;
}

function shown(text: string): string {
  const clean = text.replace(/\p{Cc}/gu, " ");
  return clean.length > 80 ? `${clean.slice(0, 79)}…` : clean;
}

/** The pair of a line, or what is wrong with it. */
function findPair({ slug, domain: typed }: Line, q: MappingQuestion): MappedPair | string {
  const projects = q.projects.filter((p) => p.slug === slug.toLowerCase());
  const project = projects.find((p) => p.state === "active");
  if (project === undefined) return projects.length > 0 ? `the project ${slug} is closed` : `the CI database has no project ${shown(slug)}`;
  const domain = findNamed(typed, q);
  if (typeof domain === "string") return domain;
  if (domain.depth !== 1) return `${domain.path} lies inside another domain; only domains directly below ${q.root} are adopted`;
  const managed = q.known.managedDomains.find((m) => m.domainId === domain.id);
  if (managed !== undefined && managed.projectId !== project.id)
    return `${domain.path} is managed already, for the project ${managed.projectId}`;
  const other = q.known.managedDomains.find((m) => m.projectId === project.id);
  if (other !== undefined && other.domainId !== domain.id) return `the project ${slug} has a managed domain already (${other.domainId})`;
  return { projectId: project.id, domainId: domain.id };
}

function findNamed(typed: string, q: MappingQuestion): ObservedDomain | string {
  const id = DomainId.safeParse(typed);
  if (id.success) return q.domains.find((d) => d.id === id.data) ?? `there is no domain ${id.data} below ${q.root}`;
  const path = (typed.toUpperCase().startsWith("ROOT/") ? typed : `${q.root}/${typed.replace(/^\/+/, "")}`)
    .replace(/\/+$/, "")
    .toLowerCase();
  if (q.nonUuid.some((d) => d.path.toLowerCase() === path)) return `${shown(typed)} has an id that is no UUID, and cannot be managed`;
  const found = q.domains.filter((d) => d.path.toLowerCase() === path);
  const [domain] = found;
  if (domain === undefined) return `there is no domain ${shown(typed)} below ${q.root}`;
  return found.length === 1 ? domain : `${shown(typed)} is more than one domain: ${listed(found.map((d) => d.id))}; name its UUID`;
}
