import { Readable } from "node:stream";
import { saveEntry, type SaveContext } from "../entry.ts";
import type { ExportSource } from "../ports.ts";
import { compareCopy } from "../copy.ts";
import type { NewId } from "../../core/clock.ts";
import { canonicalJson } from "../../core/digest.ts";
import type { Failure } from "../../core/failure.ts";
import type { DomainId, DomainPath } from "../../core/ids.ts";
import { ok, type Result } from "../../core/result.ts";
import { insertEntry, readEntries, updateEntry } from "../../store/archive-entries.ts";
import { recordAudit } from "../../store/audit.ts";
import {
  beginBackupRun,
  endBackupRun,
  readBackupContents,
  readBackupRun,
  readSavedBefore,
  recordBackupContent,
  type BackupContentRow,
  type BackupRunRow,
} from "../../store/backup-runs.ts";
import { readStop } from "../../store/stop-switch.ts";
import type { Inventory, InventoryItem } from "../../core/inventory.ts";
import { kindsOf, unchangingKinds } from "../../core/backup-policy.ts";

/** What making a backup needs. */
export interface BackupRunContext extends SaveContext {
  readonly readInventory: (id: DomainId, path: DomainPath) => Promise<Result<Inventory, Failure>>;
  readonly newId: NewId;
}

/**
 * Makes one backup: what the policy names is saved and read back; what cannot have changed since an earlier one is read back only.
 *
 * What fails is named, and the rest is saved. Safe to run again: what is verified is not touched; while everything is stopped it waits.
 * Errors: throws `signal`'s reason when it aborts, so that the run is taken over.
 */
export async function runBackup(id: string, c: BackupRunContext, signal: AbortSignal): Promise<void> {
  const run = await readBackupRun(c.db, id);
  if (run === null || run.ended_at !== null || (await readStop(c.db)).stopped) return;
  await beginBackupRun(c.db, id);
  const inventory = await c.readInventory(run.domain_id, run.path);
  if (!inventory.ok) return endRun(run, { state: "failed", problem: inventory.error.message }, c);

  const kinds: readonly string[] = kindsOf[run.policy];
  const items = inventory.value.items.filter((i) => kinds.includes(i.kind));
  const before = new Map((await readSavedBefore(c.db, run.project_id)).map((e) => [e.item_id, e]));
  const saved = new Set((await readBackupContents(c.db, [id])).map((e) => e.item_id));

  const problems: string[] = [];
  for (const item of items) {
    signal.throwIfAborted();
    if (saved.has(item.id)) continue;
    const known = before.get(item.id);
    const failed = known !== undefined && isUnchanged(item) ? await keepOld(run, item, known, c) : await saveNew(run, item, c);
    // Stopped half-way: the schedule continues this same run after the resume.
    if (failed !== null && (failed.code === "cloudstack.stopped" || (await readStop(c.db)).stopped)) return;
    if (failed !== null) problems.push(`${item.kind} ${item.name}: ${failed.message}`);
  }

  const lost = problems.length;
  if (lost === 0) return endRun(run, { state: "complete", problem: null }, c);
  const problem = `${lost} of ${items.length} could not be saved. ${problems[0] ?? ""}`;
  return endRun(run, { state: lost === items.length ? "failed" : "partial", problem }, c);
}

function isUnchanged(item: InventoryItem): boolean {
  return [...unchangingKinds].some((kind) => kind === item.kind);
}

/** Reads the copy of an earlier backup again; one that has changed is saved again. Null: it is in this backup too. */
async function keepOld(run: BackupRunRow, item: InventoryItem, old: BackupContentRow, c: BackupRunContext): Promise<Failure | null> {
  const checked = await compareCopy(old, c);
  if (!checked.ok) return checked.error.code === "archive.damaged" ? saveNew(run, item, c) : checked.error;
  await recordBackupContent(c.db, run.id, old.entry_id, c.now());
  return null;
}

async function saveNew(run: BackupRunRow, item: InventoryItem, c: BackupRunContext): Promise<Failure | null> {
  const owner = { kind: "backup" as const, id: run.id };
  await insertEntry(c.db, owner, { id: c.newId(), itemKind: item.kind, itemId: item.id, name: item.name, at: c.now() });
  const entry = (await readEntries(c.db, owner)).find((e) => e.item_id === item.id);
  if (entry === undefined) throw new Error("an entry that was just made is not there");
  await updateEntry(c.db, entry.id, c.now(), { state: "saving" });
  const thing = { item, domainPath: run.path, savedFor: owner };
  const saved = await saveEntry(entry.id, thing, { ...c, source: sourceOf(c.source) }, undefined, (q, _, at) =>
    recordBackupContent(q, run.id, entry.id, at),
  );
  return saved.ok ? null : saved.error;
}

/** A machine is saved as what CloudStack says of it: with its volumes that is enough to create it again. */
function sourceOf(source: ExportSource): ExportSource {
  return {
    openExport: async (item) => {
      if (item.kind !== "machine") return source.openExport(item);
      const bytes = Buffer.from(canonicalJson(item), "utf8");
      return ok({ open: async () => ok({ bytes: Readable.from([bytes]), offset: 0, totalBytes: bytes.length }) });
    },
  };
}

async function endRun(run: BackupRunRow, end: Omit<Parameters<typeof endBackupRun>[2], "at">, c: BackupRunContext): Promise<void> {
  const at = c.now();
  await c.db.tx(async (q) => {
    await endBackupRun(q, run.id, { ...end, at });
    const data = { project: run.project_id, policy: run.policy, ...end };
    await recordAudit(q, { at, actor: "twokey", kind: "backup.ended", subject: run.id, data });
  });
}
