import type { ReimportItemRow } from "../../store/reimports.ts";
import { readInventoriesUntil, readUnsaved, type SavedCopy } from "../../store/reimport-sources.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../core/inventory.ts";
import type {
  MachineThen,
  ReimportAsk,
  ReimportContext,
  ReimportedProject,
  ReimportedTemplate,
  ReimportReport,
  ReimportTarget,
} from "./context.ts";

/** Kinds whose bytes may be in the archive, though no restore puts them back. */
const KEPT: readonly ItemKind[] = ["volume", "snapshot", "iso"];
/** Kinds that are no bytes: whoever wants them makes them anew. */
const OTHERS: readonly ItemKind[] = [
  "child_domain",
  "cloudstack_project",
  "vm_snapshot",
  "network",
  "vpc",
  "address",
  "kubernetes_cluster",
  "backup",
];

/** What a report is made of, besides what our tables tell. */
export interface ReportParts {
  readonly project: ReimportedProject;
  readonly target: ReimportTarget;
  readonly chosen: readonly SavedCopy[];
  readonly templates: readonly ReimportedTemplate[];
  readonly notes: readonly string[];
}

/** Says what became of each template, and what a restore does not bring back: every thing by name, with where its bytes are. */
export async function reportReimport(ask: ReimportAsk, p: ReportParts, c: ReimportContext): Promise<ReimportReport> {
  const inventories = await readInventoriesUntil(c.db, p.project.id, ask.from);
  const saved = new Set(p.chosen.map((copy) => copy.itemId));
  const unsaved = (await readUnsaved(c.db, p.project.id, p.project.slugs, ask.from)).filter((u) => !saved.has(u.itemId));
  const named = new Set([...saved, ...unsaved.map((u) => u.itemId)]);
  const last = inventories.at(-1);
  const silent = (last?.items ?? []).filter((i) => [...KEPT, "template"].includes(i.kind) && !named.has(i.id));
  return {
    project: p.project,
    target: p.target,
    from: ask.from,
    templates: p.templates,
    kept: p.chosen.filter((copy) => KEPT.includes(copy.kind)),
    unsaved: [...unsaved, ...silent.map((i) => ({ kind: i.kind, itemId: i.id, name: i.name, problem: "no copy of it was made" }))],
    machines: machinesThen(p.chosen, inventories),
    others: (last?.items ?? []).filter((i) => OTHERS.includes(i.kind)),
    notes: p.notes,
  };
}

/** Every machine that our tables tell of, each as it was seen last. Pure. */
export function machinesThen(chosen: readonly SavedCopy[], inventories: readonly Inventory[]): readonly MachineThen[] {
  const seen = [
    ...inventories.flatMap((i) => i.items.map((item) => ({ item, at: i.asOf as number }))),
    ...chosen.map((copy) => ({ item: copy.item, at: copy.savedAt as number })),
  ].toSorted((a, b) => a.at - b.at);
  const newest = new Map<string, InventoryItem>(seen.map(({ item }) => [item.id, item]));
  const all = [...newest.values()];
  return all
    .filter((item) => item.kind === "machine")
    .map((item) => ({
      item,
      volumes: all.filter((i) => i.kind === "volume" && i.parentId === item.id),
      templateName: newest.get(String(item.facts["templateId"] ?? ""))?.name ?? null,
    }))
    .toSorted((a, b) => (a.item.name < b.item.name ? -1 : 1));
}

/** A template of a restore for the report. */
export function reimportedTemplate(copy: SavedCopy, account: string, row: ReimportItemRow | null): ReimportedTemplate {
  return { copy, account, state: row?.state ?? "waiting", templateId: row?.template_id ?? null, problem: row?.problem ?? null };
}
