/** What the engine tells its owner; events.ts turns it into log lines and counters. */
export type EngineEvent =
  /** `name` and `id` of the work; it will be tried again by itself (`run_retried`) or not (`run_failed`). */
  | { readonly kind: "run_retried" | "run_failed"; readonly name: string; readonly id: string; readonly error: unknown }
  /** Work of a dead process begins again here or elsewhere. */
  | { readonly kind: "taken_over"; readonly run: string; readonly workflow: string; readonly from: string; readonly count: number }
  /** Work whose processes kept dying: a person has to look. */
  | { readonly kind: "given_up"; readonly run: string; readonly workflow: string; readonly from: string; readonly count: number }
  | { readonly kind: "warning"; readonly text: string };
