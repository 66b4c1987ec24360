import type { DLogger } from "@dbos-inc/dbos-sdk";
import { StoreError } from "../store/store-error.ts";
import type { EngineEvent } from "./event.ts";

/** Is this a failure that passes by itself: our database away, or two transactions in each other's way? */
export function isRetryable(error: unknown): boolean {
  return error instanceof StoreError && (error.kind === "unavailable" || error.kind === "conflict");
}

/** Lets only warnings and errors of DBOS through, as events. */
export function quietLogger(onEvent: (event: EngineEvent) => void): DLogger {
  const tell = (entry: unknown): void => {
    onEvent({ kind: "warning", text: entry instanceof Error ? entry.message : String(entry) });
  };
  return { debug: ignore, info: ignore, warn: tell, error: tell };
}

function ignore(): void {
  /* What DBOS says for information is of no use to our operators. */
}
