import type { ModalView } from "@slack/types";
import type { WebClient } from "@slack/web-api";
import type { Services } from "../commands/services.ts";
import type { Reply } from "../commands/reply.ts";
import type { Database } from "../store/db.ts";
import { callSlack } from "./slack.ts";

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
  readonly services: Services;
  readonly channel: string;
}

/** Opens a window for who clicked; the click's trigger is good for three seconds. Null: it is open. */
export async function openModal(click: Click, view: ModalView, c: ClickContext): Promise<Reply | null> {
  const opened = await callSlack("views.open", () => c.client.views.open({ trigger_id: click.triggerId, view }));
  return opened.ok ? null : { title: "The window did not open in time", parts: [{ kind: "text", text: "Click again." }] };
}
