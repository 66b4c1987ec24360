import type { Failure } from "../../core/failure.ts";
import type { DomainId, DomainPath } from "../../core/ids.ts";
import { groupBy } from "../../core/group-by.ts";
import { err, ok, type Result } from "../../core/result.ts";
import type { ObservedDomain, NonUuidDomain } from "../../sync/planning/observed.ts";
import { refusal } from "../api/classify.ts";
import { asDomainId, limitsOf, type DomainRow } from "../api/wire.ts";

/** The part of the domain tree that is ours: the managed root and all below it. */
export interface DomainTree {
  readonly root: ObservedDomain;
  /** Without the root itself. */
  readonly below: readonly ObservedDomain[];
  readonly nonUuid: readonly NonUuidDomain[];
  /** Ids of the domains above the root, as far as the key may see or name them. */
  readonly ancestors: readonly DomainId[];
}

/**
 * Builds the tree below `rootPath` from rows of domains, by parent ids and names; CloudStack's own `path` can be wrong after a rename.
 *
 * Rows that are not below the root are dropped. Errors: `refused` when there is no such root, or more than one.
 * Source: recording 03, facts 9; facts/cloudstack §1.7 (a domain administrator does not see above its own domain).
 */
export function growTree(rows: readonly DomainRow[], rootPath: DomainPath): Result<DomainTree, Failure> {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const found = findRoot(rows, byId, rootPath);
  if (!found.ok) return found;
  const rootRow = found.value;
  const rootId = asDomainId(rootRow.id);
  if (rootId === null) return err(refusal("odd_root", `${rootPath} has an id that is not a UUID`));
  const children = groupBy(rows, (row) => row.parentdomainid);
  const below: ObservedDomain[] = [];
  const nonUuid: NonUuidDomain[] = [];
  const grow = (parent: DomainRow, path: string, depth: number): void => {
    for (const row of children.get(parent.id) ?? []) {
      const here = `${path}/${row.name}`;
      const id = asDomainId(row.id);
      if (id === null) nonUuid.push({ rawId: row.id, path: here });
      else below.push(observed(row, id, here, depth));
      grow(row, here, depth + 1);
    }
  };
  grow(rootRow, rootPath, 1);
  const ancestors = chainOf(rootRow, byId)
    .slice(1)
    .map((row) => row.id);
  const above = [...ancestors, rootRow.parentdomainid].map(asDomainId).filter((id) => id !== null);
  return ok({ root: observed(rootRow, rootId, rootPath, 0), below, nonUuid, ancestors: [...new Set(above)] });
}

/**
 * The path of a domain that is two levels below ROOT, as its own row tells: the row has its parent's present name, and nothing is between
 * that and ROOT. Null: it is elsewhere, or those above it have to be read.
 */
export function pathByOwnRow({ level, name, parentdomainname }: DomainRow): DomainPath | null {
  const isPlain = level === 2 && parentdomainname !== undefined && !`${parentdomainname}${name}`.includes("/");
  return isPlain ? (`ROOT/${parentdomainname}/${name}` as DomainPath) : null;
}

/** The path of a row by names along its parents; where those cannot be seen, as the topmost visible row names them. */
export function pathOf(row: DomainRow, byId: ReadonlyMap<string, DomainRow>): string {
  const chain = chainOf(row, byId).toReversed();
  const [top] = chain;
  const names = chain.map((one) => one.name);
  if (top?.parentdomainid === undefined) return names.join("/");
  // By levels: a name may hold a slash.
  const above = top.path.split("/").slice(0, top.level);
  const parent = top.level === 1 ? "ROOT" : (top.parentdomainname ?? above.at(-1) ?? "");
  return [...above.slice(0, -1), parent, ...names].join("/");
}

/** A domain's row as observed. */
export function observed(row: DomainRow, id: DomainId, path: string, depth: number): ObservedDomain {
  return {
    id,
    parentId: asDomainId(row.parentdomainid),
    name: row.name,
    path: path as DomainPath,
    depth,
    createdAt: row.created ?? null,
    limits: limitsOf(row),
  };
}

function findRoot(rows: readonly DomainRow[], byId: ReadonlyMap<string, DomainRow>, rootPath: DomainPath): Result<DomainRow, Failure> {
  const names = rootPath.split("/");
  // The level counts too: a rename can put a slash into a name, and a path of names alone would be ambiguous.
  const matching = rows.filter((row) => row.name === names.at(-1) && row.level === names.length - 1 && pathOf(row, byId) === rootPath);
  const [one] = matching;
  if (one !== undefined && matching.length === 1) return ok(one);
  const sentence =
    one === undefined ? `there is no domain ${rootPath} that this key can see` : `${rootPath} exists ${matching.length} times`;
  return err(refusal("no_root", sentence, { remedy: "Create the domain, or correct CLOUDSTACK_ROOT_DOMAIN." }));
}

/** A row and its parents, upwards, as far as they can be seen. */
function chainOf(row: DomainRow, byId: ReadonlyMap<string, DomainRow>): readonly DomainRow[] {
  const chain = [row];
  for (
    let next = byId.get(row.parentdomainid ?? "");
    next !== undefined && !chain.includes(next);
    next = byId.get(next.parentdomainid ?? "")
  ) {
    chain.push(next);
  }
  return chain;
}
