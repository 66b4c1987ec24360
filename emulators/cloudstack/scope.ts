import { folded, sameName } from "./collation.ts";
import type { Call } from "./command.ts";
import { invalidValue, permissionDenied } from "./failure.ts";
import { describedAccount } from "./shapes/owner.ts";
import type { Account, Domain, Owned } from "./world/rows.ts";
import type { Table } from "./world/table.ts";
import type { World } from "./world/world.ts";

/** Whether the caller may touch a domain: its own one and those below, or every one for a root administrator. */
export function reaches(call: Call, domain: Domain): boolean {
  if (call.caller.reach === "all") return true;
  return isWithin(call.world, domain, call.caller.account.domainId);
}

/** Refuses with 531 where the caller may not touch a domain. */
export function requireReach(call: Call, domain: Domain): void {
  if (reaches(call, domain)) return;
  const who = describedAccount(call.caller.account);
  throw permissionDenied(`Account Account ${who} does not have permission to operate within domain id=${domain.id}`);
}

/** Refuses with 531 where the caller may not touch something owned by an account. */
export function requireOwner(call: Call, row: { accountId: string; domainId: string }): void {
  if (call.caller.reach === "self" && row.accountId !== call.caller.account.id) {
    throw permissionDenied(`Acct ${call.caller.account.id} does not have permission to operate with resource`);
  }
  requireReach(call, call.world.domains.need(row.domainId));
}

/** Whether a domain is another one or lies below it, by parents (not by the path, which renames corrupt). */
export function isWithin(world: World, domain: Domain, ancestorId: string): boolean {
  for (let at: Domain | undefined = domain; at !== undefined; at = world.domains.find(at.parentId)) if (at.id === ancestorId) return true;
  return false;
}

/**
 * The ids of a domain and of everything below it as the real server's SQL finds them: `path LIKE '<path>%'`, where `_` and `%` of a
 * name match any character. Source: recording 03, `ci_1` and `cix1`.
 */
export function subtreeByPath(world: World, domain: Domain): ReadonlySet<string> {
  const matches = likePrefix(domain.path);
  const ids = new Set<string>([domain.id]);
  for (const other of world.domains.everything()) if (matches(other.path)) ids.add(other.id);
  return ids;
}

function likePrefix(path: string): (text: string) => boolean {
  const lower = path.toLowerCase();
  if (!/[%_]/.test(path)) return (text) => text.toLowerCase().startsWith(lower);
  const expression = new RegExp(`^${wildcards(lower)}`, "s");
  return (text) => expression.test(text.toLowerCase());
}

/** A MySQL `LIKE '%text%'`, without case and accents, with its wildcards. */
export function like(text: string, pattern: string): boolean {
  return new RegExp(wildcards(folded(pattern)), "s").test(folded(text));
}

/** A MySQL `LIKE 'text'`: the whole value, case-insensitive, with its wildcards. */
export function likeWhole(text: string, pattern: string): boolean {
  return new RegExp(`^${wildcards(folded(pattern))}$`, "s").test(folded(text));
}

function wildcards(pattern: string): string {
  return pattern
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("%", ".*")
    .replaceAll("_", ".");
}

/** The domain a call names, refused where it does not exist or is out of reach. */
export function namedDomain(call: Call, parameter = "domainid"): Domain | undefined {
  const id = call.params.text(parameter);
  if (id === undefined || id === "-1") return undefined;
  const domain = call.world.domains.find(id);
  if (domain === undefined) throw invalidValue(`Unable to find domain by id ${id}`);
  requireReach(call, domain);
  return domain;
}

/** The live account of that name in a domain. */
export function accountByName(world: World, domainId: string, name: string): Account | undefined {
  return world.accounts.group(domainId).find((account) => sameName(account.name, name));
}

/**
 * The live rows of an owned kind that a list command shows: by `account`, `domainid`, `isrecursive`, `listall` and `projectid`.
 * Source: facts/cloudstack.md §1.7, recordings 05, 09.
 */
export function ownedRows<T extends Owned>(call: Call, table: Table<T>): readonly T[] {
  const byId = rowsById(call, table);
  if (byId !== undefined) return byId;
  const { world, params, caller } = call;
  const domain = namedDomain(call);
  const account = params.text("account");
  if (account !== undefined && domain !== undefined) {
    const owner = accountByName(world, domain.id, account);
    if (owner === undefined) throw invalidValue(`Unable to find account ${account} in domain ${domain.id}`);
    return table.group(domain.id).filter((row) => row.accountId === owner.id);
  }
  const projects = projectFilter(call);
  const rows = domain === undefined ? undirected(call, table) : directed(call, table, domain);
  return rows.filter((row) => projects(row)).filter((row) => caller.reach !== "self" || row.accountId === caller.account.id);
}

function rowsById<T extends Owned>(call: Call, table: Table<T>): readonly T[] | undefined {
  const ids = [...call.params.list("id"), ...call.params.list("ids")];
  if (ids.length === 0) return undefined;
  const rows = ids.map((id) => table.live(id)).filter((row): row is T => row !== undefined);
  for (const row of rows) requireOwner(call, row);
  return rows;
}

function directed<T extends Owned>(call: Call, table: Table<T>, domain: Domain): readonly T[] {
  if (!call.params.flag("isrecursive")) return table.group(domain.id);
  const domains = subtreeByPath(call.world, domain);
  return table.all().filter((row) => domains.has(row.domainId));
}

function undirected<T extends Owned>(call: Call, table: Table<T>): readonly T[] {
  const { caller, params, world } = call;
  if (params.text("projectid") === undefined && !params.flag("listall")) {
    return table.group(caller.account.domainId).filter((row) => row.accountId === caller.account.id);
  }
  if (caller.reach === "all") return table.all();
  const domains = subtreeByPath(world, world.domains.need(caller.account.domainId));
  return table.all().filter((row) => domains.has(row.domainId));
}

function projectFilter(call: Call): (row: Owned) => boolean {
  const { world, params, caller } = call;
  const isProject = (row: Owned): boolean => world.accounts.find(row.accountId)?.projectId !== undefined;
  const asked = params.text("projectid");
  if (asked === undefined) return (row) => !isProject(row);
  if (asked !== "-1") {
    const project = world.projects.find(asked);
    return (row) => project !== undefined && row.accountId === project.accountId;
  }
  if (caller.reach !== "all") return () => false;
  return params.flag("listall") ? () => true : isProject;
}

/**
 * Whether a list shows a thing: what is not for display only to a root administrator who asks for such things, with the flag.
 * The flag is no parameter of the command to anybody else, so no command here names it.
 */
export function isShown(call: Call, hidden: boolean | undefined, flag: string): boolean {
  const asked = call.caller.reach === "all" ? call.params.text(flag) : undefined;
  return (hidden ?? false) === (asked?.toLowerCase() === "false");
}
