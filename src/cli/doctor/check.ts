import type { Failure } from "../../core/failure.ts";

/** The systems that `twokey doctor` checks, in the order of its report. */
export type CheckedSystem = "environment" | "proxy" | "database" | "ci database" | "cloudstack" | "slack" | "archive" | "http";

/**
 * One finding. `remedy` says what to do about it; what is `ok` needs none. `skipped`: another finding keeps it from being checked, and the
 * sentence says which.
 */
export type Check =
  | { readonly system: CheckedSystem; readonly state: "ok" | "skipped"; readonly sentence: string }
  | { readonly system: CheckedSystem; readonly state: "warning" | "failed"; readonly sentence: string; readonly remedy: string };

/** The four results that a check of one system can have, each with its sentence. */
export function checksOf(system: CheckedSystem) {
  return {
    ok: (sentence: string): Check => ({ system, state: "ok", sentence }),
    skipped: (sentence: string): Check => ({ system, state: "skipped", sentence }),
    warning: (sentence: string, remedy: string): Check => ({ system, state: "warning", sentence, remedy }),
    failed: (sentence: string, remedy: string): Check => ({ system, state: "failed", sentence, remedy }),
    /** A failure with its own remedy; `remedy` is for those that have none. */
    refused: (f: Failure, remedy: string): Check => ({ system, state: "failed", sentence: f.message, remedy: f.remedy ?? remedy }),
  };
}
