import type { WebClient } from "@slack/web-api";
import type { Clock } from "../core/clock.ts";
import { digestOf } from "../core/digest.ts";
import { fail, type Failure } from "../core/failure.ts";
import { ok, type Result } from "../core/result.ts";
import type { Database } from "../store/db.ts";
import { readPostedMessage, recordPostedMessage } from "../store/posted-messages.ts";
import type { Events } from "../events.ts";
import { callSlack } from "./slack.ts";

/** A text that does not fit a message. */
export interface TextFile {
  readonly name: string;
  readonly title: string;
  readonly text: string;
}

/**
 * Puts a text into the thread of the message under `key`, once for each `fileKey`.
 *
 * Source: facts on Slack §4 "files": three calls behind `files.uploadV2`, scope `files:write`.
 * Errors: the message is not there; Slack refuses the file, or cannot be reached.
 */
export async function putFile(
  key: string,
  fileKey: string,
  { name, title, text }: TextFile,
  o: { readonly client: WebClient; readonly db: Database; readonly now: Clock; readonly events: Events },
): Promise<Result<null, Failure>> {
  const main = await readPostedMessage(o.db, key);
  if (main === null) return fail("unavailable", "slack.no_message", "The message is not there");
  if ((await readPostedMessage(o.db, `${key}:${fileKey}`)) !== null) return ok(null);
  const { channel, ts } = main;
  const sent = await callSlack("files.uploadV2", () =>
    o.client.files.uploadV2({ channel_id: channel, thread_ts: ts, file: Buffer.from(text), filename: name, title }),
  );
  if (!sent.ok) {
    o.events.failed("slack.file_not_sent", sent.error, { key });
    return sent;
  }
  await recordPostedMessage(o.db, { key: `${key}:${fileKey}`, channel, ts, digest: digestOf({ text }), at: o.now() });
  return ok(null);
}
