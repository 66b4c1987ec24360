import type { Failure } from "../../core/failure.ts";

/** The systems that `twokey doctor` checks, in the order of its report. */
export type CheckedSystem = "environment" | "database" | "ci database" | "cloudstack" | "slack" | "archive" | "http";

/** One finding. `remedy` says what to do about it; what is `ok` needs none. */
export type Check =
  | { readonly system: CheckedSystem; readonly state: "ok"; readonly sentence: string }
  | { readonly system: CheckedSystem; readonly state: "warning" | "failed"; readonly sentence: string; readonly remedy: string };

/** Makes the checks of one system. */
export function checksOf(system: CheckedSystem): {
  ok(sentence: string): Check;
  warning(sentence: string, remedy: string): Check;
  failed(sentence: string, remedy: string): Check;
  /** A failure as it came; `remedy` is for those that carry none. */
  refused(f: Failure, remedy: string): Check;
} {
  return {
    ok: (sentence) => ({ system, state: "ok", sentence }),
    warning: (sentence, remedy) => ({ system, state: "warning", sentence, remedy }),
    failed: (sentence, remedy) => ({ system, state: "failed", sentence, remedy }),
    refused: (f, remedy) => ({ system, state: "failed", sentence: f.message, remedy: f.remedy ?? remedy }),
  };
}
