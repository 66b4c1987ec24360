import type { WebClient } from "@slack/web-api";
import type { Desks } from "../commands/ports.ts";
import type { Database } from "../store/db.ts";

/** One click, as far as it matters. */
export interface Click {
  readonly action: string;
  readonly value: string;
  readonly user: string;
  readonly channel: string;
  /** Null when it came from no message. */
  readonly ts: string | null;
  readonly triggerId: string;
}

/** What clicks need. */
export interface ClickContext {
  readonly db: Database;
  readonly client: WebClient;
  readonly desks: Desks;
  readonly channel: string;
}
