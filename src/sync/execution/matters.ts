/** What a plan tells, by kind and ids: two plans tell the same when these are the same, whatever their sentences. */
import type { Told } from "../../store/matters.ts";
import { allowedBy, withoutWaiting } from "../planning/build-plan.ts";
import type { Change, Hold, Plan } from "../planning/plan.ts";
import type { ChangeOutcome, PlanRecord } from "./record.ts";

/** One thing that a plan tells. */
export interface Matter extends Pick<Told, "key" | "kind" | "scope"> {
  /** Its key by a plan of an earlier version, which named less; null: the same. */
  readonly earlierKey: string | null;
  /** Whether it usually passes by itself, as when a server is away. */
  readonly passes: boolean;
}

/** What usually passes by itself, and may be back soon after. */
const PASSING: ReadonlySet<Hold["kind"]> = new Set(["desired_partial", "observed_partial", "snapshot_too_old"]);

/** Whose plan it is: everything's, or a project's. */
export function scopeOf({ scope }: Pick<PlanRecord, "scope">): string {
  return scope.kind === "fleet" ? "fleet" : scope.projectId;
}

/** All that a plan tells, except what was done. */
export function mattersOf(record: PlanRecord): readonly Matter[] {
  const { plan } = record;
  const known = (kind: Matter["kind"], ...ids: readonly string[]): Matter => ({
    ...{ key: [kind, ...ids].join(":"), kind, scope: null, earlierKey: null, passes: false },
  });
  const notAsked = record.notAsked ?? [];
  const domainOf = (path: string): string => plan.proposals.find((p) => p.path === path)?.domainId ?? path;
  const asked = allowedBy(plan).deletions ? plan.proposals.filter((p) => !notAsked.some((n) => n.path === p.path)) : [];
  return [
    ...plan.holds.flatMap((hold) => holdMatter(hold, scopeOf(record))),
    ...plan.heldRows.map((row) => known("row", row.view, row.key)),
    ...plan.drift.map((drift) => known("drift", drift.kind, drift.path)),
    ...asked.map((proposal) => known("proposal", proposal.domainId)),
    ...notAsked.filter((n) => n.isNews).map((n) => known("not_asked", domainOf(n.path))),
    ...record.outcomes.filter(isUndone).map((o) => known("undone", idsOf(o.change))),
  ];
}

/** The key of a change that is not made. */
export function undoneKey(change: Change): string {
  return `undone:${idsOf(change)}`;
}

/** What a hold of a plan keeps back, by ids; empty: it is not about single things, as when a server is away. */
export function heldBack(hold: Hold, plan: Pick<Plan, "additive" | "restrictive" | "proposals" | "holds">): readonly string[] {
  const { additive } = plan;
  const { restrictive, proposals } = withoutWaiting(plan);
  const ids = (changes: readonly Change[]): readonly string[] => changes.map(idsOf);
  switch (hold.kind) {
    case "too_many_changes":
      return [...ids(additive), ...ids(restrictive)];
    case "too_many_restrictions":
    case "restrictions_used_up":
      return ids(restrictive);
    case "too_many_proposals":
      return proposals.map((p) => p.domainId);
    case "shrunken_source":
      return hold.about === "members" ? ids(restrictive.filter((c) => c.kind === "lock_account")) : [];
    case "roles_changed":
      return ids(restrictive.filter((c) => c.kind === "set_role"));
    case "members_gone":
      return ids(plan.restrictive.filter((c) => hold.domainIds?.includes(c.domainId) === true));
    case "first_plan": {
      const domains = new Set<string>(hold.domainIds ?? []);
      const waiting = plan.proposals.filter((p) => domains.has(p.domainId)).map((p) => `delete:${p.domainId}`);
      return [...ids(plan.restrictive.filter((c) => domains.has(c.domainId))), ...waiting];
    }
    default:
      return [];
  }
}

/** The key of a hold in a plan of this scope. */
export function holdKey(hold: Hold, scope: string): string | null {
  return holdMatter(hold, scope)[0]?.key ?? null;
}

/** Held rows are told as rows; that a pass looked at one project is nothing that happened. */
function holdMatter(hold: Hold, scope: string): readonly Matter[] {
  const { kind, blocks, projectId, about = "" } = hold;
  if (kind === "held_row" || kind === "narrowed") return [];
  const isOfProject = blocks === "one_project";
  const key = isOfProject ? `project_hold:${kind}:${projectId ?? ""}` : `hold:${scope}:${kind}`;
  const matter = isOfProject ? { kind: "project_hold" as const, scope: null } : { kind: "hold" as const, scope };
  const passes = PASSING.has(kind);
  return [{ ...matter, key: about === "" ? key : `${key}:${about}`, earlierKey: about === "" ? null : key, passes }];
}

/** Whether a change was to be made, and cannot be seen to be. What a hold keeps back is told with the hold. */
export function isUndone({ outcome, seen, problem }: ChangeOutcome): boolean {
  if (outcome === "done") return seen === false;
  return outcome === "held" ? problem !== null : outcome !== "waiting";
}

function idsOf(change: Change): string {
  const { accountId = "", userId = "", type = "" } = change as { accountId?: string; userId?: string; type?: string };
  return [change.kind, change.domainId, accountId, userId, type].join(":");
}
