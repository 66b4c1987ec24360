/** What the members of a project are told of a deletion, in order; each by a direct message of its own. */
export const memberStages = ["asked", "approved", "quarantine", "last_call", "ended"] as const;
/** One of them. */
export type MemberStage = (typeof memberStages)[number];
