import { failure, type Failure } from "../../core/failure.ts";
import type { DomainId, DomainPath } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { statusOf } from "../api/classify.ts";
import { growTree, pathOf, type DomainTree } from "./domain-tree.ts";
import type { CloudStackApi } from "../api/http.ts";
import { domainQuery } from "./lists.ts";
import { readList } from "../api/paging.ts";
import type { Settings } from "../api/options.ts";
import type { DomainRow } from "../api/wire.ts";

/** One domain with those above it, as far as the key may see them. */
export interface DomainWithChain {
  readonly row: DomainRow;
  /** Upwards, without the domain itself. */
  readonly above: readonly DomainRow[];
  /** Built from names along the chain. */
  readonly path: DomainPath;
}

/** Finds the managed root by walking up from every domain of its name: a handful of calls, whatever the size of the fleet. */
export async function findManagedRoot(api: CloudStackApi, s: Settings): Promise<Result<DomainTree, Failure>> {
  const names = s.rootPath.split("/");
  const named = await readList(
    api,
    s,
    domainQuery({ name: names.at(-1) ?? "", level: String(names.length - 1), listall: "true", details: "min" }),
  );
  if (!named.ok) return named;
  const rows = new Map(named.value.map((row) => [row.id, row]));
  for (const row of named.value) {
    const above = await readAbove(api, s, row);
    if (!above.ok) return above;
    for (const one of above.value) rows.set(one.id, one);
  }
  return growTree([...rows.values()], s.rootPath);
}

/**
 * Finds a domain by id, with its chain. Null: CloudStack says 431, which for a domain that once existed means removed.
 *
 * Errors: `unavailable` with `cloudstack.domain_hidden`: it exists, but is not Active and so in no list (facts/cloudstack §1.7).
 */
export async function findDomainWithChain(api: CloudStackApi, s: Settings, id: DomainId): Promise<Result<DomainWithChain | null, Failure>> {
  const row = await readById(api, s, id);
  if (!row.ok) return statusOf(row.error) === 431 ? ok(null) : row;
  if (row.value === null) {
    const sentence = `the domain ${id} exists but is hidden: it is being deleted, or was left Inactive by a deletion that failed`;
    return err(failure("unavailable", "cloudstack.domain_hidden", sentence, { details: { domainId: id } }));
  }
  const above = await readAbove(api, s, row.value);
  if (!above.ok) return above;
  const byId = new Map([row.value, ...above.value].map((one) => [one.id, one]));
  return ok({ row: row.value, above: above.value, path: pathOf(row.value, byId) as DomainPath });
}

async function readAbove(api: CloudStackApi, s: Settings, row: DomainRow): Promise<Result<readonly DomainRow[], Failure>> {
  const above: DomainRow[] = [];
  for (let id = row.parentdomainid; id !== undefined && above.length < LEVELS_MAX; id = above.at(-1)?.parentdomainid) {
    const parent = await readById(api, s, id);
    // A domain administrator may not look above its own domain: the chain ends there.
    if (!parent.ok && (statusOf(parent.error) === 531 || statusOf(parent.error) === 431)) break;
    if (!parent.ok) return parent;
    if (parent.value === null) break;
    above.push(parent.value);
  }
  return ok(above);
}

/** Deeper than any sane tree; a circle of parents ends here. */
const LEVELS_MAX = 64;

async function readById(api: CloudStackApi, s: Settings, id: string): Promise<Result<DomainRow | null, Failure>> {
  const rows = await readList(api, s, domainQuery({ id, listall: "true", details: "min" }));
  if (!rows.ok) return rows;
  return ok(rows.value.find((row) => row.id.toLowerCase() === id.toLowerCase()) ?? null);
}
