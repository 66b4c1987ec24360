import { after } from "../core/clock.ts";
import { fail, failure, sentenceOf, type Failure } from "../core/failure.ts";
import type { InventoryItem } from "../core/inventory.ts";
import { err, ok, type Result } from "../core/result.ts";
import { DAY_MS, HOUR_MS } from "../core/units.ts";
import { readCopiesToShare, readEntries, shareCopy, updateEntry } from "../store/archive-entries.ts";
import { recordAudit } from "../store/audit.ts";
import {
  readExport,
  readLiveExports,
  readSavedFile,
  readThingsWithUntoldEnd,
  readUntoldExports,
  updateExport,
  type ExportRow,
} from "../store/exports.ts";
import { readCopiesOf } from "../store/project-copies.ts";
import { compareCopy, isUnchanged, shareExistingCopy } from "./copy.ts";
import { manifestOf, saveEntry, type SavedThing } from "./entry.ts";
import type { ExportContext } from "./export-context.ts";
import { viewOf, type ExportStep, type ExportView } from "./export-view.ts";
import { wordsFor } from "./export-words.ts";
import { dispositionOf, fileNameOf } from "./file-name.ts";
import { LINK_MS, tokenHash } from "./links.ts";
import type { Saved } from "./save.ts";

const PROGRESS_MS = 2500;
/** So many of those who wait for another's download see how far it is: Slack takes so many updates only. */
const SHOWN_MAX = 5;
/** How long the end of an export is told, from when it was asked for. Units: milliseconds. */
const TOLD_MS = 7 * DAY_MS;
/** How long an address of the bucket's own is good: nobody can take it back. Units: milliseconds. */
const DIRECT_MS = HOUR_MS;
/** The longest address that fits a message, as that escapes it: with a session's token, addresses are long. Units: characters. */
const ADDRESS_MAX = 2_500;
/** What is said in the place of a link that would lead people to their own machine. */
const NO_ADDRESS =
  "It is saved, but nobody could open a link to it: Twokey does not know at which address people reach it. Ask those who run it to set TWOKEY_PUBLIC_URL, then export again: it is not downloaded twice.";

/**
 * Runs the exports of one thing, one after the other: the first one saves it, and those who asked meanwhile share its copy.
 *
 * Idempotent: what has ended, and was told, is left as it is.
 */
export async function runExports(template: string, c: ExportContext): Promise<void> {
  for (const row of await readUntoldExports(c.db, template)) {
    const copied = row.state === "waiting" || row.state === "saving" ? await runExport(row, c) : null;
    await tellEnd(row.id, copied, c);
  }
}

/** A copy that the archive has now, and how it came to be there. */
interface Copied extends Pick<Saved, "bytes" | "sha256">, Pick<ExportView, "copiedAt" | "isGone"> {
  readonly item: InventoryItem;
}

/** Runs one export up to its end: a copy that was checked just now; null: there is none, and why is stored. */
async function runExport(row: ExportRow, c: ExportContext): Promise<Copied | null> {
  const { id } = row;
  const entry = (await readEntries(c.db, { kind: "export", id }))[0];
  if (entry === undefined) return null;
  await updateExport(c.db, id, { state: "saving" });
  const progress = createProgress(row, c);
  const copied = await copyFor(row, entry.id, progress, c);
  await progress.settle();
  if (!copied.ok) {
    await updateEntry(c.db, entry.id, c.now(), { state: "failed", problem: sentenceOf(copied.error) });
    await updateExport(c.db, id, { state: "failed", problem: wordsFor(copied.error, row.item_kind) });
    return null;
  }
  const { bytes, sha256 } = copied.value;
  await c.db.tx(async (q) => {
    await updateExport(q, id, { state: "ready", done_bytes: bytes, total_bytes: bytes, link_until: after(c.now(), LINK_MS) });
    await recordAudit(q, { at: c.now(), actor: "twokey", kind: "export.ready", subject: id, data: { bytes, sha256 } });
  });
  return copied.value;
}

/**
 * Tells who asked how it ended. A process may die before it has told it, and only a hash of the link's secret is stored: so whoever tells it
 * makes the link, and the next one another link. `copied` null: another process saved it.
 */
async function tellEnd(id: string, copied: Copied | null, c: ExportContext): Promise<void> {
  const row = await readExport(c.db, id);
  if (row === null || !(row.state === "failed" || row.state === "ready")) return;
  const isTold = row.revoked_at !== null || (row.state === "failed" ? await tell(viewOf(row), row, c) : await tellReady(row, copied, c));
  // What Slack did not take is told by a later look, also by another process.
  if (isTold) await updateExport(c.db, id, { told: true });
}

/** Looks at what ended without anybody being told of it. */
export async function sweepExports(c: ExportContext): Promise<void> {
  for (const thing of await readThingsWithUntoldEnd(c.db, c.now() - TOLD_MS)) await c.db.tx((q) => c.enqueue(thing, q));
}

function tell(view: ExportView, { listener }: ExportRow, c: ExportContext): Promise<boolean> {
  return c.announcer.showExport(view, listener);
}

async function tellReady(row: ExportRow, copied: Copied | null, c: ExportContext): Promise<boolean> {
  const { id } = row;
  const saved = await readSavedFile(c.db, id);
  const { stored, ...link } = await linkFor(id, saved, c);
  await updateExport(c.db, id, stored);
  const sha256 = copied?.sha256 ?? (await readEntries(c.db, { kind: "export", id }))[0]?.sha256 ?? null;
  const file = saved === null ? {} : { fileName: fileNameOf(saved.name, saved.format, saved.hypervisor) };
  const how = copied === null ? {} : { copiedAt: copied.copiedAt, isGone: copied.isGone };
  const view = viewOf({ ...row, ...stored }, { sha256, ...file, ...how, isSigned: c.signsLinks, ...link });
  return tell(view, row, c);
}

type SavedFile = NonNullable<Awaited<ReturnType<typeof readSavedFile>>>;

/** What is stored of a link, and what who asked is told: our own, or without an address of ours the bucket's. */
async function linkFor(
  id: string,
  saved: SavedFile | null,
  c: ExportContext,
): Promise<Partial<ExportView> & { readonly stored: Pick<ExportRow, "link" | "token_sha256" | "link_until"> }> {
  const url = c.publicUrl();
  if (url === null && c.signsLinks) {
    const address = await directAddress(saved, c);
    const until = after(c.now(), DIRECT_MS);
    if (address !== null) return { stored: { link: "bucket", token_sha256: null, link_until: until }, link: address, isDirect: true };
  }
  // Also without a link the copy is kept until then: who exports again gets it without another download.
  const until = after(c.now(), LINK_MS);
  if (url === null) return { stored: { link: null, token_sha256: null, link_until: until }, problem: NO_ADDRESS };
  const token = c.newToken();
  return { stored: { link: "ours", token_sha256: tokenHash(token), link_until: until }, link: `${url}/exports/${id}/${token}` };
}

/** An address of the bucket's own; null: it gave none, or one that fits no message. */
async function directAddress(saved: SavedFile | null, c: ExportContext): Promise<string | null> {
  if (saved === null) return null;
  const name = dispositionOf(fileNameOf(saved.name, saved.format, saved.hypervisor));
  const signed = await c.store.sign?.(saved.key, "GET", name, DIRECT_MS / 1000);
  return signed?.ok === true && signed.value.replaceAll("&", "&amp;").length <= ADDRESS_MAX ? signed.value : null;
}

/** CloudStack's, or where it no longer has it, the archive's own. Errors: why there is neither. */
async function copyFor(row: ExportRow, entryId: string, progress: Progress, c: ExportContext): Promise<Result<Copied, Failure>> {
  progress.show("asking");
  const thing = await thingOf(row, c);
  if (!thing.ok) return thing;
  if (thing.value === null) return archivedCopy(row, entryId, progress, c);
  await updateEntry(c.db, entryId, c.now(), { state: "saving" });
  return copyOf(row, entryId, { ...thing.value, savedFor: { kind: "export", id: row.id } }, progress, c);
}

/** The entry's copy: one that the archive has, if the thing is unchanged and the bytes are whole, else a new one. */
async function copyOf(
  row: ExportRow,
  entryId: string,
  thing: SavedThing,
  progress: Progress,
  c: ExportContext,
): Promise<Result<Copied, Failure>> {
  const { item } = thing;
  const wasSaved = async () => (await readEntries(c.db, { kind: "export", id: row.id }))[0];
  // What a volume holds changes, and CloudStack says nothing of that: only who asked at the same time shares its copy.
  const since = item.kind === "volume" ? row.asked_at : undefined;
  const known = await readCopiesToShare(c.db, item.kind, item.id);
  if (known.some((copy) => isUnchanged(copy.item, item) && copy.savedAt >= (since ?? 0))) progress.show("checking");
  const shared = (await wasSaved())?.state === "verified" ? ok(true) : await shareExistingCopy(entryId, thing, c, since);
  // One that cannot be read now is no reason to wait: what CloudStack gives is no older.
  if (shared.ok && shared.value) {
    const copy = await wasSaved();
    if (copy?.bytes != null && copy.sha256 !== null) {
      // What was saved since they asked was downloaded for them, too.
      const copiedAt = copy.saved_at === null || copy.saved_at >= row.asked_at ? null : (copy.saved_at as ExportView["copiedAt"]);
      return ok({ bytes: copy.bytes, sha256: copy.sha256, item, copiedAt, isGone: false });
    }
  }
  progress.show("asking");
  const saved = await saveEntry(entryId, thing, c, progress.bytes);
  return saved.ok ? ok({ ...saved.value, item, copiedAt: null, isGone: false }) : saved;
}

/** A copy that was saved for this very project, and whose bytes are whole; it is read, never downloaded. Errors: there is none. */
async function archivedCopy(row: ExportRow, entryId: string, progress: Progress, c: ExportContext): Promise<Result<Copied, Failure>> {
  progress.show("checking");
  let problem = failure("rejected", "export.gone", `The ${row.item_kind} no longer exists`, {
    remedy: "CloudStack does not have it any more, and the archive has no copy of it.",
  });
  const copies = row.project_id === null ? [] : await readCopiesOf(c.db, row.project_id, row.item_kind, row.template_id);
  for (const copy of copies) {
    const whole = await compareCopy(copy, c);
    // An older one is no answer while the newest is only out of reach.
    if (!whole.ok && whole.error.code !== "archive.damaged") return whole;
    if (!whole.ok) {
      problem = whole.error;
      continue;
    }
    const { item, domainPath, bytes, sha256, savedAt } = copy;
    const manifest = manifestOf({ item, domainPath, savedFor: { kind: "export", id: row.id } }, { bytes, sha256 }, savedAt);
    if (await shareCopy(c.db, entryId, copy.id, c.now(), manifest)) return ok({ bytes, sha256, item, copiedAt: savedAt, isGone: true });
  }
  return err(problem);
}

/** The thing as CloudStack has it now; null: it does not have it, or its project has no domain any more. */
async function thingOf(
  row: ExportRow,
  c: ExportContext,
): Promise<Result<{ readonly item: InventoryItem; readonly domainPath: string } | null, Failure>> {
  const project = await c.projectNow(row.slug);
  if (!project.ok) return project;
  // Another project may have the slug by now.
  const domain = project.value === null || project.value.id !== row.project_id ? null : await c.domainOf(project.value);
  const item = domain === null ? ok(null) : await c.readItem(domain, row.item_kind, row.template_id);
  if (!item.ok) return item;
  if (item.value === null || domain === null) return ok(null);
  if (c.reported !== null) return fail("refused", "export.reported", `Nothing is exported now: ${c.reported}`);
  return ok({ item: item.value, domainPath: domain.path });
}

/** Shows how far one export is, to everybody who waits for the same thing. */
interface Progress {
  show(step: ExportStep): void;
  readonly bytes: (done: number, total: number | null, step: ExportStep) => void;
  /** Waits until what was shown is on its way: the end is shown after it. */
  settle(): Promise<void>;
}

function createProgress(row: ExportRow, c: ExportContext): Progress {
  let [shownAt, last]: [number, Promise<void>] = [c.now(), Promise.resolve()];
  let shownStep: ExportStep | null = null;
  const tell = (step: ExportStep, done: number, total: number | null): void => {
    [shownAt, shownStep] = [c.now(), step];
    last = last.then(() => tellAll(row, { step, doneBytes: done, totalBytes: total ?? row.total_bytes }, c)).catch(() => undefined);
  };
  return {
    show: (step) => (step === shownStep ? undefined : tell(step, row.done_bytes, null)),
    bytes(done, total, step) {
      if (step !== shownStep || c.now() - shownAt >= PROGRESS_MS) tell(step, done, total);
    },
    settle: () => last,
  };
}

/** Those who asked meanwhile see the same: it is one download. */
async function tellAll(row: ExportRow, more: Pick<ExportView, "step" | "doneBytes" | "totalBytes">, c: ExportContext): Promise<void> {
  const waiting = (await readLiveExports(c.db, row.template_id)).filter((r) => r.id !== row.id && r.project_id === row.project_id);
  const saving = { ...more, state: "saving", others: waiting.length } as const;
  for (const one of [row, ...waiting.slice(0, SHOWN_MAX)]) await c.announcer.showExport(viewOf(one, saving), one.listener);
}
