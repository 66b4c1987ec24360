/** What somebody may choose from: CloudStack's list, and what only the archive has. */
import type { ExportKind } from "../core/archive-kinds.ts";
import type { Clock } from "../core/clock.ts";
import type { Failure } from "../core/failure.ts";
import type { Instant, Slug } from "../core/ids.ts";
import type { InventoryItem } from "../core/inventory.ts";
import type { Asker } from "../core/people.ts";
import { ok, type Result } from "../core/result.ts";
import { readNewestCopies, type ProjectCopy } from "../store/project-copies.ts";
import type { ExportContext } from "./export-context.ts";
import { reachOf, type Reach } from "./reach.ts";

/** One thing that a person may export. */
export interface Exportable {
  readonly kind: ExportKind;
  readonly id: string;
  readonly name: string;
  readonly project: Slug;
  readonly bytes: number | null;
  readonly createdAt: Instant | null;
  readonly ready: boolean;
  /** When it was saved, where only the archive has it; null: CloudStack has it. */
  readonly savedAt: Instant | null;
}

/** With so many domains, each is asked for by itself; with more, a list over all of them is shorter. */
const BY_ITSELF = 2;
/** How long a list is used again. Units: milliseconds. */
const LIST_MS = 60_000;
const LISTS_MAX = 200;

type Sources = Pick<ExportContext, "db" | "domainsOf" | "readItems" | "readItemsOf">;

/** A thing as people choose it; with `copy`, the archive's. */
export function exportableOf(item: InventoryItem, project: Slug, copy: Pick<ProjectCopy, "bytes" | "savedAt"> | null = null): Exportable {
  const { id, name, createdAt, facts } = item;
  const bytes = copy?.bytes ?? item.bytes;
  return {
    kind: item.kind as ExportKind,
    id,
    name,
    project,
    bytes,
    createdAt,
    ready: facts["isReady"] !== false,
    savedAt: copy?.savedAt ?? null,
  };
}

/** What there is of some projects, by project and name. Errors: CloudStack cannot be read. */
export async function itemsOf(reach: Reach, kind: ExportKind, c: Sources): Promise<Result<readonly Exportable[], Failure>> {
  const live = await readLiveItems(reach.projects, kind, c);
  if (!live.ok) return live;
  const listed = new Set(live.value.map((one) => `${one.project} ${one.id}`));
  const slugs = new Map([...reach.former, ...reach.projects].map((p) => [p.id, p.slug]));
  const copies = await readNewestCopies(c.db, [...slugs.keys()], kind);
  const saved = copies.flatMap((copy) => {
    const slug = slugs.get(copy.projectId);
    return slug === undefined || listed.has(`${slug} ${copy.item_id}`) ? [] : [exportableOf(copy.item, slug, copy)];
  });
  return ok([...live.value, ...saved].toSorted(byProjectAndName));
}

async function readLiveItems(projects: Reach["projects"], kind: ExportKind, c: Sources): Promise<Result<readonly Exportable[], Failure>> {
  const domains = await c.domainsOf(projects);
  const placed = projects.flatMap((project) => {
    const domain = domains.get(project.id);
    return domain === undefined ? [] : [{ slug: project.slug, domain }];
  });
  if (placed.length > BY_ITSELF) {
    const read = await c.readItemsOf(
      placed.map((p) => p.domain),
      [kind],
    );
    if (!read.ok) return read;
    return ok(placed.flatMap(({ slug, domain }) => (read.value.get(domain.id) ?? []).map((item) => exportableOf(item, slug))));
  }
  const found = await Promise.all(placed.map(async ({ slug, domain }) => ({ slug, read: await c.readItems(domain, [kind]) })));
  const failed = found.find((f) => !f.read.ok)?.read;
  if (failed !== undefined && !failed.ok) return failed;
  return ok(found.flatMap(({ slug, read }) => (read.ok ? read.value.map((item) => exportableOf(item, slug)) : [])));
}

function byProjectAndName(a: Exportable, b: Exportable): number {
  const of = { numeric: true } as const;
  return a.project.localeCompare(b.project, "en", of) || a.name.localeCompare(b.name, "en", of) || (a.id < b.id ? -1 : 1);
}

interface Kept {
  readonly at: Instant;
  readonly list: Promise<Result<readonly Exportable[], Failure>>;
}

/** Keeps each asker's list for a minute: a person who types asks with each letter. What could not be read is asked for again. */
export function createChoices(
  c: Sources & Parameters<typeof reachOf>[1] & { readonly now: Clock },
): (asker: Asker, kind: ExportKind) => Promise<Result<readonly Exportable[], Failure>> {
  const kept = new Map<string, Kept>();
  return async (asker, kind) => {
    const key = JSON.stringify([asker.operator.id, asker.isTeam, kind]);
    const known = kept.get(key);
    if (known !== undefined && c.now() - known.at < LIST_MS && c.now() >= known.at) return known.list;
    const list = reachOf(asker, c).then((reach) => (reach.ok ? itemsOf(reach.value, kind, c) : reach));
    const fresh = { at: c.now(), list };
    kept.delete(key);
    kept.set(key, fresh);
    for (const oldest of kept.keys()) if (kept.size > LISTS_MAX) kept.delete(oldest);
    const forget = (): void => void (kept.get(key) === fresh && kept.delete(key));
    const read = await list.catch((thrown: unknown) => {
      forget();
      throw thrown;
    });
    if (!read.ok) forget();
    return read;
  };
}

/** What somebody means who typed this: each word is somewhere in the project's short name or the thing's name. */
export function matching(all: readonly Exportable[], typed: string): readonly Exportable[] {
  const words = typed
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const found = all.filter((one) => words.every((word) => `${one.project} ${one.name}`.toLowerCase().includes(word)));
  const [first = ""] = words;
  const begins = (one: Exportable): number => Number(one.name.toLowerCase().startsWith(first) || one.project.startsWith(first));
  return found.toSorted((a, b) => begins(b) - begins(a));
}
