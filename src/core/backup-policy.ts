/** The kinds of things a backup can hold, in the order in which they are shown. */
export const sizeKinds = ["machine", "volume", "snapshot", "template", "iso"] as const;
/** One kind of thing a backup can hold. */
export type SizeKind = (typeof sizeKinds)[number];

/** What a project's backups hold, the most first. */
export const policies = ["everything", "snapshots", "templates"] as const;
/** One choice of what to back up. */
export type Policy = (typeof policies)[number];

/** The kinds that each policy saves; ISOs go with the templates, since neither can be made again from anything else. */
export const kindsOf: Readonly<Record<Policy, readonly SizeKind[]>> = {
  everything: ["machine", "volume", "snapshot", "template", "iso"],
  snapshots: ["snapshot", "template", "iso"],
  templates: ["template", "iso"],
};

/** What people call each policy. */
export const policyNames: Readonly<Record<Policy, string>> = {
  everything: "everything",
  snapshots: "snapshots and templates",
  templates: "templates only",
};

/** Kinds that never change once they are there: saved once, and kept. A volume changes all the time, and is saved whole each time. */
export const unchangingKinds: ReadonlySet<SizeKind> = new Set(["snapshot", "template", "iso"]);

/** How often backups are made, how long they are kept, and what that costs. */
export interface BackupTerms {
  readonly scheduleDays: number;
  /** Versions older than either limit go; the newest always stays. */
  readonly keepVersions: number;
  readonly keepDays: number;
  readonly pricePerGibMonth: number;
  readonly transferPricePerGib: number;
  /** ISO 4217, such as EUR. */
  readonly currency: string;
}

/** The policy of each project: its own, or that of `*`; null: no backups are made of it. */
export function policyOf(slug: string, chosen: Readonly<Record<string, Policy | null>>): Policy | null {
  const own = Object.hasOwn(chosen, slug) ? chosen[slug] : chosen["*"];
  return own ?? null;
}

/** Parses `aurora=everything,*=templates`; `none` makes no backups. Null: it cannot be read, or names a project twice. */
export function parsePolicies(text: string): Readonly<Record<string, Policy | null>> | null {
  const chosen = new Map<string, Policy | null>();
  for (const pair of text.split(",")) {
    const [, slug, name] = /^\s*(\*|[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\s*=\s*([a-z]+)\s*$/.exec(pair) ?? [];
    const policy = policies.find((p) => p === name) ?? null;
    if (slug === undefined || chosen.has(slug) || (policy === null && name !== "none")) return null;
    chosen.set(slug, policy);
  }
  return Object.fromEntries(chosen);
}
