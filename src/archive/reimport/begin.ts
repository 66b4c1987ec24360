import { failure, type Failure } from "../../core/failure.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { recordAudit } from "../../store/audit.ts";
import { findReimport, insertReimport, readReimportItems, readReimportsInto, type ReimportRow } from "../../store/reimports.ts";
import { readCopiesOf, readDomainOwner, readSavedCopies, type SavedCopy } from "../../store/reimport-sources.ts";
import type { Inventory, InventoryItem, ItemKind } from "../../core/inventory.ts";
import type { ReimportAsk, ReimportContext, ReimportedProject, ReimportItem, ReimportRun, ReimportTarget } from "./context.ts";
import { chooseZone, fitTemplate, type SpareZone } from "./place.ts";
import { chooseCopies } from "./point.ts";
import { isMadeFor } from "./settle.ts";
import { passLiveDeletions } from "./target.ts";

/** What must not stand in a domain that is restored into. */
const CONTENTS: readonly ItemKind[] = ["machine", "volume", "snapshot", "vm_snapshot", "template", "iso", "kubernetes_cluster", "backup"];
/** How an inventory says that a list of these could not be asked. */
const UNASKED = /^the server knows list(?:Isos|VMSnapshot|KubernetesClusters|Backups),/;

/** What a restore is about to do; `row` is null before it has ever begun. */
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
 * Looks at the archive and at the domain, and says what is to be brought back. Changes nothing.
 *
 * Errors: `refused` when nothing was saved by then, when something stands in the domain that this restore did not put there, when an
 * account or a zone is missing; `unavailable` or `stale` when CloudStack could not be read.
 */
export async function planReimport(
  ask: ReimportAsk,
  project: ReimportedProject,
  target: ReimportTarget,
  c: ReimportContext,
): Promise<Result<ReimportPlan, Failure>> {
  const free = await passLiveDeletions(target, c.db);
  if (!free.ok) return free;
  const copies = await readSavedCopies(c.db, project.id, project.slugs);
  const chosen = chooseCopies(copies, ask.from);
  const row = await findReimport(c.db, { project_id: project.id, domain_id: target.id, from_at: ask.from, account: ask.account ?? "" });
  if (chosen.length === 0 && row === null) return err(nothingSaved(ask, copies));
  const items = row === null ? [] : await readItems(row, c);
  const inventory = await c.readInventory(target.id, target.path);
  if (!inventory.ok) return inventory;
  const empty = await passEmpty(items, inventory.value, target, c);
  if (!empty.ok) return empty;
  const owners = chooseAccounts(ask, row === null ? chosen : items.map((i) => i.copy), inventory.value, target);
  if (!owners.ok) return owners;
  const installation = await c.registrar.readInstallation();
  if (!installation.ok) return installation;
  const zone = chooseZone(
    owners.value.map((o) => o.copy),
    installation.value.zones,
    ask.zone,
  );
  if (!zone.ok) return zone;
  const fit = (item: InventoryItem) => fitTemplate(item, installation.value, zone.value);
  const notes = [...(await notesOf(project, target, chosen, c)), ...zoneNotes(zone.value)];
  return ok({ row, chosen, items, templates: owners.value, notes, fit });
}

/** Writes down what is to be brought back, before the first of it is. */
export async function beginReimport(
  ask: ReimportAsk,
  project: ReimportedProject,
  target: ReimportTarget,
  plan: ReimportPlan,
  c: ReimportContext,
): Promise<{ readonly row: ReimportRow; readonly items: readonly ReimportItem[] }> {
  if (plan.row !== null) return { row: plan.row, items: plan.items };
  const row: ReimportRow = {
    id: c.newId(),
    project_id: project.id,
    domain_id: target.id,
    path: target.path,
    from_at: ask.from,
    account: ask.account ?? "",
    begun_at: c.now(),
    ended_at: null,
  };
  await c.db.tx(async (q) => {
    const items = plan.templates.map((t) => ({ id: c.newId(), entryId: t.copy.entryId, account: t.account }));
    await insertReimport(q, row, items);
    const data = { project: project.id, domainId: target.id, path: target.path, from: ask.from, templates: items.length };
    await recordAudit(q, { at: row.begun_at, actor: "terminal", kind: "restore.begun", subject: row.id, data });
  });
  return { row, items: await readItems(row, c) };
}

/** Reads a restore's templates as they stand, by name. */
export async function readItems(row: Pick<ReimportRow, "id">, c: ReimportContext): Promise<readonly ReimportItem[]> {
  const rows = await readReimportItems(c.db, row.id);
  const copies = new Map(
    (
      await readCopiesOf(
        c.db,
        rows.map((r) => r.entry_id),
      )
    ).map((copy) => [copy.entryId, copy]),
  );
  return rows
    .flatMap((r) => {
      const copy = copies.get(r.entry_id);
      return copy === undefined ? [] : [{ row: r, copy }];
    })
    .toSorted((a, b) => (`${a.copy.name} ${a.copy.itemId}` < `${b.copy.name} ${b.copy.itemId}` ? -1 : 1));
}

/** Empty is a domain without contents, but for what this same restore put there before. Networks and accounts may stand. */
async function passEmpty(
  items: readonly ReimportItem[],
  inventory: Inventory,
  target: ReimportTarget,
  c: ReimportContext,
): Promise<Result<void, Failure>> {
  const unasked = inventory.obstacles.find((o) => UNASKED.test(o));
  if (unasked !== undefined)
    return err(
      failure("refused", "restore.unasked", `Whether ${target.path} is empty cannot be told: ${unasked}`, {
        remedy: "Allow the list in the key's role.",
      }),
    );
  const listed = await c.registrar.listTemplates(target.id);
  if (!listed.ok) return listed;
  const unclaimed = items.filter((i) => i.row.template_id === null);
  const ours = new Set<string>([
    ...items.flatMap((i) => i.row.template_id ?? []),
    ...listed.value.filter((t) => unclaimed.some((i) => isMadeFor(t, i))).map((t) => t.id),
  ]);
  const foreign = inventory.items.filter((i) => CONTENTS.includes(i.kind) && !ours.has(i.id));
  if (foreign.length === 0) return ok(undefined);
  const shown = foreign.slice(0, 20).map((i) => `${i.kind} ${i.name}`);
  const more = foreign.length > 20 ? ` and ${foreign.length - 20} more` : "";
  const earlier = (await readReimportsInto(c.db, target.id)).filter((r) => r.id !== items[0]?.row.restore_id).at(-1);
  const other =
    earlier === undefined
      ? ""
      : ` A restore of ${earlier.project_id} as of ${new Date(earlier.from_at).toISOString()} was begun there: to go on with it, write that time.`;
  return err(
    failure("refused", "restore.not_empty", `${target.path} is not empty: ${shown.join(", ")}${more}`, {
      remedy: `A restore is for an empty domain, and overwrites nothing: name another one. Nothing was changed.${other}`,
    }),
  );
}

function chooseAccounts(
  ask: ReimportAsk,
  copies: readonly SavedCopy[],
  inventory: Inventory,
  target: ReimportTarget,
): Result<ReimportPlan["templates"], Failure> {
  const there = inventory.items.filter((i) => i.kind === "account" && i.parentId?.toLowerCase() === target.id).map((i) => i.name);
  const owned = copies
    .filter((copy) => copy.kind === "template")
    .map((copy) => ({ copy, account: ask.account ?? copy.item.accountName ?? "" }));
  const missing = [...new Set(owned.filter((o) => !there.includes(o.account)).map((o) => o.account))];
  if (missing.length === 0) return ok(owned);
  const names = missing.map((name) => (name === "" ? "of a CloudStack project" : name)).join(", ");
  const choice = there.length === 0 ? "it has none: make one (npx twokey rebuild, or a pass)" : `it has ${there.join(", ")}`;
  return err(
    failure("refused", "restore.no_account", `${target.path} has no account ${names}`, {
      remedy: `Write --account and one of the domain's accounts, which all templates will then belong to; ${choice}. Nothing was changed.`,
    }),
  );
}

async function notesOf(
  project: ReimportedProject,
  target: ReimportTarget,
  chosen: readonly SavedCopy[],
  c: ReimportContext,
): Promise<readonly string[]> {
  const owner = await readDomainOwner(c.db, target.id);
  const zones = chosen.filter((copy) => copy.kind === "template" && typeof copy.item.facts["zones"] === "string");
  return [
    ...(owner === null || owner === project.id
      ? []
      : [`${target.path} is the domain of another project, ${owner}: its members will see these templates.`]),
    ...zones.map(
      (copy) =>
        `${copy.name} stood in the zones ${String(copy.item.facts["zones"])}; it comes back in the first one. copyTemplate brings it to the others.`,
    ),
  ];
}

function zoneNotes(zone: SpareZone): readonly string[] {
  return zone === null ? [] : [`Templates whose own zone is not there any more go into the zone ${zone.name}.`];
}

function nothingSaved(ask: ReimportAsk, copies: readonly SavedCopy[]): Failure {
  const [oldest] = copies.toSorted((a, b) => a.savedAt - b.savedAt);
  const then = new Date(ask.from).toISOString();
  return failure("refused", "restore.nothing_saved", `Nothing of ${ask.project} was saved by ${then}`, {
    remedy:
      oldest === undefined
        ? "The archive holds nothing of it at all; /ci-backups lists what there is of a project."
        : `The oldest copy is of ${new Date(oldest.savedAt).toISOString()}: write that day or a later one.`,
  });
}
