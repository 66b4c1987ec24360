import type { Reason } from "./reasons.ts";

/** What must be so that a step that is kept back is taken, for each reason; it follows "Clears when". */
const CLEARS_WHEN: Readonly<Record<Reason, string>> = {
  stopped: "two approvers write /ci-resume",
  scope_unconfirmed: "two approvers agree on the card of the scope",
  outside: "the domain is below the managed root again",
  protected: "the policy no longer protects the domain",
  came_back: "the project is gone from the CI database again; until then nothing is deleted",
  alive: "no machine of the domain runs",
  enabled: "all accounts of the domain are disabled again",
  job_running: "CloudStack has finished that job",
  unproven: "CloudStack's lists agree with what it counts; it counts again every five minutes",
  neighbours: "the domains beside it are seen in full again",
  no_quorum: "enough of those who approved are approvers again",
  changed: "the domain holds again what was approved",
  closed_again: "people have decided on the new closing",
  unavailable: "it answers again; it is tried again by itself",
  unknown_outcome: "CloudStack says what became of the last call; it is asked again by itself",
  cloudstack_refused: "CloudStack takes the call; it is tried again by itself",
  account_not_empty: "the account owns nothing any more; CloudStack cleans up once a day",
  domain_deleted: "its end is recorded",
  domain_gone: "CloudStack's event log says who deleted it",
  domain_moved: "the domain has its old path again",
  archive_damaged: "the archive holds the copy again as it was saved",
  not_granted: "a person has looked at it",
  contradiction: "CloudStack's answers agree again",
};

/** When what keeps a deletion back is over, in words; null: nothing keeps it back, or an earlier version wrote why. */
export function clearsWhen(reason: string | null): string | null {
  return Object.entries(CLEARS_WHEN).find(([key]) => key === reason)?.[1] ?? null;
}
