import { z } from "zod";
import { columnsOf, type Queryable } from "./db.ts";

const Row = z.object({ key: z.string(), channel: z.string(), ts: z.string(), digest: z.string(), version: z.number(), at: z.number() });
/** A Slack message that is updated in place. `digest` is of its content, so nothing is sent when nothing changed. */
export type PostedMessage = Readonly<z.output<typeof Row>>;

/** Reads the message with this key, or null. */
export async function readPostedMessage(q: Queryable, key: string): Promise<PostedMessage | null> {
  return q.maybe(Row, `select ${columnsOf(Row)} from posted_message where key = $1`, [key]);
}

/** Records a message as posted or updated; each record raises the version by one. */
export async function recordPostedMessage(q: Queryable, message: Omit<PostedMessage, "version">): Promise<void> {
  await q.exec(
    `insert into posted_message (key, channel, ts, digest, at) values ($1, $2, $3, $4, $5)
     on conflict (key) do update set channel = excluded.channel, ts = excluded.ts, digest = excluded.digest, at = excluded.at,
       version = posted_message.version + 1`,
    [message.key, message.channel, message.ts, message.digest, message.at],
  );
}
