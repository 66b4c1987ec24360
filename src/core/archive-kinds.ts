/** Kinds that CloudStack can hand out. Source: facts/cloudstack §5. */
export const archiveKinds = ["template", "iso", "volume", "snapshot"] as const;
/** One kind that can be archived. */
export type ArchiveKind = (typeof archiveKinds)[number];

/** What is saved when a deletion's policy does not say. */
export const usualKinds: readonly ArchiveKind[] = ["template", "iso"];
