import { readCiRole } from "../../cidb/role.ts";
import type { CiRole } from "../../cidb/unreachable.ts";
import type { CiDatabase } from "../../cidb/read.ts";
import type { DomainPath } from "../../core/ids.ts";
import type { HeldRow } from "../../sync/planning/desired.ts";
import { checksOf, type Check } from "./check.ts";
import { listed } from "../../core/shown-text.ts";

const { ok, warning, failed, refused } = checksOf("ci database");
/** More held rows than this are only counted: the plan names them all. */
const HELD_SHOWN = 5;

/** Checks the CI database: the role, then one complete read as in a pass. */
export async function examineCiDatabase(o: {
  readonly url: string;
  readonly ci: CiDatabase;
  readonly rootPath: string;
  readonly sentinelProject: string | null;
}): Promise<readonly Check[]> {
  const role = await readCiRole(o.url);
  if (!role.ok) return [refused(role.error, "Check CI_DATABASE_URL.")];
  const checks = [ok(`reachable as ${role.value.name}, ${role.value.version}`), roleCheck(role.value)];
  const read = await o.ci.readDesired({ kind: "fleet", root: o.rootPath as DomainPath });
  if (read.coverage === "partial") {
    // What PostgreSQL said about a view comes with a failure of the read itself, with its remedy.
    const why = await o.ci.projectsOf("all");
    const [reason, remedy] = why.ok ? [read.reason, undefined] : [why.error.message, why.error.remedy];
    return [...checks, failed(`a read is only partial: ${reason}`, remedy ?? "Check the views (docs/ci-database.md).")];
  }
  const members = read.projects.reduce((n, p) => n + p.members.length, 0);
  const closed = read.projects.filter((p) => p.state === "closed").length;
  const people = await o.ci.listPeople();
  return [
    ...checks,
    ok(
      `the three views are read completely: ${read.projects.length} projects (${closed} closed), ${members} memberships` +
        (people.ok ? `, ${people.value.filter((p) => p.enabled).length} enabled users` : ""),
    ),
    sentinelCheck(o.sentinelProject),
    ...heldChecks(read.held),
  ];
}

function roleCheck(role: CiRole): Check {
  const remedy = "Give Twokey a role that may only select the three views (docs/ci-database-example.sql).";
  if (role.isSuperuser) return warning(`the role ${role.name} is a superuser`, remedy);
  if (role.writable.length > 0) return warning(`the role ${role.name} may write ${listed(role.writable, 5)}`, remedy);
  if (role.mayCreate) return warning(`the role ${role.name} may create tables or schemas`, remedy);
  return ok(`the role ${role.name} may only read`);
}

function sentinelCheck(id: string | null): Check {
  return id === null
    ? warning("no sentinel project is set", "Set CI_SENTINEL_PROJECT to a project that every complete read must see.")
    : ok(`the sentinel project ${id} was seen`);
}

function heldChecks(held: readonly HeldRow[]): readonly Check[] {
  const named = held.slice(0, HELD_SHOWN).map((h) => warning(`held: ${h.view}, ${h.key} ${h.problem}`, h.remedy));
  const rest = held.length - named.length;
  return rest > 0 ? [...named, warning(`${rest} more rows are held`, "Correct these first, or read all of them in the plan.")] : named;
}
