/** What the engine reports; src/events.ts turns it into log lines and counters. */
export type EngineEvent =
  /** A run failed: it is retried automatically (`run_retried`) or not (`run_failed`). */
  | { readonly kind: "run_retried" | "run_failed"; readonly name: string; readonly id: string; readonly error: unknown }
  /** A run of a dead process starts again, here or elsewhere. */
  | { readonly kind: "taken_over"; readonly run: string; readonly workflow: string; readonly from: string; readonly count: number }
  /** A run whose processes kept dying: a person must inspect it. */
  | { readonly kind: "given_up"; readonly run: string; readonly workflow: string; readonly from: string; readonly count: number }
  | { readonly kind: "warning"; readonly text: string };
