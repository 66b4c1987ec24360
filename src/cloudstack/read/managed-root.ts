import { failure, type Failure } from "../../core/failure.ts";
import { DomainId, type DomainPath } from "../../core/ids.ts";
import { foldPath } from "../../core/protected.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { isUnknownId, statusOf } from "../api/classify.ts";
import { growTree, pathOf, type DomainTree } from "./domain-tree.ts";
import type { CloudStackApi } from "../api/http.ts";
import { domainQuery } from "./lists.ts";
import { readList } from "../api/paging.ts";
import { asDomainId, type DomainRow } from "../api/wire.ts";

/** One domain with those above it, as far as the key may see them. */
export interface DomainWithChain {
  readonly row: DomainRow;
  /** Upwards, without the domain itself. */
  readonly above: readonly DomainRow[];
  /** Built from names along the chain. */
  readonly path: DomainPath;
}

/** Finds the managed root by walking up from every domain of its name: a few calls, whatever the size of the fleet. */
export async function findManagedRoot(api: CloudStackApi): Promise<Result<DomainTree, Failure>> {
  const found = await readNamed(api, api.settings.rootPath);
  return found.ok ? growTree([...found.value.rows.values()], api.settings.rootPath) : found;
}

/** Finds a domain by UUID or path, names compared as CloudStack does. Null: there is none, or it is hidden. */
export async function findDomainNamed(
  api: CloudStackApi,
  idOrPath: string,
): Promise<Result<{ readonly id: DomainId; readonly path: DomainPath } | null, Failure>> {
  const id = DomainId.safeParse(idOrPath);
  if (id.success) {
    const found = await findDomainWithChain(api, id.data);
    if (!found.ok) return found.error.code === "cloudstack.domain_hidden" ? ok(null) : found;
    return ok(found.value === null ? null : { id: id.data, path: found.value.path });
  }
  const found = await readNamed(api, idOrPath);
  if (!found.ok) return found;
  const { named, rows } = found.value;
  const match = named.map((row) => ({ id: asDomainId(row.id), path: pathOf(row, rows) as DomainPath }));
  const one = match.find((m) => foldPath(m.path) === foldPath(idOrPath));
  return ok(one === undefined || one.id === null ? null : { id: one.id, path: one.path });
}

/** The domains with the last name of a path, at its level, and all above them. */
async function readNamed(api: CloudStackApi, path: string): Promise<Result<Named, Failure>> {
  const names = path.split("/");
  const named = await readList(
    api,
    domainQuery({ name: names.at(-1) ?? "", level: String(names.length - 1), listall: "true", details: "min" }),
  );
  if (!named.ok) return named;
  const rows = new Map(named.value.map((row) => [row.id, row]));
  for (const row of named.value) {
    const above = await readAbove(api, row);
    if (!above.ok) return above;
    for (const one of above.value) rows.set(one.id, one);
  }
  return ok({ named: named.value, rows });
}

interface Named {
  readonly named: readonly DomainRow[];
  readonly rows: ReadonlyMap<string, DomainRow>;
}

/** Reads a domain by id, without what is above it. Null and errors: as for `findDomainWithChain`. */
export async function readDomain(api: CloudStackApi, id: DomainId): Promise<Result<DomainRow | null, Failure>> {
  const row = await readById(api, id);
  if (!row.ok) return isUnknownId(row.error) ? ok(null) : row;
  if (row.value !== null) return row;
  const sentence = `the domain ${id} exists but is hidden: it is being deleted, or was left Inactive by a deletion that failed`;
  return err(failure("unavailable", "cloudstack.domain_hidden", sentence, { details: { domainId: id } }));
}

/**
 * Finds a domain by id, with its chain. Null: CloudStack says that it is removed, or that it never had it.
 *
 * Errors: `unavailable` with `cloudstack.domain_hidden`: it exists, but is not Active and so in no list (facts/cloudstack §1.7).
 */
export async function findDomainWithChain(api: CloudStackApi, id: DomainId): Promise<Result<DomainWithChain | null, Failure>> {
  const row = await readDomain(api, id);
  if (!row.ok || row.value === null) return row.ok ? ok(null) : row;
  return readChain(api, row.value);
}

/** The chain of a domain whose row was read. */
export async function readChain(api: CloudStackApi, row: DomainRow): Promise<Result<DomainWithChain, Failure>> {
  const above = await readAbove(api, row);
  if (!above.ok) return above;
  const byId = new Map([row, ...above.value].map((one) => [one.id, one]));
  return ok({ row, above: above.value, path: pathOf(row, byId) as DomainPath });
}

/** The domain, at the path where it must be. Errors: `stale` when it is gone, or has been moved or renamed. */
export async function findDomainAt(api: CloudStackApi, id: DomainId, path: DomainPath): Promise<Result<DomainWithChain, Failure>> {
  const found = await findDomainWithChain(api, id);
  return found.ok ? requirePlace(found.value, path) : found;
}

/** Refuses a domain that is gone, or elsewhere by now. Errors: `stale`. */
export function requirePlace(found: DomainWithChain | null, path: DomainPath): Result<DomainWithChain, Failure> {
  if (found === null) return err(failure("stale", "cloudstack.domain_gone", `${path} no longer exists`));
  if (found.path === path) return ok(found);
  return err(failure("stale", "cloudstack.domain_moved", `the domain of ${path} is now at ${found.path}`));
}

/** The domains above one, upwards, without ROOT: its row says nothing that the row below it does not, and few keys may read it. */
async function readAbove(api: CloudStackApi, row: DomainRow): Promise<Result<readonly DomainRow[], Failure>> {
  const above: DomainRow[] = [];
  const topLevel = api.settings.rootPath === "ROOT" ? 0 : 1;
  for (
    let lowest = row;
    lowest.parentdomainid !== undefined && lowest.level > topLevel && above.length < LEVELS_MAX;
    lowest = above.at(-1) ?? lowest
  ) {
    const id = lowest.parentdomainid;
    const parent = await readById(api, id);
    // A domain administrator may not read above its own domain: the chain ends there.
    if (!parent.ok && (statusOf(parent.error) === 531 || isUnknownId(parent.error))) break;
    if (!parent.ok) return parent;
    if (parent.value === null) break;
    above.push(parent.value);
  }
  return ok(above);
}

/** Deeper than any real tree; a circle of parents ends here. */
const LEVELS_MAX = 64;

async function readById(api: CloudStackApi, id: string): Promise<Result<DomainRow | null, Failure>> {
  const rows = await readList(api, domainQuery({ id, listall: "true", details: "min" }));
  if (!rows.ok) return rows;
  return ok(rows.value.find((row) => row.id.toLowerCase() === id.toLowerCase()) ?? null);
}
