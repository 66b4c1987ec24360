import type { ReimportItemRow } from "../../store/reimports.ts";
import { readInventoriesUntil, readUnsaved, type SavedCopy } from "../../store/reimport-sources.ts";
import type { Inventory, InventoryItem } from "../../core/inventory.ts";
import type { ReimportPlan } from "./begin.ts";
import type { MachineThen, ReimportContext, ReimportedTemplate, ReimportReport, ReimportRequest } from "./context.ts";

/** Kinds whose bytes may be in the archive, though no re-import registers them. */
const KEPT: readonly string[] = ["volume", "snapshot", "iso"];
/** Kinds without bytes: people create them again. */
const OTHERS: readonly string[] = "child_domain cloudstack_project vm_snapshot network vpc address kubernetes_cluster backup".split(" ");

/** Reports each template, and all that a re-import does not bring back: by name, with where its bytes are. */
export async function reportReimport(
  { ask, project, target }: ReimportRequest,
  { chosen, notes }: Pick<ReimportPlan, "chosen" | "notes">,
  templates: readonly ReimportedTemplate[],
  c: ReimportContext,
): Promise<ReimportReport> {
  const inventories = await readInventoriesUntil(c.db, project.id, ask.from);
  const saved = new Set(chosen.map((copy) => copy.itemId));
  const unsaved = (await readUnsaved(c.db, project.id, project.slugs, ask.from)).filter((u) => !saved.has(u.itemId));
  const named = new Set([...saved, ...unsaved.map((u) => u.itemId)]);
  const last = inventories.at(-1)?.items ?? [];
  const silent = last.filter((i) => [...KEPT, "template"].includes(i.kind) && !named.has(i.id));
  return {
    target,
    from: ask.from,
    templates,
    kept: chosen.filter((copy) => KEPT.includes(copy.kind)),
    unsaved: [...unsaved, ...silent.map((i) => ({ kind: i.kind, itemId: i.id, name: i.name, problem: "no copy of it was made" }))],
    machines: machinesThen(chosen, inventories),
    others: last.filter((i) => OTHERS.includes(i.kind)),
    notes,
  };
}

/** Every machine in our tables, each as it was seen last. Pure. */
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

/** A template for the report; `row` is null before its re-import began. */
export function templateOf(copy: SavedCopy, account: string, row: ReimportItemRow | null): ReimportedTemplate {
  return { copy, account, state: row?.state ?? "waiting", templateId: row?.template_id ?? null, problem: row?.problem ?? null };
}
