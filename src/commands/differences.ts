import type { LimitType, ManagedAccount } from "../core/managed.ts";
import { listed } from "../core/shown-text.ts";
import { sizeText } from "../core/units.ts";
import { describeChange } from "../sync/planning/describe.ts";
import type { DesiredProject } from "../sync/planning/desired.ts";
import type { DomainNow } from "../sync/planning/observed.ts";
import type { Drift, Plan } from "../sync/planning/plan.ts";

/** The two sides of one project. `plan` is the one that a pass over this project alone would make. */
export interface Sides {
  readonly project: DesiredProject;
  /** Null: it has no domain, or that could not be read. */
  readonly now: DomainNow | null;
  readonly accounts: readonly ManagedAccount[];
  readonly plan: Pick<Plan, "additive" | "drift">;
  readonly roleOf: (ciRole: string) => string;
}

/**
 * How the CI database and CloudStack differ for one project, a line for each kind of difference. Pure, and only to be read: what a pass
 * over this project alone does not show, such as a member who left, is compared here, and nothing follows from it.
 */
export function differencesOf(s: Sides): readonly string[] {
  if (s.project.state === "closed") return [];
  const of = (kind: Plan["additive"][number]["kind"]) => s.plan.additive.filter((change) => change.kind === kind);
  const drift = (...kinds: readonly Drift["kind"][]) => s.plan.drift.filter((d) => kinds.includes(d.kind)).map((d) => d.sentence);
  const isThere = of("create_domain").length === 0;
  const groups: readonly (readonly [string, readonly string[]])[] = [
    ["The domain", [...(isThere ? [] : ["it is not in CloudStack yet; the next pass creates it"]), ...drift("renamed")]],
    ["Members without an account", s.plan.additive.flatMap((c) => (c.kind === "create_account" ? [c.person.username] : []))],
    ["Accounts without their user", of("create_user").map(describeChange)],
    ["Accounts without a member", [...leaversOf(s), ...drift("unmanaged_account", "orphaned")]],
    [
      "Locked or disabled",
      [
        ...s.plan.additive.flatMap((c) => (c.kind === "unlock_account" ? [`${c.username}, whom the next pass unlocks`] : [])),
        ...drift("locked_by_others", "disabled", "left_closed"),
      ],
    ],
    ["Roles", rolesOf(s)],
    ["Names and e-mail addresses", of("update_user").map(describeChange)],
    ["Limits", limitsOf(s)],
  ];
  return groups.filter(([, found]) => found.length > 0).map(([title, found]) => `${title}: ${listed(found, 5)}`);
}

/** Accounts in use that were made for somebody who is no member of the project now. */
function leaversOf({ project, now, accounts }: Sides): readonly string[] {
  const members = new Set<string>(project.members.map((m) => m.userId));
  const left = new Set(accounts.filter((a) => a.projectId === project.id && !members.has(a.ciUserId)).map((a) => a.accountId));
  return (now?.accounts ?? [])
    .filter((a) => left.has(a.id) && a.state === "enabled")
    .map((a) => `${a.name}, whom the next pass over everything locks`);
}

function rolesOf({ project, now, accounts, roleOf }: Sides): readonly string[] {
  const memberOf = new Map(accounts.map((a) => [a.accountId, project.members.find((m) => m.userId === a.ciUserId)]));
  return (now?.accounts ?? []).flatMap((account) => {
    const member = memberOf.get(account.id);
    if (member === undefined || account.roleName === "") return [];
    const wanted = roleOf(member.role);
    return wanted === account.roleName ? [] : [`${account.name} has ${account.roleName}, and should have ${wanted}`];
  });
}

function limitsOf({ project, now }: Sides): readonly string[] {
  return Object.entries(project.limits).flatMap(([type, wanted]) => {
    const has = now?.limits?.[type as LimitType];
    if (has === undefined || wanted === undefined || has === wanted) return [];
    const text = (n: number): string => (n === -1 ? "no limit" : amountText(type as LimitType, n));
    return [`${limitNames[type as LimitType]} (${text(wanted)} in the CI database, ${text(has)} in CloudStack)`];
  });
}

/** What is limited, in words. */
export const limitNames: Record<LimitType, string> = {
  user_vm: "Machines",
  public_ip: "Public addresses",
  volume: "Disks",
  snapshot: "Snapshots",
  template: "Templates and ISOs",
  project: "CloudStack projects",
  network: "Networks",
  vpc: "VPCs",
  cpu: "CPU cores",
  memory: "Memory",
  primary_storage: "Space for disks",
  secondary_storage: "Space for templates",
};

/** An amount of what is limited, in its unit. */
export function amountText(type: LimitType, n: number): string {
  if (type === "memory") return sizeText(n * 1024 ** 2);
  return type === "primary_storage" || type === "secondary_storage" ? sizeText(n * 1024 ** 3) : String(n);
}
