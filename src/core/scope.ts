import type { DomainPath, ProjectId } from "./ids.ts";

/** What a read or a plan covers: everything below the managed root, or one project. */
export type Scope = FleetScope | ProjectScope;

/** Everything below the managed root. Only a read of this scope can prove that something does not exist. */
export interface FleetScope {
  readonly kind: "fleet";
  readonly root: DomainPath;
}

/** One project: enough to create and repair, never to delete. */
export interface ProjectScope {
  readonly kind: "project";
  readonly root: DomainPath;
  readonly projectId: ProjectId;
}

/** Whether `path` is `root` or lies below it; segments are compared, so `ROOT/cix` is not within `ROOT/ci`. */
export function isWithin(root: DomainPath, path: DomainPath): boolean {
  return path === root || path.startsWith(`${root}/`);
}

/** Whether a domain, by its id and path, is outside of what may be changed. */
export type IsOutside = (id: string, path: DomainPath) => boolean;

/**
 * Makes the test of whether a domain is outside of what may be changed: it is the managed root or one of its ancestors, known by their `ids`
 * or by the path, or it is not below the root.
 *
 * Invariant: INV-4.
 */
export function isOutside(root: DomainPath, ids: ReadonlySet<string>): IsOutside {
  return (id, path) => ids.has(id) || path === root || !isWithin(root, path);
}

/** Whether two scopes cover the same. */
export function isSameScope(a: Scope, b: Scope): boolean {
  if (a.kind !== b.kind || a.root !== b.root) return false;
  return a.kind === "fleet" || (b.kind === "project" && a.projectId === b.projectId);
}
