/** Kinds that CloudStack can extract. Source: facts/cloudstack §5. */
export const archiveKinds = ["template", "iso", "volume", "snapshot"] as const;
/** One kind that can be archived. */
export type ArchiveKind = (typeof archiveKinds)[number];

/** The kinds that are saved by default. */
export const usualKinds: readonly ArchiveKind[] = ["template", "iso"];

/** The kinds that people may export for themselves: templates always, the others where the policy allows. */
export const exportKinds = ["template", "volume", "snapshot"] as const satisfies readonly ArchiveKind[];
/** One kind that people may export. */
export type ExportKind = (typeof exportKinds)[number];
