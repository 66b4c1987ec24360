import type { WebClient } from "@slack/web-api";
import { digestOf } from "../core/digest.ts";
import type { Clock } from "../core/clock.ts";
import type { Events } from "../events.ts";
import type { Database } from "../store/db.ts";
import { readPostedMessage, recordPostedMessage } from "../store/posted-messages.ts";
import type { AdoptionAnnouncer, AdoptionView } from "../sync/adoption/context.ts";
import type { Posting } from "./posting.ts";
import { fitsCard, renderAdoptionCard } from "./render/adoption-card.ts";
import { callSlack } from "./slack.ts";

/** What showing tables needs. */
export interface AdoptionTableOptions {
  readonly posting: Posting;
  readonly client: WebClient;
  readonly db: Database;
  readonly now: Clock;
  readonly channel: string;
  readonly environment: string;
  readonly events: Events;
}

/**
 * Makes what shows tables of adoption: a card, and in its thread the whole table as a file. Nobody can approve before what does not fit the
 * card can be read there.
 */
export function createAdoptionAnnouncer(o: AdoptionTableOptions): AdoptionAnnouncer {
  return {
    async showAdoption(v) {
      const key = `adoption:${v.id}`;
      const show = (isReadable: boolean): Promise<void> => o.posting.show(key, o.channel, renderAdoptionCard(v, o.environment, isReadable));
      const [card, table] = [await readPostedMessage(o.db, key), await readPostedMessage(o.db, tableKey(v))];
      // A card that had to be posted again has another thread.
      const isShown = fitsCard(v) || (card !== null && table !== null && table.ts === card.ts);
      await show(isShown);
      if (isShown || v.state !== "proposed") return;
      if (await postTable(v, o)) await show(true);
    },
  };
}

function tableKey({ id }: AdoptionView): string {
  return `adoption:${id}:table`;
}

/** False: it is not in the thread, since the card is not there or Slack did not take it. */
async function postTable(v: AdoptionView, o: AdoptionTableOptions): Promise<boolean> {
  const card = await readPostedMessage(o.db, `adoption:${v.id}`);
  if (card === null) return false;
  const file = {
    file: Buffer.from(v.table, "utf8"),
    filename: `adoption-${v.digest.slice(0, 12)}.txt`,
    title: "The whole table, with the reasons",
  };
  const sent = await callSlack("files.uploadV2", () => o.client.files.uploadV2({ channel_id: card.channel, thread_ts: card.ts, ...file }));
  if (!sent.ok) {
    o.events.failed("slack.table_not_sent", sent.error);
    return false;
  }
  await recordPostedMessage(o.db, { key: tableKey(v), channel: card.channel, ts: card.ts, digest: digestOf(v.table), at: o.now() });
  return true;
}
