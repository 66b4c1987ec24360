import { createHash, randomUUID } from "node:crypto";
import type { AccountId, DeletionId, DomainId, DomainPath, Instant, OperatorId, ProjectId, Slug } from "../../src/core/ids.ts";
import { completeInventory, type CompleteInventory } from "../../src/core/complete-inventory.ts";
import { itemsToSave } from "../../src/archive/kinds.ts";
import { usualKinds } from "../../src/core/archive-kinds.ts";
import { insertEntry, updateEntry } from "../../src/store/archive-entries.ts";
import type { Database } from "../../src/store/db.ts";
import { insertDeletion, readDeletion, updateDeletion, type FrozenPolicy, type DeletionRow } from "../../src/store/deletions.ts";
import { type Inventory, type InventoryItem, inventoryDigest } from "../../src/core/inventory.ts";

/** A person of the tests. */
export const op = (name: string): OperatorId => `ci:${name}` as OperatorId;
/** An instant of the tests. */
export const at = (n: number): Instant => n as Instant;

/** Frozen times and limits of the tests. */
export const policy: FrozenPolicy = {
  approvalMs: 1000,
  coolOffMs: 100,
  graceMs: 200,
  quorum: 2,
  deletionsPerDay: 1,
  deletionsPerWeek: 3,
  protectedDomains: [],
  archiveKinds: ["template", "iso"],
};

/** One thing in a domain. */
export function item(kind: InventoryItem["kind"], name: string, more: Partial<InventoryItem> = {}): InventoryItem {
  return {
    kind,
    id: `${kind}-${name}`,
    name,
    accountId: null,
    accountName: null,
    bytes: null,
    state: "",
    createdAt: null,
    zoneId: null,
    parentId: null,
    facts: {},
    ...more,
  };
}

/** An inventory of a domain of the tests. */
export function inventory(domainId: DomainId, items: readonly InventoryItem[]): CompleteInventory {
  return completeOf({ domainId, path: "ROOT/ci/a" as DomainPath, items, obstacles: [], asOf: at(0) });
}

/** An inventory as if a second witness had confirmed it. */
export function completeOf(shown: Inventory): CompleteInventory {
  const accounts = shown.items.filter((i) => i.kind === "account");
  const totals = accounts.map((a, i) => ({
    accountId: a.id as AccountId,
    accountName: a.name,
    domainId: shown.domainId,
    projects: i > 0 ? 0 : shown.items.filter((p) => p.kind === "cloudstack_project" && p.parentId === shown.domainId).length,
    counts: {},
  }));
  const complete = completeInventory({ inventory: shown, totals, doubts: [] });
  if (!complete.ok) throw new Error(complete.error.join("; "));
  return complete.value;
}

/** Opens a deletion whose waits may be shorter than those in force: PostgreSQL refuses that of the bot. */
export async function insertWithAnyWaits(db: Database, deletion: Parameters<typeof insertDeletion>[1]): Promise<void> {
  await db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await insertDeletion(q, deletion);
  });
}

/** Opens a deletion whose requester is `chen`, of `ROOT/ci/a` if nothing else is said; gives its row. `limits` change the frozen policy. */
export async function openOne(
  db: Database,
  place: { readonly domain?: string; readonly name?: string } = {},
  limits: Partial<FrozenPolicy> = {},
): Promise<DeletionRow> {
  const id = randomUUID() as DeletionId;
  const { domain: domainId = randomUUID(), name = "a" } = place;
  const projectId = "p-1" as ProjectId;
  await insertWithAnyWaits(db, {
    id,
    domain_id: domainId as DomainId,
    project_id: projectId,
    slug: name,
    path: `ROOT/ci/${name}` as DomainPath,
    name,
    policy: { ...policy, ...limits },
    opened_at: at(1),
    requesters: [op("chen")],
    evidence: { kind: "closed", projectId, slug: name as Slug, closedAt: at(0), closedBy: null },
  });
  return expectRow(db, id);
}

/** Brings a deletion to `proposed`, on the digest of an inventory with one template. */
export async function proposeOne(db: Database): Promise<DeletionRow> {
  const row = await openOne(db);
  const digest = inventoryDigest(inventory(row.domain_id, [item("template", "t")]));
  await updateDeletion(db, row.id, { phase: "proposed", digest, proposed_at: at(10), expires_at: at(1010), entered_at: at(10) });
  return expectRow(db, row.id);
}

/** The SHA-256 of "abc", which is what the archive of the tests holds of each thing. */
export const abcSha256 = createHash("sha256").update("abc").digest("hex");

/** Enters everything of an inventory that must be saved as verified, each with the bytes "abc"; PostgreSQL refuses votes before that. */
export async function enterAsSaved(db: Database, row: DeletionRow, shown: Inventory): Promise<void> {
  for (const one of itemsToSave(shown, row.policy.archiveKinds ?? usualKinds)) {
    const id = randomUUID();
    await insertEntry(db, { kind: "deletion", id: row.id }, { id, itemKind: one.kind, itemId: one.id, name: one.name, at: 5 });
    await updateEntry(db, id, 6, { state: "verified", key: id, sha256: abcSha256, bytes: 3, manifest: {} });
  }
}

/** Reads a row that must be there. */
export async function expectRow(db: Database, id: string): Promise<DeletionRow> {
  const row = await readDeletion(db, id);
  if (row === null) throw new Error("the deletion is not there");
  return row;
}

/** Changes a deletion's row past the rules of PostgreSQL: no way of the bot's leads there but the whole life. */
export async function updateAnyway(db: Database, id: string, change: Parameters<typeof updateDeletion>[2]): Promise<void> {
  await db.tx(async (q) => {
    await q.exec("set local session_replication_role = replica");
    await updateDeletion(q, id, change);
  });
}
