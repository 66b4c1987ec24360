/** The kinds of things a backup can hold, in the order in which they are shown. */
export const sizeKinds = ["machine", "volume", "snapshot", "template", "iso"] as const;
/** One kind of thing a backup can hold. */
export type SizeKind = (typeof sizeKinds)[number];

/** The backup policies, the largest first. */
export const policies = ["everything", "snapshots", "templates"] as const;
/** One backup policy. */
export type Policy = (typeof policies)[number];

/** The kinds that each policy saves; ISOs come with the templates, since neither can be made again from anything else. */
export const kindsOf: Readonly<Record<Policy, readonly SizeKind[]>> = {
  everything: ["machine", "volume", "snapshot", "template", "iso"],
  snapshots: ["snapshot", "template", "iso"],
  templates: ["template", "iso"],
};

/** The policies' names as shown. */
export const policyNames: Readonly<Record<Policy, string>> = {
  everything: "everything",
  snapshots: "snapshots and templates",
  templates: "templates only",
};

/** Kinds whose content never changes: they are saved once. A volume changes, and is saved in full each time. */
export const unchangingKinds: ReadonlySet<SizeKind> = new Set(["snapshot", "template", "iso"]);

/** How often backups are made, how long they are kept, and what that costs. */
export interface BackupTerms {
  readonly scheduleDays: number;
  /** Versions beyond either limit are deleted; the newest is always kept. */
  readonly keepVersions: number;
  readonly keepDays: number;
  readonly pricePerGibMonth: number;
  readonly transferPricePerGib: number;
  /** ISO 4217, such as EUR. */
  readonly currency: string;
}

/** A project's policy: its own, or that of `*`; null: it has no backups. */
export function policyOf(slug: string, chosen: Readonly<Record<string, Policy | null>>): Policy | null {
  const own = Object.hasOwn(chosen, slug) ? chosen[slug] : chosen["*"];
  return own ?? null;
}

/** Parses `aurora=everything,*=templates`; `none` means no backups. Null: it cannot be read, or names a project twice. */
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
