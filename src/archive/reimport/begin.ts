import { fail, type Failure } from "../../core/failure.ts";
import { ok, type Result } from "../../core/result.ts";
import { recordAudit } from "../../store/audit.ts";
import { findReimport, insertReimport, readReimportItems, readReimportsInto, type ReimportRow } from "../../store/reimports.ts";
import { readCopiesOf, readDomainOwner, readSavedCopies, type SavedCopy } from "../../store/reimport-sources.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../core/inventory.ts";
import type { ReimportContext, ReimportItem, ReimportRequest, ReimportRun, ReimportTarget } from "./context.ts";
import { chooseZone, fitTemplate } from "./place.ts";
import { chooseCopies } from "./point.ts";
import { isMadeFor } from "./settle.ts";
import { requireNoDeletion } from "./target.ts";
import { listed } from "../../core/shown-text.ts";

/** What a domain must not hold when a re-import begins. */
const CONTENTS: readonly ItemKind[] = ["machine", "volume", "snapshot", "vm_snapshot", "template", "iso", "kubernetes_cluster", "backup"];

/** What a re-import is about to do; `row` is null before it has ever begun. */
export interface ReimportPlan {
  readonly row: ReimportRow | null;
  /** The newest copy of each thing. */
  readonly chosen: readonly SavedCopy[];
  /** The templates, each with the account that it will belong to. */
  readonly templates: readonly { readonly copy: SavedCopy; readonly account: string }[];
  readonly items: readonly ReimportItem[];
  readonly notes: readonly string[];
  readonly fit: ReimportRun["fit"];
}

/**
 * Reads the archive and the domain, and says what is to be re-imported. Changes nothing.
 *
 * Errors: `refused` when nothing was saved by then, when the domain holds something that this re-import did not put there, when an
 * account or a zone is missing; `unavailable` or `stale` when CloudStack could not be read.
 */
export async function planReimport(r: ReimportRequest, c: ReimportContext): Promise<Result<ReimportPlan, Failure>> {
  const { ask, project, target } = r;
  const free = await requireNoDeletion(target, c.db);
  if (!free.ok) return free;
  const copies = await readSavedCopies(c.db, project.id, project.slugs);
  const chosen = chooseCopies(copies, ask.from);
  const row = await findReimport(c.db, { project_id: project.id, domain_id: target.id, from_at: ask.from, account: ask.account ?? "" });
  if (chosen.length === 0 && row === null) return nothingSaved(r, copies);

  const items = row === null ? [] : await readItems(row, c);
  const inventory = await c.readInventory(target.id, target.path);
  if (!inventory.ok) return inventory;
  const empty = await requireEmpty(items, inventory.value, target, c);
  if (!empty.ok) return empty;
  const templates = chooseAccounts(r, row === null ? chosen : items.map((i) => i.copy), inventory.value);
  if (!templates.ok) return templates;

  const installation = await c.registrar.readInstallation();
  if (!installation.ok) return installation;
  const copied = templates.value.map((t) => t.copy);
  const zone = chooseZone(copied, installation.value.zones, ask.zone);
  if (!zone.ok) return zone;
  const notes = await notesOf(r, chosen, c);
  if (zone.value !== null) notes.push(`Templates whose own zone no longer exists go into the zone ${zone.value.name}.`);
  const fit = (item: InventoryItem) => fitTemplate(item, installation.value, zone.value);
  return ok({ row, chosen, items, templates: templates.value, notes, fit });
}

/** Records what is to be re-imported, before the first template is. */
export async function beginReimport(
  { ask, project, target }: ReimportRequest,
  plan: ReimportPlan,
  c: ReimportContext,
): Promise<Pick<ReimportRun, "row"> & Pick<ReimportPlan, "items">> {
  if (plan.row !== null) return { row: plan.row, items: plan.items };
  const [from_at, account, begun_at] = [ask.from, ask.account ?? "", c.now()];
  const row = {
    id: c.newId(),
    project_id: project.id,
    domain_id: target.id,
    path: target.path,
    from_at,
    account,
    begun_at,
    ended_at: null,
  };
  await c.db.tx(async (q) => {
    const items = plan.templates.map((t) => ({ id: c.newId(), entryId: t.copy.entryId, account: t.account }));
    await insertReimport(q, row, items);
    const data = { project: project.id, domainId: target.id, path: target.path, from: ask.from, templates: items.length };
    await recordAudit(q, { at: begun_at, actor: "terminal", kind: "restore.begun", subject: row.id, data });
  });
  return { row, items: await readItems(row, c) };
}

/** Reads a re-import's templates as they stand, by name. */
export async function readItems(row: Pick<ReimportRow, "id">, c: ReimportContext): Promise<readonly ReimportItem[]> {
  const rows = new Map((await readReimportItems(c.db, row.id)).map((r) => [r.entry_id, r]));
  return (await readCopiesOf(c.db, [...rows.keys()]))
    .flatMap((copy) => {
      const of = rows.get(copy.entryId);
      return of === undefined ? [] : [{ row: of, copy }];
    })
    .toSorted((a, b) => (`${a.copy.name} ${a.copy.itemId}` < `${b.copy.name} ${b.copy.itemId}` ? -1 : 1));
}

/** Empty is a domain without contents, except what this same re-import put there before. It may have networks and accounts. */
async function requireEmpty(
  items: readonly ReimportItem[],
  inventory: Inventory,
  target: ReimportTarget,
  c: ReimportContext,
): Promise<Result<void, Failure>> {
  const unproven = inventory.unproven?.[0];
  if (unproven !== undefined) {
    const remedy = "Allow the list in the key's role; or find what is in no list, and remove it.";
    return fail("refused", "restore.unasked", `It is not known whether ${target.path} is empty: ${unproven}`, { remedy });
  }
  const registered = await c.registrar.listTemplates(target.id);
  if (!registered.ok) return registered;
  const unclaimed = items.filter((i) => i.row.template_id === null);
  const ours = new Set<string>([
    ...items.flatMap((i) => i.row.template_id ?? []),
    ...registered.value.filter((t) => unclaimed.some((i) => isMadeFor(t, i))).map((t) => t.id),
  ]);
  const notOurs = inventory.items.filter((i) => CONTENTS.includes(i.kind) && !ours.has(i.id));
  if (notOurs.length === 0) return ok(undefined);

  const names = notOurs.map((i) => `${i.kind} ${i.name}`);
  const earlier = (await readReimportsInto(c.db, target.id)).filter((r) => r.id !== items[0]?.row.restore_id).at(-1);
  const other =
    earlier === undefined
      ? ""
      : ` A re-import of ${earlier.project_id} as of ${new Date(earlier.from_at).toISOString()} was begun there: to continue it, write that time.`;
  return fail("refused", "restore.not_empty", `${target.path} is not empty: ${listed(names, 20)}`, {
    remedy: `A re-import needs an empty domain, and overwrites nothing: name another one. Nothing was changed.${other}`,
  });
}

function chooseAccounts(
  { ask, target }: ReimportRequest,
  copies: readonly SavedCopy[],
  inventory: Inventory,
): Result<ReimportPlan["templates"], Failure> {
  const present = inventory.items.filter((i) => i.kind === "account" && i.parentId?.toLowerCase() === target.id).map((i) => i.name);
  const owned = copies
    .filter((copy) => copy.kind === "template")
    .map((copy) => ({ copy, account: ask.account ?? copy.item.accountName ?? "" }));
  const missing = new Set(owned.filter((o) => !present.includes(o.account)).map((o) => o.account));
  if (missing.size === 0) return ok(owned);
  const names = [...missing].map((name) => (name === "" ? "of a CloudStack project" : name)).join(", ");
  const choice = present.length === 0 ? "it has none: make one (npx twokey rebuild, or a pass)" : `it has ${present.join(", ")}`;
  return fail("refused", "restore.no_account", `${target.path} has no account ${names}`, {
    remedy: `Write --account and one of the domain's accounts, which will own all templates; ${choice}. Nothing was changed.`,
  });
}

async function notesOf({ project, target }: ReimportRequest, chosen: readonly SavedCopy[], c: ReimportContext): Promise<string[]> {
  const owner = await readDomainOwner(c.db, target.id);
  const own = owner === null || owner === project.id;
  const notes = own ? [] : [`${target.path} is the domain of another project, ${owner}: its members will see these templates.`];
  for (const { kind, name, item } of chosen)
    if (kind === "template" && typeof item.facts["zones"] === "string")
      notes.push(
        `${name} was in the zones ${item.facts["zones"]}; it is registered in the first one. copyTemplate copies it to the others.`,
      );
  return notes;
}

function nothingSaved({ ask }: ReimportRequest, copies: readonly SavedCopy[]): Result<never, Failure> {
  const oldest = Math.min(...copies.map((copy) => copy.savedAt));
  return fail("refused", "restore.nothing_saved", `Nothing of ${ask.project} was saved by ${new Date(ask.from).toISOString()}`, {
    remedy:
      copies.length === 0
        ? "The archive holds nothing of this project; /ci-backups lists what there is of a project."
        : `The oldest copy is of ${new Date(oldest).toISOString()}: write that day or a later one.`,
  });
}
