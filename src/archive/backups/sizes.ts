import type { ProjectSize, Measurement } from "../../store/backup-sizes.ts";
import { sizeKinds, type SizeKind } from "../../core/backup-policy.ts";
import type { DomainId, ProjectId } from "../../core/ids.ts";
import type { Inventory, InventoryItem } from "../../core/inventory.ts";

/**
 * Counts what the managed projects hold, from one inventory of the managed root.
 *
 * Shape:  one size for each kind of each project whose domain is listed, with zeros, by slug; child domains count for their parent.
 * Units:  bytes of the files for templates, ISOs and snapshots, the virtual size for volumes; 0 where CloudStack gives none.
 * Source: facts/cloudstack §1.7 (`physicalsize`, `size`); recordings 05, 09.
 */
export function measureInventory(
  inventory: Pick<Inventory, "domainId" | "items" | "asOf">,
  managed: readonly { readonly domainId: DomainId; readonly projectId: ProjectId }[],
): Measurement {
  const byId = new Map(inventory.items.map((i) => [i.id, i]));
  const projects = new Map(managed.map((m) => [m.domainId as string, m.projectId]));
  const root = inventory.domainId as string;
  const sums = new Map<string, Map<SizeKind, { things: number; bytes: number }>>();
  for (const item of inventory.items)
    if (item.kind === "child_domain" && projects.has(item.id) && item.parentId === root)
      sums.set(item.id, new Map(sizeKinds.map((kind) => [kind, { things: 0, bytes: 0 }])));

  let otherBytes = 0;
  for (const item of inventory.items) {
    const kind = sizeKinds.find((k) => k === item.kind);
    if (kind === undefined) continue;
    const sum = sums.get(topDomainOf(item, byId, root) ?? "")?.get(kind);
    if (sum === undefined) otherBytes += bytesOf(item);
    else {
      sum.things += 1;
      sum.bytes += bytesOf(item);
    }
  }

  const sizes = [...sums].flatMap(([domain, kinds]) =>
    [...kinds].flatMap(([kind, sum]): readonly ProjectSize[] => {
      const projectId = projects.get(domain);
      return projectId === undefined ? [] : [{ projectId, slug: byId.get(domain)?.name ?? domain, kind, ...sum }];
    }),
  );
  return { at: inventory.asOf, sizes: sizes.toSorted(bySlugAndKind), otherBytes };
}

/**
 * The size of a saved thing: its file's size, or the virtual size as an upper bound where CloudStack gives no other (or 0).
 *
 * Units: bytes. Source: recordings 05 (`physicalsize` 0 on a snapshot that is backed up).
 */
export function bytesOf(item: Pick<InventoryItem, "kind" | "bytes" | "facts">): number {
  if (item.kind === "machine") return 0;
  const { physicalBytes } = item.facts;
  return item.kind !== "volume" && typeof physicalBytes === "number" && physicalBytes > 0 ? physicalBytes : (item.bytes ?? 0);
}

/** The domain directly below the root that holds a thing: from its account or CloudStack project upwards. Null: not known. */
function topDomainOf(item: InventoryItem, byId: ReadonlyMap<string, InventoryItem>, root: string): string | null {
  const { projectId } = item.facts;
  const owner = item.accountId ?? (typeof projectId === "string" ? projectId : null);
  let domain = owner === null ? undefined : byId.get(owner)?.parentId;
  // A circle of parents cannot be longer than there are items.
  for (let steps = 0; steps <= byId.size && domain !== undefined && domain !== null; steps += 1) {
    const above: string | null | undefined = byId.get(domain)?.parentId;
    if (above === root) return domain;
    domain = above;
  }
  return null;
}

function bySlugAndKind(a: ProjectSize, b: ProjectSize): number {
  if (a.slug !== b.slug) return a.slug < b.slug ? -1 : 1;
  return sizeKinds.indexOf(a.kind) - sizeKinds.indexOf(b.kind);
}
