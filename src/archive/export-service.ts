import type { Asker } from "../core/people.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import { after, type NewId } from "../core/clock.ts";
import { fail, sentenceOf, type Failure } from "../core/failure.ts";
import { ExportId, type Instant, type Slug } from "../core/ids.ts";
import { onlyReported } from "../core/report-mode.ts";
import { err, ok, type Result } from "../core/result.ts";
import { insertEntry, readEntries, updateEntry } from "../store/archive-entries.ts";
import { recordAudit } from "../store/audit.ts";
import type { Transaction } from "../store/db.ts";
import {
  insertExport,
  lockExports,
  readExport,
  readLiveExports,
  readLiveExportsOf,
  updateExport,
  type ExportRow,
} from "../store/exports.ts";
import type { InventoryItem } from "../core/inventory.ts";
import type { ProjectDomain } from "../core/managed.ts";
import { shareExistingCopy } from "./copy.ts";
import { saveEntry, type SaveContext, type SavedThing } from "./entry.ts";
import type { Saved } from "./save.ts";
import { LINK_MS, tokenHash } from "./links.ts";

/** One template a person may export. */
export interface ExportableTemplate {
  readonly id: string;
  readonly name: string;
  readonly project: Slug;
  readonly bytes: number | null;
  readonly createdAt: Instant | null;
  readonly ready: boolean;
}

/** The state of an export; `link` is a link of ours, never CloudStack's. */
export interface ExportView {
  readonly id: ExportId;
  readonly template: string;
  readonly project: Slug;
  readonly state: "waiting" | "saving" | "ready" | "failed";
  readonly doneBytes: number;
  readonly totalBytes: number | null;
  readonly sha256: string | null;
  readonly link: string | null;
  readonly linkUntil: Instant | null;
  readonly problem: string | null;
}

/** Template exports, as commands use them. */
export interface ExportService {
  templates(asker: Asker, slug: Slug): Promise<Result<readonly ExportableTemplate[], Failure>>;
  /** Starts an export; `progress` is where its changes are shown, the last one always. */
  start(asker: Asker, slug: Slug, templateId: string, progress: ExportListener): Promise<Result<ExportView, Failure>>;
}

/** Where an export shows its progress: survives a restart, so it is data, not a function. */
export interface ExportListener {
  readonly channel: string;
  readonly user: string;
}

/** Shows an export; implemented by the bot. */
export interface ExportAnnouncer {
  showExport(view: ExportView, listener: ExportListener): Promise<void>;
}

/** What exports need. `newToken` makes the secret part of a link. */
export interface ExportContext extends SaveContext {
  readonly projectsOf: (asker: Asker) => Promise<Result<readonly DesiredProject[], Failure>>;
  /** The project as it is when the export runs: it may have waited. */
  readonly projectNow: (slug: Slug) => Promise<Result<DesiredProject | null, Failure>>;
  readonly domainOf: (project: Pick<DesiredProject, "id" | "slug">) => Promise<ProjectDomain | null>;
  readonly readTemplates: (domain: ProjectDomain) => Promise<Result<readonly InventoryItem[], Failure>>;
  /** Null: the domain has no such template. */
  readonly readTemplate: (domain: ProjectDomain, id: string) => Promise<Result<InventoryItem | null, Failure>>;
  readonly announcer: ExportAnnouncer;
  /** Runs the exports of a template. */
  readonly enqueue: (template: string, tx: Transaction) => Promise<void>;
  /** Where people reach our links; null: nowhere, as far as this process knows. */
  readonly publicUrl: () => string | null;
  /** Why nothing is exported, in a sentence; null: it is. */
  readonly reported: string | null;
  readonly newId: NewId;
  readonly newToken: () => string;
}

const PROGRESS_MS = 2500;
/** What is said in the place of a link that would lead people to their own machine. */
const NO_ADDRESS =
  "It is saved, but nobody could open a link to it: Twokey does not know at which address people reach it. Ask those who run it to set TWOKEY_PUBLIC_URL, then export again: it is not downloaded twice.";
/** How many exports of one person may wait or run. */
const LIVE_MAX = 3;

/** Builds the service through which people export templates of their own projects. */
export function createExportService(c: ExportContext): ExportService {
  return {
    async templates(asker, slug) {
      const project = await projectFor(asker, slug, c);
      if (!project.ok) return project;
      const domain = await c.domainOf(project.value);
      const found = domain === null ? ok([]) : await c.readTemplates(domain);
      if (!found.ok) return found;
      return ok(
        found.value.map(({ id, name, bytes, createdAt, facts }) => ({
          id,
          name,
          project: slug,
          bytes,
          createdAt,
          ready: facts["isReady"] !== false,
        })),
      );
    },
    async start(asker, slug, templateId, listener) {
      const project = await projectFor(asker, slug, c);
      if (!project.ok) return project;
      if (c.reported !== null) return err(onlyReported(c.reported));
      const domain = await c.domainOf(project.value);
      const found = domain === null ? ok(null) : await c.readTemplate(domain, templateId);
      if (!found.ok) return found;
      const item = found.value;
      if (item === null)
        return fail("invalid", "export.no_template", `${slug} has no such template`, { remedy: "Choose one from the list." });
      const stored = await c.db.tx((q) => ask(q, { slug, project_id: project.value.id, item, asked_by: asker.operator.id, listener }, c));
      if (!stored.ok) return stored;
      const row = await readExport(c.db, stored.value);
      return row === null ? fail("stuck", "export.lost", "The export was not stored") : ok(viewOf(row));
    },
  };
}

type Asked = Pick<ExportRow, "slug" | "project_id" | "asked_by" | "listener"> & { readonly item: InventoryItem };

/** Stores what was asked for; a template that this person waits for already is not asked for twice. Errors: `refused` with too many. */
async function ask(q: Transaction, { item, ...asked }: Asked, c: ExportContext): Promise<Result<string, Failure>> {
  await lockExports(q);
  const live = await readLiveExportsOf(q, asked.asked_by);
  const same = live.find((e) => e.template_id === item.id && e.project_id === asked.project_id);
  if (same === undefined && live.length >= LIVE_MAX)
    return fail("refused", "export.too_many", `You have ${live.length} exports under way`, {
      remedy: `Wait until one has ended: at most ${LIVE_MAX} of one person run at a time.`,
    });
  const id = same?.id ?? ExportId.parse(c.newId());
  if (same === undefined) {
    const template = { template_id: item.id, template_name: item.name, total_bytes: item.bytes };
    await insertExport(q, { id, ...asked, ...template, asked_at: c.now() });
    const entry = { id: c.newId(), itemKind: "template", itemId: item.id, name: item.name, at: c.now() } as const;
    await insertEntry(q, { kind: "export", id }, entry);
    const data = { slug: asked.slug, template: item.id };
    await recordAudit(q, { at: c.now(), actor: asked.asked_by, kind: "export.asked", subject: id, data });
  }
  await c.enqueue(item.id, q);
  return ok(id);
}

/** A project of the asker's. */
async function projectFor(asker: Asker, slug: Slug, c: ExportContext): Promise<Result<DesiredProject, Failure>> {
  const projects = await c.projectsOf(asker);
  if (!projects.ok) return projects;
  const project = projects.value.find((p) => p.slug === slug);
  return project === undefined ? notYours(slug) : ok(project);
}

/** The refusal for a project that the asker is not a member of, or that does not exist. */
export function notYours(slug: Slug): Result<never, Failure> {
  return fail("refused", "project.not_yours", `You have no project ${slug}`, { remedy: "/ci-status without a name lists yours." });
}

/**
 * Runs the exports of one template, one after the other: the first one saves it, and those who asked meanwhile share its copy.
 *
 * Idempotent: what has ended is left as it is.
 */
export async function runExports(template: string, c: ExportContext): Promise<void> {
  for (const row of await readLiveExports(c.db, template)) await runExport(row, c);
}

/** Runs one export: a copy that was checked just now, and a link of ours. */
async function runExport(row: ExportRow, c: ExportContext): Promise<void> {
  const { id } = row;
  const savedFor = { kind: "export", id } as const;
  const entry = (await readEntries(c.db, savedFor))[0];
  if (entry === undefined) return;
  const thing = await thingOf(row, c);
  if (!thing.ok) {
    await updateEntry(c.db, entry.id, c.now(), { state: "failed", problem: thing.error.message });
    return failExport(row, thing.error, c);
  }
  await updateExport(c.db, id, { state: "saving" });
  await updateEntry(c.db, entry.id, c.now(), { state: "saving" });
  const saved = await copyOf(row, entry.id, { ...thing.value, savedFor }, c);
  if (!saved.ok) return failExport(row, saved.error, c);
  const token = c.newToken();
  await c.db.tx(async (q) => {
    const { bytes, sha256 } = saved.value;
    const link = { token_sha256: tokenHash(token), link_until: after(c.now(), LINK_MS) };
    await updateExport(q, id, { state: "ready", done_bytes: bytes, total_bytes: bytes, ...link });
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: "export.ready", subject: id, data: { bytes, sha256 } });
  });
  const ready = await readExport(c.db, id);
  if (ready === null) return;
  const url = c.publicUrl();
  const link = url === null ? { problem: NO_ADDRESS } : { link: `${url}/exports/${id}/${token}` };
  await c.announcer.showExport({ ...viewOf(ready), sha256: saved.value.sha256, ...link }, row.listener);
}

/** The entry's copy: one that the archive has, if the template is unchanged and the bytes are whole, else a new one. */
async function copyOf(
  row: ExportRow,
  entryId: string,
  thing: SavedThing,
  c: ExportContext,
): Promise<Result<Pick<Saved, "bytes" | "sha256">, Failure>> {
  const wasSaved = async () => (await readEntries(c.db, { kind: "export", id: row.id }))[0];
  const before = await wasSaved();
  if (before?.state === "verified" || (await shareExistingCopy(entryId, thing, c))) {
    const copy = await wasSaved();
    if (copy?.bytes != null && copy.sha256 !== null) return ok({ bytes: copy.bytes, sha256: copy.sha256 });
  }
  let shownAt = 0;
  const progress = (done_bytes: number, total: number | null): void => {
    if (c.now() - shownAt < PROGRESS_MS) return;
    shownAt = c.now();
    const view = viewOf({ ...row, state: "saving", done_bytes, total_bytes: total ?? row.total_bytes });
    void c.announcer.showExport(view, row.listener).catch(() => undefined);
  };
  return saveEntry(entryId, thing, c, progress);
}

async function thingOf(
  row: ExportRow,
  c: ExportContext,
): Promise<Result<{ readonly item: InventoryItem; readonly domainPath: string }, Failure>> {
  const project = await c.projectNow(row.slug);
  if (!project.ok) return project;
  // Another project may have the slug by now.
  const domain = project.value === null || project.value.id !== row.project_id ? null : await c.domainOf(project.value);
  const item = domain === null ? ok(null) : await c.readTemplate(domain, row.template_id);
  if (!item.ok) return item;
  return item.value === null || domain === null
    ? fail("rejected", "export.gone", "The template no longer exists")
    : ok({ item: item.value, domainPath: domain.path });
}

async function failExport(row: ExportRow, f: Failure, c: ExportContext): Promise<void> {
  await updateExport(c.db, row.id, { state: "failed", problem: sentenceOf(f) });
  const failed = await readExport(c.db, row.id);
  if (failed !== null) await c.announcer.showExport(viewOf(failed), row.listener);
}

function viewOf(row: ExportRow): ExportView {
  return {
    id: row.id,
    template: row.template_name,
    project: row.slug,
    state: row.state,
    doneBytes: row.done_bytes,
    totalBytes: row.total_bytes,
    sha256: null,
    link: null,
    linkUntil: row.link_until,
    problem: row.problem,
  };
}
