import { fail, type Failure } from "../../core/failure.ts";
import { DomainId, type DomainPath } from "../../core/ids.ts";
import { isInProtected } from "../../core/protected.ts";
import { ok, type Result } from "../../core/result.ts";
import { isWithin } from "../../core/scope.ts";
import type { Queryable } from "../../store/db.ts";
import { readLiveHeads } from "../../store/deletions.ts";
import { findRememberedProjects } from "../../store/reimport-sources.ts";
import type { ReimportContext, ReimportedProject, ReimportTarget } from "./context.ts";

/**
 * Finds a project by its id or by a short name that it has or had, in the CI database and in our own tables.
 *
 * Errors: `invalid` when none is known, or when the short name was more than one project's.
 */
export async function findReimportedProject(name: string, c: ReimportContext): Promise<Result<ReimportedProject, Failure>> {
  const listed = await c.projects();
  const now = listed.ok ? listed.value.filter((p) => p.id === name || p.slug === name) : [];
  const known = [...now.map((p) => ({ projectId: p.id, slug: p.slug as string })), ...(await findRememberedProjects(c.db, name))];
  const ids = [...new Set(known.map((k) => k.projectId))];
  const id = ids.find((i) => i === name) ?? ids[0];
  if (id === undefined) {
    const unread = listed.ok ? "" : ", and the CI database could not be read";
    return fail("invalid", "restore.no_project", `No project is or was called ${name}, as far as Twokey knows${unread}`, {
      remedy: "Write its short name, or its id in the CI database; /ci-backups lists what there is of a project.",
    });
  }
  if (ids.length > 1 && id !== name)
    return fail("invalid", "restore.ambiguous", `${name} was the short name of ${ids.length} projects: ${ids.join(", ")}`, {
      remedy: "Write the id of the right one.",
    });
  return ok({ id, slugs: [...new Set(known.filter((k) => k.projectId === id && k.slug !== "").map((k) => k.slug))] });
}

/**
 * Finds the domain to re-import into, by UUID or path.
 *
 * Errors: `refused` for what lies outside the managed root, is the root, is protected or is under a deletion; `unavailable` when CloudStack
 * was not read completely. Invariant: INV-4.
 */
export async function findReimportTarget(to: string, c: ReimportContext): Promise<Result<ReimportTarget, Failure>> {
  const fleet = await c.observed.readFleet({ withLimits: false });
  if (!fleet.ok)
    return fail("unavailable", "restore.unread", `CloudStack was not read completely: ${fleet.error.reason}`, {
      remedy: "Nothing was re-imported. Fix that and run it again.",
    });
  const { root, domains } = fleet.value;
  const id = DomainId.safeParse(to);
  if (to === root.path || id.data === root.id) return notInto(root.path, "is the managed root itself");
  const found = domains.find((d) => (id.success ? d.id === id.data : d.path === to));
  if (found === undefined)
    return fail("refused", "restore.outside_root", `There is no domain ${to} below ${root.path}`, {
      remedy: `Write its UUID, or its whole path such as ${root.path}/name; Twokey touches nothing outside ${root.path}.`,
    });
  const listed = await c.excluded();
  const kept = domains.find((d) => isWithin(d.path, found.path) && isInProtected(listed, d));
  if (kept !== undefined) return notInto(found.path, kept.id === found.id ? "is protected" : `lies in ${kept.path}, which is protected`);
  const free = await requireNoDeletion(found, c.db);
  return free.ok ? ok({ id: found.id, path: found.path }) : free;
}

/** Errors: `refused` while a deletion of the domain, or of one that it lies in, has not ended. */
export async function requireNoDeletion(target: ReimportTarget, q: Queryable): Promise<Result<void, Failure>> {
  const live = (await readLiveHeads(q)).find((d) => d.domain_id === target.id || isWithin(d.path, target.path));
  if (live === undefined) return ok(undefined);
  const remedy = "Wait until it has ended, or cancel it in the channel; nothing is put into a domain that may be deleted.";
  return fail("refused", "restore.under_deletion", `${live.path} is under a deletion (${live.phase})`, { remedy });
}

function notInto(path: DomainPath, why: string): Result<never, Failure> {
  return fail("refused", "restore.protected", `${path} ${why}: nothing is re-imported into it`, { remedy: "Name another domain." });
}
