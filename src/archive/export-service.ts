import { createHash, timingSafeEqual } from "node:crypto";
import type { Readable } from "node:stream";
import { z } from "zod";
import type { Asker } from "../core/people.ts";
import type { ExportAnnouncer, ExportService, ExportView } from "./export-view.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import { after, type Clock, type NewId } from "../core/clock.ts";
import { failure, type Failure } from "../core/failure.ts";
import { ExportId, type Slug } from "../core/ids.ts";
import { err, ok, type Result } from "../core/result.ts";
import { insertEntry, readEntries, updateEntry } from "../store/archive-entries.ts";
import { recordAudit } from "../store/audit.ts";
import type { Database, Transaction } from "../store/db.ts";
import { insertExport, readExport, updateExport, type ExportRow } from "../store/exports.ts";
import type { InventoryItem } from "../core/inventory.ts";
import type { ProjectDomain } from "../core/managed.ts";
import { manifestOf } from "./manifest.ts";
import type { ArchiveStore, ExportSource } from "./ports.ts";
import { saveItem } from "./save.ts";

/** What exports need. `newToken` makes the secret part of a link. */
export interface ExportContext {
  readonly db: Database;
  readonly projectsOf: (asker: Asker) => Promise<Result<readonly DesiredProject[], Failure>>;
  /** Who asks for an export may have to wait for it: the project as it is when it is made. */
  readonly projectNow: (slug: Slug) => Promise<Result<DesiredProject | null, Failure>>;
  readonly domainOf: (project: Pick<DesiredProject, "id" | "slug">) => Promise<ProjectDomain | null>;
  readonly readTemplates: (domain: ProjectDomain) => Promise<Result<readonly InventoryItem[], Failure>>;
  /** Null: the domain has no such template (any more). */
  readonly readTemplate: (domain: ProjectDomain, id: string) => Promise<Result<InventoryItem | null, Failure>>;
  readonly source: ExportSource;
  readonly store: ArchiveStore;
  readonly announcer: ExportAnnouncer;
  readonly enqueue: (id: string, tx: Transaction) => Promise<void>;
  readonly publicUrl: () => string;
  readonly now: Clock;
  readonly newId: NewId;
  readonly newToken: () => string;
}

const LINK_MS = 24 * 3600_000;
const PROGRESS_MS = 2500;

/** Builds the service through which people export templates of their own projects. */
export function createExportService(c: ExportContext): ExportService {
  return {
    async templates(asker, slug) {
      const domain = await domainFor(asker, slug, c);
      if (!domain.ok) return domain;
      const found = domain.value === null ? ok([]) : await c.readTemplates(domain.value);
      return found.ok
        ? ok(
            found.value.map((t) => ({
              id: t.id,
              name: t.name,
              project: slug,
              bytes: t.bytes,
              createdAt: t.createdAt,
              ready: t.facts["isReady"] !== false,
            })),
          )
        : found;
    },
    async start(asker, slug, templateId, listener) {
      const domain = await domainFor(asker, slug, c);
      if (!domain.ok) return domain;
      const found = domain.value === null ? ok(null) : await c.readTemplate(domain.value, templateId);
      if (!found.ok) return found;
      const item = found.value;
      if (item === null)
        return err(failure("invalid", "export.no_template", `${slug} has no such template`, { remedy: "Choose one of the list." }));
      const id = ExportId.parse(c.newId());
      await c.db.tx(async (q) => {
        await insertExport(q, {
          id,
          slug,
          template_id: item.id,
          template_name: item.name,
          asked_by: asker.operator.id,
          listener,
          total_bytes: item.bytes,
          asked_at: c.now(),
        });
        await insertEntry(
          q,
          { kind: "export", id },
          { id: c.newId(), itemKind: "template", itemId: item.id, name: item.name, at: c.now() },
        );
        await c.enqueue(id, q);
        await recordAudit(q, {
          at: c.now(),
          actor: asker.operator.id,
          kind: "export.asked",
          subject: id,
          data: { slug, template: item.id },
        });
      });
      const row = await readExport(c.db, id);
      return row === null ? err(failure("stuck", "export.lost", "The export was not stored")) : ok(viewOf(row, null, null));
    },
  };
}

/** The domain of a project of the asker's; null while it has none. */
async function domainFor(asker: Asker, slug: Slug, c: ExportContext): Promise<Result<ProjectDomain | null, Failure>> {
  const projects = await c.projectsOf(asker);
  if (!projects.ok) return projects;
  const project = projects.value.find((p) => p.slug === slug);
  if (project === undefined)
    return err(
      failure("refused", "project.not_yours", `You have no project ${slug}`, { remedy: "/ci-status without a name lists yours." }),
    );
  return ok(await c.domainOf(project));
}

/** Runs one export: save, check, make a link of ours. Idempotent: a ready one is left as it is. */
export async function runExport(id: string, c: ExportContext): Promise<void> {
  const row = await readExport(c.db, id);
  const entry = (await readEntries(c.db, { kind: "export", id }))[0];
  if (row === null || entry === undefined || row.state === "ready" || row.state === "failed") return;
  const item = await itemOf(row, c);
  if (!item.ok) return failExport(row, entry.id, item.error, c);
  await updateExport(c.db, id, { state: "saving" });
  await updateEntry(c.db, entry.id, c.now(), { state: "saving" });
  let told = 0;
  const progress = (done: number, total: number | null): void => {
    if (c.now() - told < PROGRESS_MS) return;
    told = c.now();
    void c.announcer
      .showExport(
        { ...viewOf({ ...row, state: "saving", done_bytes: done, total_bytes: total ?? row.total_bytes }, null, null) },
        row.listener,
      )
      .catch(() => undefined);
  };
  const saved = await saveItem(item.value.item, entry.id, c.source, c.store, progress);
  if (!saved.ok) return failExport(row, entry.id, saved.error, c);
  const token = c.newToken();
  const until = after(c.now(), LINK_MS);
  await c.db.tx(async (q) => {
    await updateEntry(q, entry.id, c.now(), {
      state: "verified",
      ...saved.value,
      manifest: manifestOf(item.value.item, item.value.path, saved.value, c.now(), { kind: "export", id }),
    });
    await updateExport(q, id, {
      state: "ready",
      done_bytes: saved.value.bytes,
      total_bytes: saved.value.bytes,
      token_sha256: sha256(token),
      link_until: until,
    });
    await recordAudit(q, {
      at: c.now(),
      actor: "twokey",
      kind: "export.ready",
      subject: id,
      data: { bytes: saved.value.bytes, sha256: saved.value.sha256 },
    });
  });
  const ready = await readExport(c.db, id);
  if (ready !== null)
    await c.announcer.showExport(viewOf(ready, saved.value.sha256, `${c.publicUrl()}/exports/${id}/${token}`), row.listener);
}

async function itemOf(row: ExportRow, c: ExportContext): Promise<Result<{ readonly item: InventoryItem; readonly path: string }, Failure>> {
  const project = await c.projectNow(row.slug);
  if (!project.ok) return project;
  const domain = project.value === null ? null : await c.domainOf(project.value);
  const item = domain === null ? ok(null) : await c.readTemplate(domain, row.template_id);
  if (!item.ok) return item;
  return item.value === null || domain === null
    ? err(failure("rejected", "export.gone", "The template is no longer there"))
    : ok({ item: item.value, path: domain.path });
}

async function failExport(row: ExportRow, entryId: string, f: Failure, c: ExportContext): Promise<void> {
  await updateEntry(c.db, entryId, c.now(), { state: "failed", problem: f.message });
  await updateExport(c.db, row.id, { state: "failed", problem: f.message });
  const failed = await readExport(c.db, row.id);
  if (failed !== null) await c.announcer.showExport(viewOf(failed, null, null), row.listener);
}

function viewOf(row: ExportRow, sum: string | null, link: string | null): ExportView {
  return {
    id: row.id,
    template: row.template_name,
    project: row.slug,
    state: row.state,
    doneBytes: row.done_bytes,
    totalBytes: row.total_bytes,
    sha256: sum,
    link,
    linkUntil: row.link_until,
    problem: row.problem,
  };
}

const LinkPath = z.string().regex(/^\/exports\/[0-9a-f-]{36}\/[\w-]{20,100}$/);
/** One answer to a click on a link of ours. */
export interface ExportAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Readable;
}

/** Serves a saved template by our own link. Any link that is not good is answered alike: 404. */
export async function serveExport(path: string, c: Pick<ExportContext, "db" | "store" | "now">): Promise<ExportAnswer> {
  const nothing: ExportAnswer = {
    status: 404,
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: "This link is not good, or no longer. Ask again with /ci-export-template.\n",
  };
  if (!LinkPath.safeParse(path).success) return nothing;
  const [, , id = "", token = ""] = path.split("/");
  const row = await readExport(c.db, id);
  const entry = (await readEntries(c.db, { kind: "export", id }))[0];
  if (row?.state !== "ready" || row.token_sha256 === null || row.link_until === null || row.link_until <= c.now()) return nothing;
  if (!timingSafeEqual(Buffer.from(row.token_sha256), Buffer.from(sha256(token))) || entry?.store_key == null) return nothing;
  const opened = await c.store.open(entry.store_key);
  if (!opened.ok) return nothing;
  const name = row.template_name.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 100);
  return {
    status: 200,
    body: opened.value,
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(entry.bytes ?? 0),
      "content-disposition": `attachment; filename="${name}"`,
      "cache-control": "no-store",
      "x-checksum-sha256": entry.sha256 ?? "",
    },
  };
}

function sha256(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
