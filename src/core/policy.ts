import { z } from "zod";
import { digestOf } from "./digest.ts";
import type { Digest } from "./ids.ts";
import { DAY_MS } from "./units.ts";
import { APPROVALS_MIN } from "./votes.ts";

/** Restrictions over all passes, at first. */
const RESTRICTIONS = { perDay: 20, perWeek: 60 } as const;

const View = z.strictObject({ name: z.string(), definition: z.string() });
/** What the server of the CI database says of itself: `readSource` in `src/cidb/source.ts`. */
export const DatabaseSource = z.strictObject({
  /** Its system identifier; its address where that may not be asked. */
  server: z.string(),
  /** Its name and number. */
  database: z.string(),
  /** Where the names of the views lead, with a digest of each definition. */
  views: z.strictObject({ projects: View, users: View, memberships: View }),
});
export type DatabaseSource = z.output<typeof DatabaseSource>;

/**
 * The team's limits: set by the environment at first, changed by two people, frozen into each deletion, and applied to each plan.
 * Units: milliseconds, domains, changes.
 */
export const TeamPolicy = z.strictObject({
  quorum: z.number().int().min(APPROVALS_MIN),
  /** A user group of Slack, with those of its members who count although the CI database does not know them; or people by Slack id. */
  approvers: z.strictObject({ group: z.string().nullable(), ids: z.array(z.string()) }),
  approvalMs: z.number().int().positive(),
  coolOffMs: z.number().int().min(0),
  graceMs: z.number().int().min(0),
  deletionsPerDay: z.number().int().min(0),
  deletionsPerWeek: z.number().int().min(0),
  /** More new deletions than this in one pass are held: so many at once are taken for a fault of the source. */
  proposalsPerPass: z.number().int().min(0),
  /** More restrictive changes than this in one pass are held. */
  restrictionsPerPass: z.number().int().min(0),
  /** More restrictive changes than this over all passes are held. The defaults are for a policy that an earlier version stored. */
  restrictionsPerDay: z.number().int().min(0).default(RESTRICTIONS.perDay),
  restrictionsPerWeek: z.number().int().min(0).default(RESTRICTIONS.perWeek),
  /** More active projects than this that lost all their members in one read are held. The default is for a policy of an earlier version. */
  emptiedPerPass: z.number().int().min(0).default(0),
  /** More changes than this in one pass are held. */
  changesPerPass: z.number().int().min(1),
  /** A source below this share of its last complete size holds the plan; 0…1. */
  shrinkMinShare: z.number().min(0).max(1),
  absenceReads: z.number().int().min(2),
  absenceMs: z.number().int().min(0),
  /** What people may export of their projects besides templates. Left out: nothing. */
  exportKinds: z.array(z.enum(["volume", "snapshot"])).optional(),
  /** Ids or paths that are never a deletion candidate. */
  protectedDomains: z.array(z.string()),
  /** What is read: the root domain, the server, and the views of the CI database. */
  scope: z.strictObject({
    root: z.string(),
    server: z.string(),
    /** By the address in the configuration, for people to read. */
    database: z.string(),
    /** Left out where an earlier version stored it: then nobody confirmed it, and reads of it prove nothing. */
    source: DatabaseSource.optional(),
    views: z.strictObject({ projects: z.string(), users: z.string(), memberships: z.string() }),
    /** CI role → CloudStack role. Left out where an earlier version stored it: then no map of roles is confirmed. */
    roles: z.record(z.string(), z.string()).optional(),
  }),
});
/** The team's limits. */
export type TeamPolicy = z.output<typeof TeamPolicy>;

/** The policy in force at this moment. */
export interface PolicyNow extends TeamPolicy {
  readonly version: number;
  /** Whether two people confirmed the scope of this process; if not, no deletion continues. */
  readonly scopeIsConfirmed: boolean;
}

/**
 * The fingerprint of what is read, as the environment has it. The map of roles is confirmed with it, and compared by itself; so is the
 * database, at each read, with what the server says of itself: an address says little about what answers there.
 */
export function fingerprintOf({ root, server, views }: TeamPolicy["scope"]): Digest {
  return digestOf({ root, server, views });
}

type NumberKey = { [K in keyof TeamPolicy]-?: TeamPolicy[K] extends number ? K : never }[keyof TeamPolicy];

/** A setting that is a number: its names, bounds, initial value, and which way is the safer one. */
export interface NumberSetting {
  readonly key: NumberKey;
  /** As it is typed. */
  readonly name: string;
  /** The environment variable of the initial value. Units: seconds for a time. */
  readonly variable: string;
  /** As it is shown. */
  readonly title: string;
  readonly kind: "count" | "time" | "share";
  /** Bounds of what people may choose. Units: milliseconds for a time. */
  readonly min: number;
  readonly max: number;
  /** Bounds for the environment, wider for tests and demos that cannot wait. */
  readonly envMin: number;
  readonly envMax: number;
  /** The initial value without an environment variable. */
  readonly initial: number;
  readonly safer: "more" | "less";
}

const SECOND = 1000;
type Row = readonly [NumberKey, string, string, string, NumberSetting["kind"], number, number, number, "more" | "less", number?, number?];
const row = (
  ...[key, name, variable, title, kind, min, max, initial, safer, envMin = min, envMax = Number.POSITIVE_INFINITY]: Row
): NumberSetting => ({
  ...{ key, name, variable: `TWOKEY_${variable}`, title, kind },
  ...{ min, max, initial, safer, envMin, envMax },
});

/** Every setting that is a number, in the order in which it is shown; defined only here. */
export const numberSettings: readonly NumberSetting[] = [
  row("quorum", "quorum", "QUORUM", "Approvals needed", "count", APPROVALS_MIN, 20, APPROVALS_MIN, "more", APPROVALS_MIN, 20),
  row("approvalMs", "approval-time", "APPROVAL_SECONDS", "Time to approve", "time", 10 * SECOND, 30 * DAY_MS, DAY_MS, "less", SECOND),
  row("coolOffMs", "cool-off", "COOL_OFF_SECONDS", "Cool-off", "time", SECOND, 30 * DAY_MS, 1800 * SECOND, "more"),
  row("graceMs", "grace", "GRACE_SECONDS", "Grace period", "time", SECOND, 366 * DAY_MS, 14 * DAY_MS, "more"),
  row("deletionsPerDay", "deletions-per-day", "DELETIONS_PER_DAY", "Deletions per day", "count", 0, 50, 1, "less"),
  row("deletionsPerWeek", "deletions-per-week", "DELETIONS_PER_WEEK", "Deletions per week", "count", 0, 200, 3, "less"),
  row("proposalsPerPass", "proposals-per-pass", "PROPOSALS_PER_PASS", "Proposals per pass", "count", 0, 1000, 10, "less"),
  row("restrictionsPerPass", "restrictions-per-pass", "RESTRICTIONS_PER_PASS", "Restrictions per pass", "count", 0, 100_000, 10, "less"),
  row(
    "restrictionsPerDay",
    "restrictions-per-day",
    "RESTRICTIONS_PER_DAY",
    "Restrictions per day",
    "count",
    0,
    100_000,
    RESTRICTIONS.perDay,
    "less",
  ),
  row(
    "restrictionsPerWeek",
    "restrictions-per-week",
    "RESTRICTIONS_PER_WEEK",
    "Restrictions per week",
    "count",
    0,
    100_000,
    RESTRICTIONS.perWeek,
    "less",
  ),
  row("emptiedPerPass", "emptied-projects", "EMPTIED_PROJECTS_PER_PASS", "Emptied projects per pass", "count", 0, 10_000, 0, "less"),
  row("changesPerPass", "changes-per-pass", "CHANGES_PER_PASS", "Changes per pass", "count", 1, 100_000, 500, "less"),
  row("shrinkMinShare", "shrink-min-share", "SHRINK_MIN_SHARE", "Smallest share of the last read", "share", 0.1, 1, 0.8, "more", 0, 1),
  row("absenceReads", "absence-reads", "ABSENCE_READS", "Reads until a project is absent", "count", 2, 100_000, 20, "more"),
  row(
    "absenceMs",
    "absence-time",
    "ABSENCE_SECONDS",
    "Time until a project is absent",
    "time",
    SECOND,
    366 * DAY_MS,
    7 * DAY_MS,
    "more",
    0,
  ),
];
