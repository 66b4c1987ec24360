import type { Failure } from "../core/failure.ts";

/** The systems that `twokey doctor` looks at, in the order in which it tells of them. */
export type CheckedSystem = "environment" | "database" | "ci database" | "cloudstack" | "slack" | "archive" | "http";

/** One thing that was looked at. `mending` says what to do about it; what is `ok` needs none. */
export type Check =
  | { readonly system: CheckedSystem; readonly state: "ok"; readonly sentence: string }
  | { readonly system: CheckedSystem; readonly state: "warning" | "failed"; readonly sentence: string; readonly mending: string };

/** Makes the checks of one system. */
export function checksOf(system: CheckedSystem): {
  ok(sentence: string): Check;
  warning(sentence: string, mending: string): Check;
  failed(sentence: string, mending: string): Check;
  /** A failure as it came; `mending` is for those that carry none. */
  refused(f: Failure, mending: string): Check;
} {
  return {
    ok: (sentence) => ({ system, state: "ok", sentence }),
    warning: (sentence, mending) => ({ system, state: "warning", sentence, mending }),
    failed: (sentence, mending) => ({ system, state: "failed", sentence, mending }),
    refused: (f, mending) => ({ system, state: "failed", sentence: f.message, mending: f.mending ?? mending }),
  };
}
