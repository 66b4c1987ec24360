import type { ExportKind } from "../core/archive-kinds.ts";
import { fail, failure, type Failure } from "../core/failure.ts";
import { ExportId, type ProjectId, type Slug } from "../core/ids.ts";
import { notYours, teamOnly, type Asker } from "../core/people.ts";
import { onlyReported } from "../core/report-mode.ts";
import { err, ok, type Result } from "../core/result.ts";
import { sizeText } from "../core/units.ts";
import { insertEntry } from "../store/archive-entries.ts";
import { recordAudit } from "../store/audit.ts";
import type { Transaction } from "../store/db.ts";
import {
  insertExport,
  lockExport,
  lockExports,
  readExport,
  readLiveExportsOf,
  readLiveLinks,
  revokeLink,
  type ExportRow,
  type LiveLink,
  type LiveLinks,
} from "../store/exports.ts";
import { readCopiesOf } from "../store/project-copies.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import type { ExportContext } from "./export-context.ts";
import { createChoices, exportableOf, itemsOf, type Exportable } from "./export-choices.ts";
import { viewOf, type ExportListener, type ExportView } from "./export-view.ts";
import { exportObstacle } from "./kinds.ts";
import { reachOf } from "./reach.ts";

export type { LiveLink, LiveLinks };

/** Exports, as commands use them. A thing is a template, or a volume or snapshot where the policy allows it. */
export interface ExportService {
  /** What a person may export of one project, asked for again. */
  templates(asker: Asker, slug: Slug, kind?: ExportKind): Promise<Result<readonly Exportable[], Failure>>;
  /** What a person may export of all their projects; what was asked for less than a minute ago is not asked for again. */
  choices(asker: Asker, kind: ExportKind): Promise<Result<readonly Exportable[], Failure>>;
  /** Starts an export; `listener` says where its changes are shown, the last one always. */
  start(asker: Asker, slug: Slug, id: string, listener: ExportListener, kind?: ExportKind): Promise<Result<ExportView, Failure>>;
  /** Takes a link back. Errors: `refused` for anybody but who asked, and the team; `stale` where there is none any more. */
  revoke(id: string, by: Asker, slackUser: string): Promise<Result<ExportView, Failure>>;
  /** The same by a command: whoever asked for it, only the team may. Each refusal is recorded. */
  revokeAsTeam(id: string, by: Asker, slackUser: string): Promise<Result<ExportView, Failure>>;
  /** The newest links that can be used now, of one project or of all, for the team. Errors: `refused` for anybody else. */
  links(by: Asker, project: Slug | null): Promise<Result<LiveLinks, Failure>>;
}

/** How many links are listed: with more, those of one project are asked for. */
const LINKS_MAX = 45;
/** How many exports of one person may wait or run. */
const LIVE_MAX = 3;

/** Builds the service through which people export things of their own projects. */
export function createExportService(c: ExportContext): ExportService {
  const choices = createChoices(c);
  return {
    async templates(asker, slug, kind = "template") {
      const allowed = await requireKind(kind, c);
      if (!allowed.ok) return allowed;
      const reach = await reachOf(asker, c);
      if (!reach.ok) return reach;
      const [projects, former] = [reach.value.projects.filter((p) => p.slug === slug), reach.value.former.filter((p) => p.slug === slug)];
      return projects.length + former.length === 0 ? err(notYours(slug)) : itemsOf({ projects, former }, kind, c);
    },
    async choices(asker, kind) {
      const allowed = await requireKind(kind, c);
      return allowed.ok ? choices(asker, kind) : allowed;
    },
    async start(asker, slug, id, listener, kind = "template") {
      const allowed = await requireKind(kind, c);
      if (!allowed.ok) return allowed;
      const found = await findThing(asker, slug, id, kind, c);
      if (!found.ok) return found;
      const { thing, projectId } = found.value;
      const of = { slug, project_id: projectId, item_kind: kind, listener } as const;
      const who = { asked_by: asker.operator.id, asked_by_name: asker.operator.name };
      const stored = await c.db.tx((q) => ask(q, { ...of, ...who, thing }, c));
      if (!stored.ok) return stored;
      const row = await readExport(c.db, stored.value);
      return row === null ? fail("stuck", "export.lost", "The export was not stored") : ok(viewOf(row, { isGone: thing.savedAt !== null }));
    },
    revoke: (id, by, slackUser) => revoke(id, by, slackUser, c),
    async revokeAsTeam(id, by, slackUser) {
      const refusal = by.isTeam ? null : await refuse(by, "revoke a link to an export", id, c);
      return refusal ?? revoke(id, by, slackUser, c);
    },
    async links(by, project) {
      const refusal = by.isTeam ? null : await refuse(by, "see the links to exports", "", c);
      return refusal ?? ok(await readLiveLinks(c.db, c.now(), project, LINKS_MAX));
    },
  };
}

async function requireKind(kind: ExportKind, c: ExportContext): Promise<Result<void, Failure>> {
  if (kind === "template" || (await c.allowedKinds()).includes(kind)) return ok(undefined);
  return fail("refused", "export.kind", `The CI team does not let ${kind}s be exported`, {
    remedy: `Two approvers can allow it with /ci-policy set export-kinds ${kind}s because <reason>. Templates can be exported: /ci-export-template.`,
  });
}

/** What is to be exported: CloudStack's, or where it no longer has it, the archive's. Errors: `refused`, `invalid`, why it cannot be read. */
async function findThing(
  asker: Asker,
  slug: Slug,
  id: string,
  kind: ExportKind,
  c: ExportContext,
): Promise<Result<{ readonly thing: Exportable; readonly projectId: ProjectId }, Failure>> {
  const reach = await reachOf(asker, c);
  if (!reach.ok) return reach;
  const project = reach.value.projects.find((p) => p.slug === slug);
  const former = reach.value.former.filter((p) => p.slug === slug);
  if (project === undefined && former.length === 0) return err(notYours(slug));
  const live = project === undefined ? ok(null) : await readLive(project, id, kind, c);
  if (!live.ok) return live;
  if (project !== undefined && live.value !== null) return ok({ thing: live.value, projectId: project.id });
  for (const one of [...(project === undefined ? [] : [project]), ...former]) {
    const [copy] = await readCopiesOf(c.db, one.id, kind, id);
    if (copy !== undefined) return ok({ thing: exportableOf(copy.item, slug, copy), projectId: one.id });
  }
  if (c.reported !== null) return err(onlyReported(c.reported));
  return fail("invalid", "export.no_template", `${slug} has no such ${kind}`, { remedy: "Choose one from the list." });
}

/** The thing as CloudStack has it; null: it does not. Errors: `refused` for what would fail; why it cannot be read. */
async function readLive(
  project: DesiredProject,
  id: string,
  kind: ExportKind,
  c: ExportContext,
): Promise<Result<Exportable | null, Failure>> {
  const domain = await c.domainOf(project);
  if (domain === null) return ok(null);
  if (c.reported !== null) return err(onlyReported(c.reported));
  const found = await c.readItem(domain, kind, id);
  if (!found.ok || found.value === null) return found.ok ? ok(null) : found;
  const item = found.value;
  const size = typeof item.facts["physicalBytes"] === "number" ? item.facts["physicalBytes"] : item.bytes;
  if (c.maxBytes !== null && size !== null && size > c.maxBytes)
    return fail("refused", "export.too_big", `${item.name} has ${sizeText(size)}; at most ${sizeText(c.maxBytes)} can be exported`, {
      remedy: "Make a smaller one, or ask the CI team to raise ARCHIVE_EXPORT_MAX_GIB.",
    });
  // A machine that runs is looked at only for a volume: a template needs none.
  const beside = kind === "volume" && item.parentId !== null ? await c.readItem(domain, "machine", item.parentId) : ok(null);
  if (!beside.ok) return beside;
  const obstacle = exportObstacle(item, { items: beside.value === null ? [] : [beside.value] });
  if (obstacle !== null) return err(failure("refused", "export.not_now", obstacle, { remedy: "Then ask again." }));
  return ok(exportableOf(item, project.slug));
}

type Asked = Pick<ExportRow, "slug" | "project_id" | "item_kind" | "asked_by" | "asked_by_name" | "listener"> & {
  readonly thing: Exportable;
};

/** Stores what was asked for; a thing that this person waits for already is not asked for twice. Errors: `refused` with too many. */
async function ask(q: Transaction, { thing, ...asked }: Asked, c: ExportContext): Promise<Result<string, Failure>> {
  await lockExports(q);
  const live = await readLiveExportsOf(q, asked.asked_by);
  const same = live.find((e) => e.template_id === thing.id && e.project_id === asked.project_id);
  if (same === undefined && live.length >= LIVE_MAX)
    return fail("refused", "export.too_many", `You have ${live.length} exports under way`, {
      remedy: `Wait until one has ended: at most ${LIVE_MAX} of one person run at a time.`,
    });
  const id = same?.id ?? ExportId.parse(c.newId());
  if (same === undefined) {
    const template = { template_id: thing.id, template_name: thing.name, total_bytes: thing.bytes };
    await insertExport(q, { id, ...asked, ...template, asked_at: c.now() });
    const entry = { id: c.newId(), itemKind: asked.item_kind, itemId: thing.id, name: thing.name, at: c.now() } as const;
    await insertEntry(q, { kind: "export", id }, entry);
    const data = { slug: asked.slug, [asked.item_kind]: thing.id };
    await recordAudit(q, { at: c.now(), actor: asked.asked_by, kind: "export.asked", subject: id, data });
  }
  await c.enqueue(thing.id, q);
  return ok(id);
}

/** Who is not of the team is refused, and that is recorded. */
async function refuse(by: Asker, what: string, id: string, c: ExportContext): Promise<Result<never, Failure>> {
  const refusal = teamOnly(what);
  const data = { what, sentence: refusal.message };
  await c.db.tx((q) => recordAudit(q, { at: c.now(), actor: by.operator.id, kind: "export.refused", subject: id, data }));
  return err(refusal);
}

async function revoke(id: string, by: Asker, slackUser: string, c: ExportContext): Promise<Result<ExportView, Failure>> {
  const done = await c.db.tx(async (q): Promise<Result<ExportRow, Failure>> => {
    const row = await lockExport(q, id);
    const isTheirs = row !== null && (row.asked_by === by.operator.id || row.listener.user === slackUser);
    if (row === null || !(isTheirs || by.isTeam))
      return fail("refused", "export.not_yours", "Only who asked for this export, and the CI team, may revoke its link");
    const isOpen = row.state === "ready" && row.revoked_at === null && (row.link_until ?? 0) > c.now();
    if (isOpen && row.link === "bucket") return err(bucketLink());
    if (!isOpen || row.token_sha256 === null)
      return fail("stale", "export.no_link", "This link opens nothing any more; there is nothing to revoke");
    await revokeLink(q, id, c.now(), by.operator.name);
    await recordAudit(q, { at: c.now(), actor: by.operator.id, kind: "export.revoked", subject: id, data: { slug: row.slug } });
    return ok({ ...row, revoked_at: c.now(), revoked_by: by.operator.name, token_sha256: null });
  });
  if (!done.ok) return done;
  c.downloads.end(id);
  const view = viewOf(done.value, { isSigned: c.signsLinks });
  await c.announcer.showExport(view, done.value.listener);
  return ok(view);
}

/** The refusal for an address of the bucket's own, which still works. */
export function bucketLink(): Failure {
  return failure("refused", "export.bucket_link", "This link is the archive's bucket's own, and nobody can revoke it", {
    remedy:
      "It ends by itself an hour after it was sent; a download that began before goes on. To end it at once, those who run Twokey replace the bucket's access key.",
  });
}
